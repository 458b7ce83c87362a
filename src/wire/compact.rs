//! The input datagram of the compact wire (PROTOCOL 3.3).
//!
//! ```text
//! 1Teennnn | end | ack | check 2 or 8 | count if nnnn = 15 | timing 6 if T | body
//! ```

use super::body;
use super::check::Check;
use crate::bits::{BitReader, BitWriter};
use crate::config::Config;
use crate::cursor::{Reader, Writer};
use crate::error::DatagramError;
use crate::inbox::Inbox;
use crate::outbox::Pushed;
use crate::ring::copy;

/// Bit 7 of the tag: an input datagram.
pub(crate) const INPUT: u8 = 0x80;
const TIMING: u8 = 0x40;
/// Bytes in front of the check: the tag and the low bytes of the end and the acknowledgement.
const HEAD: usize = 3;
/// The count that says that a count byte follows.
const LONG: u32 = 15;

/// When a datagram was sent, as the clocks of both ends see it (PROTOCOL 3.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timing {
    pub(crate) stamp: u16,
    pub(crate) echo: u16,
    pub(crate) sent: u16,
}

/// A received input datagram whose every byte has been judged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packet<'a> {
    /// Inputs carried: those of the frames `end - count .. end`.
    pub(crate) count: u32,
    pub(crate) end: u32,
    /// The next frame of ours that the peer wants.
    pub(crate) ack: u32,
    pub(crate) timing: Option<Timing>,
    /// The inputs after the first one wanted, each to be read over its predecessor.
    pub(crate) rest: BitReader<'a>,
}

/// What a receiver holds a datagram against.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expected<'a> {
    pub(crate) epoch: u32,
    /// The peer's inputs that are known, and their bytes.
    pub(crate) inbox: &'a Inbox,
    pub(crate) rows: &'a [u8],
    /// The frame that our next push gets.
    pub(crate) next: u32,
    pub(crate) window: u32,
    pub(crate) check: &'a Check,
}

/// Whether a datagram has the bytes that each has, which is asked first, whoever sent it.
pub(crate) fn is_long_enough(datagram: &[u8], config: &Config) -> bool {
    datagram.len() >= HEAD.saturating_add(Check::new(config).len())
}

/// Judges a datagram, whose tag is known, in the order of PROTOCOL 3.7, and leaves in `input`, which has the bytes of one,
/// the first one wanted, if the datagram carries it.
pub(crate) fn parse<'a>(
    datagram: &'a [u8],
    expected: &Expected<'_>,
    input: &mut [u8],
) -> Result<Packet<'a>, DatagramError> {
    let mut reader = Reader::new(datagram);
    let head = reader.bytes(HEAD).ok_or(DatagramError::Truncated)?;
    let check = reader.bytes(expected.check.len()).ok_or(DatagramError::Truncated)?;
    let &[tag, end, ack] = head else {
        return Err(DatagramError::Truncated);
    };
    if tag >> 4 & 3 != epoch_bits(expected.epoch) {
        return Err(DatagramError::OtherEpoch);
    }
    let want = expected.inbox.end();
    let end = expand_end(want, end)?;
    let ack = expand_ack(expected.next, ack)?;
    if !expected.check.over(frames(end, ack), head, reader.rest()).is(check) {
        return Err(DatagramError::Check);
    }

    let short = u32::from(tag & 0x0f);
    let more = if short == LONG { reader.u8().ok_or(DatagramError::Length)? } else { 0 };
    let count = short.saturating_add(u32::from(more));
    let timing = if tag & TIMING == 0 { None } else { Some(read_timing(&mut reader).ok_or(DatagramError::Length)?) };
    if count > expected.window {
        return Err(DatagramError::Count);
    }
    let base = end.checked_sub(count).ok_or(DatagramError::FrameRange)?;
    if base > want {
        return Err(DatagramError::OutOfStep);
    }

    // The old ones serve as predecessors only, but what the datagram says of them is what counts for those after them.
    if let Some(held) = expected.inbox.before(expected.rows, base) {
        copy(input, held);
    }
    let later = end.saturating_sub(want).saturating_sub(1);
    let mut rest = BitReader::new(reader.rest());
    body::read_all(&mut rest, input, count.saturating_sub(later));
    if !body::are_exactly(&rest, input.len(), later) {
        return Err(DatagramError::Body);
    }
    Ok(Packet { count, end, ack, timing, rest })
}

fn read_timing(reader: &mut Reader<'_>) -> Option<Timing> {
    Some(Timing { stamp: reader.u16()?, echo: reader.u16()?, sent: reader.u16()? })
}

/// The end whose low bits are `low` and that lies nearest to the next frame wanted.
fn expand_end(want: u32, low: u8) -> Result<u32, DatagramError> {
    let distance = low.wrapping_sub(low_byte(want));
    let end = if distance < 0x80 {
        want.checked_add(u32::from(distance))
    } else {
        want.checked_sub(u32::from(distance.wrapping_neg()))
    };
    end.ok_or(DatagramError::FrameRange)
}

/// The greatest end of ours with these low bits: what was never sent cannot be acknowledged.
fn expand_ack(next: u32, low: u8) -> Result<u32, DatagramError> {
    let behind = low_byte(next).wrapping_sub(low);
    next.checked_sub(u32::from(behind)).ok_or(DatagramError::FrameRange)
}

/// The full numbers of the frames of which the head says the low bytes: the check covers them.
fn frames(end: u32, ack: u32) -> u64 {
    u64::from(end) << 32 | u64::from(ack)
}

/// What to say in an input datagram.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draft<'a> {
    pub(crate) epoch: u32,
    /// All our inputs below this frame are acknowledged.
    pub(crate) acked: u32,
    /// The next frame wanted from the peer.
    pub(crate) want: u32,
    pub(crate) timing: Option<Timing>,
    /// The longest datagram allowed; one with a single input may be longer.
    pub(crate) limit: usize,
    pub(crate) check: &'a Check,
}

/// Writes a datagram that carries every unacknowledged input, or the oldest ones if they do not all fit, and returns its
/// length.
pub(crate) fn emit(room: &mut [u8], draft: &Draft<'_>, pushed: &Pushed<'_>) -> Option<usize> {
    let unacked = pushed.outbox.next.saturating_sub(draft.acked);
    let count = fitting(room, draft, pushed, unacked);
    let end = draft.acked.saturating_add(count);
    let flags = if draft.timing.is_some() { INPUT | TIMING } else { INPUT };
    let tag = flags | epoch_bits(draft.epoch) << 4 | low_byte(count.min(LONG));

    let rest_at = HEAD.saturating_add(draft.check.len());
    let (front, rest) = room.split_at_mut_checked(rest_at)?;
    let (head, check) = front.split_first_chunk_mut()?;
    *head = [tag, low_byte(end), low_byte(draft.want)];
    let mut to = Writer::new(rest);
    if count >= LONG {
        to.u8(low_byte(count.saturating_sub(LONG)));
    }
    if let Some(timing) = draft.timing {
        to.u16(timing.stamp);
        to.u16(timing.echo);
        to.u16(timing.sent);
    }
    let body_at = to.finish()?;
    let mut body = BitWriter::new(rest.get_mut(body_at..)?);
    write_inputs(&mut body, pushed, unacked, unacked.saturating_sub(count));
    let rest_len = body_at.saturating_add(body.finish()?);

    draft.check.over(frames(end, draft.want), head, rest.get(..rest_len)?).write(&mut Writer::new(check));
    Some(rest_at.saturating_add(rest_len))
}

/// Writes the inputs `from` frames before the next one and later, but for the newest `to`, each after its predecessor.
fn write_inputs(body: &mut BitWriter<'_>, pushed: &Pushed<'_>, from: u32, to: u32) {
    let mut back = from;
    loop {
        let changed = pushed.outbox.changed_from(back);
        if changed <= to {
            // What follows is the same, and what is zero at the end goes without saying.
            return;
        }
        // Those that are the same as before, together.
        body.put(0b0, back.wrapping_sub(changed));
        body::write(body, pushed.back(changed.wrapping_add(1)), pushed.back(changed));
        back = changed.wrapping_sub(1);
    }
}

/// How many of the unacknowledged inputs, oldest first, fit a datagram; at least one.
fn fitting(scratch: &mut [u8], draft: &Draft<'_>, pushed: &Pushed<'_>, unacked: u32) -> u32 {
    let timing = if draft.timing.is_some() { 6 } else { 0 };
    let head = HEAD.saturating_add(draft.check.len()).saturating_add(timing).saturating_add(1);
    let room = draft.limit.saturating_sub(head);
    let longest =
        usize::try_from(unacked).unwrap_or(usize::MAX).saturating_mul(body::longest_bits(pushed.outbox.size())) >> 3;
    if longest < room {
        return unacked;
    }
    let mut body = BitWriter::new(scratch);
    for count in 0..unacked {
        let back = unacked.saturating_sub(count);
        body::write(&mut body, pushed.back(back.saturating_add(1)), pushed.back(back));
        // Below 15 inputs there is no count byte, and a byte more for the body.
        let room = if count.saturating_add(1) < LONG { room.saturating_add(1) } else { room };
        if body.len() > room {
            return count.max(1);
        }
    }
    unacked
}

fn epoch_bits(epoch: u32) -> u8 {
    low_byte(epoch) & 3
}

fn low_byte(number: u32) -> u8 {
    let [low, ..] = number.to_le_bytes();
    low
}

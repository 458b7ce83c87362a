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
/// The count that says that a count byte follows.
const LONG: u64 = 15;

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
    pub(crate) count: u64,
    pub(crate) end: u64,
    /// The next frame of ours that the peer wants.
    pub(crate) ack: u64,
    pub(crate) timing: Option<Timing>,
    /// The inputs of the frames wanted, each to be read over its predecessor.
    pub(crate) news: BitReader<'a>,
}

/// What a receiver holds a datagram against.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expected<'a> {
    pub(crate) epoch: u32,
    /// The peer's inputs that are known, and their bytes.
    pub(crate) inbox: &'a Inbox,
    pub(crate) rows: &'a [u8],
    /// The frame that our next push gets.
    pub(crate) next: u64,
    pub(crate) window: u64,
    pub(crate) check: &'a Check,
}

/// Whether a datagram has the bytes that each has, which is asked first, whoever sent it.
pub(crate) fn is_long_enough(datagram: &[u8], config: &Config) -> bool {
    datagram.len() >= 3_usize.saturating_add(Check::new(config).len())
}

/// Judges a datagram, whose tag is known, in the order of PROTOCOL 3.7, and leaves in `input`, which has the bytes of one,
/// the predecessor of the first one wanted.
pub(crate) fn parse<'a>(
    datagram: &'a [u8],
    expected: &Expected<'_>,
    input: &mut [u8],
) -> Result<Packet<'a>, DatagramError> {
    let mut reader = Reader::new(datagram);
    let head = reader.bytes(3).ok_or(DatagramError::Truncated)?;
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
    if !expected.check.over(&covered(end, ack, [tag, low_byte(end), low_byte(ack)]), reader.rest()).is(check) {
        return Err(DatagramError::Check);
    }

    let mut count = u64::from(tag & 0x0f);
    if count == LONG {
        count = count.saturating_add(u64::from(reader.u8().ok_or(DatagramError::Length)?));
    }
    let timing = if tag & TIMING == 0 { None } else { Some(read_timing(&mut reader).ok_or(DatagramError::Length)?) };
    if count > expected.window {
        return Err(DatagramError::Count);
    }
    let base = end.checked_sub(count).ok_or(DatagramError::FrameRange)?;
    if base > want {
        return Err(DatagramError::OutOfStep);
    }

    // The old ones serve as predecessors only, but what the datagram says of them is what counts for those after them.
    if let Some(held) = base.checked_sub(1).and_then(|frame| expected.inbox.input(expected.rows, frame)) {
        copy(input, held);
    }
    let new = end.saturating_sub(want);
    let mut news = BitReader::new(reader.rest());
    body::read_all(&mut news, input, count.saturating_sub(new));
    if !body::are_exactly(news, input.len(), new) {
        return Err(DatagramError::Body);
    }
    Ok(Packet { count, end, ack, timing, news })
}

fn read_timing(reader: &mut Reader<'_>) -> Option<Timing> {
    Some(Timing { stamp: reader.u16()?, echo: reader.u16()?, sent: reader.u16()? })
}

/// The end whose low bits are `low` and that lies nearest to the next frame wanted.
fn expand_end(want: u64, low: u8) -> Result<u64, DatagramError> {
    let distance = low.wrapping_sub(low_byte(want));
    let end = if distance < 0x80 {
        want.checked_add(u64::from(distance))
    } else {
        want.checked_sub(u64::from(distance.wrapping_neg()))
    };
    end.filter(|end| u32::try_from(*end).is_ok()).ok_or(DatagramError::FrameRange)
}

/// The greatest end of ours with these low bits: what was never sent cannot be acknowledged.
fn expand_ack(next: u64, low: u8) -> Result<u64, DatagramError> {
    let behind = low_byte(next).wrapping_sub(low);
    next.checked_sub(u64::from(behind)).ok_or(DatagramError::FrameRange)
}

/// What the check covers before the rest of a datagram: the full frame numbers, and the head that says a part of them.
fn covered(end: u64, ack: u64, head: [u8; 3]) -> [u8; 11] {
    let [end3, end2, end1, end0] = low_word(end).to_be_bytes();
    let [ack3, ack2, ack1, ack0] = low_word(ack).to_be_bytes();
    let [tag, end, ack] = head;
    [end3, end2, end1, end0, ack3, ack2, ack1, ack0, tag, end, ack]
}

/// What to say in an input datagram.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draft<'a> {
    pub(crate) epoch: u32,
    /// All our inputs below this frame are acknowledged.
    pub(crate) acked: u64,
    /// The next frame wanted from the peer.
    pub(crate) want: u64,
    pub(crate) timing: Option<Timing>,
    /// The longest datagram allowed; one with a single input may be longer.
    pub(crate) limit: usize,
    pub(crate) check: &'a Check,
}

/// Writes a datagram that carries every unacknowledged input, or the oldest ones if they do not all fit, and returns its
/// length.
pub(crate) fn emit(room: &mut [u8], draft: &Draft<'_>, pushed: &Pushed<'_>) -> Option<usize> {
    let count = fitting(room, draft, pushed);
    let end = draft.acked.saturating_add(count);
    let flags = if draft.timing.is_some() { INPUT | TIMING } else { INPUT };
    let head = [
        flags | epoch_bits(draft.epoch) << 4 | u8::try_from(count.min(LONG)).ok()?,
        low_byte(end),
        low_byte(draft.want),
    ];
    let rest_at = head.len().saturating_add(draft.check.len());

    let (front, rest) = room.split_at_mut_checked(rest_at)?;
    let mut to = Writer::new(rest);
    if count >= LONG {
        to.u8(u8::try_from(count.saturating_sub(LONG)).ok()?);
    }
    if let Some(timing) = draft.timing {
        to.u16(timing.stamp);
        to.u16(timing.echo);
        to.u16(timing.sent);
    }
    let body_at = to.finish()?;
    let mut body = BitWriter::new(rest.get_mut(body_at..)?);
    let unacked = pushed.next.saturating_sub(draft.acked);
    body::write_all(&mut body, pushed.back(unacked.saturating_add(1)), pushed.run(unacked, count));
    let rest_len = body_at.saturating_add(body.finish()?);

    let sum = draft.check.over(&covered(end, draft.want, head), rest.get(..rest_len)?);
    let mut to = Writer::new(front);
    to.bytes(&head);
    sum.write(&mut to);
    Some(rest_at.saturating_add(rest_len))
}

/// How many of the unacknowledged inputs, oldest first, fit a datagram; at least one.
fn fitting(scratch: &mut [u8], draft: &Draft<'_>, pushed: &Pushed<'_>) -> u64 {
    let unacked = pushed.next.saturating_sub(draft.acked);
    let timing = if draft.timing.is_some() { 6 } else { 0 };
    let head = 3_usize.saturating_add(draft.check.len()).saturating_add(timing).saturating_add(1);
    let room = draft.limit.saturating_sub(head);
    let longest = usize::try_from(unacked).unwrap_or(0).saturating_mul(body::longest_bits(pushed.size())) >> 3;
    if longest < room {
        return unacked;
    }
    let mut body = BitWriter::new(scratch);
    let mut previous = pushed.back(unacked.saturating_add(1));
    let fitted = pushed.run(unacked, unacked).zip(1..=unacked).take_while(|(current, written)| {
        body::write(&mut body, previous, current);
        previous = current;
        // Below 15 inputs there is no count byte, and a byte more for the body.
        let room = if *written < LONG { room.saturating_add(1) } else { room };
        body.len() <= room
    });
    fitted.last().map_or(1, |(_, written)| written)
}

fn epoch_bits(epoch: u32) -> u8 {
    low_byte(u64::from(epoch)) & 3
}

fn low_byte(number: u64) -> u8 {
    let [low, ..] = number.to_le_bytes();
    low
}

fn low_word(number: u64) -> u32 {
    let [a, b, c, d, ..] = number.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

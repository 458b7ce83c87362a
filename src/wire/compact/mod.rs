//! The compact wire (PROTOCOL 3): its input datagram here, the others in `control`.
//!
//! ```text
//! 1Teennnn | end 1 | ack 1 | tag 2, 4 or 8 | count 1 if nnnn = 15 | timing 8 if T | body
//! ```
//!
//! Of the frame numbers `end` and `ack` the wire carries the low bytes. The tag covers the full ones, so they are needed to
//! verify it: [`Sealed`] is a datagram before that, [`Packet`] after it.

pub(crate) mod control;
pub(crate) mod delta;
pub(crate) mod tag;
pub(crate) mod word;

use crate::error::DatagramError;
use crate::num::low_u8;
use crate::wire::bits::{BitReader, BitWriter};
use crate::wire::bytes::{Reader, Writer};
use tag::TagState;

/// Bit 7 of the first byte: an input datagram.
pub(crate) const INPUT: u8 = 0x80;
const TIMING: u8 = 0x40;
/// Bytes in front of the tag: the first byte and the low bytes of `end` and `ack`.
const HEAD_LEN: usize = 3;
const TIMING_LEN: usize = 8;
/// The count that says that a count byte follows.
const LONG: u32 = 15;

/// The byte of a lead that is not known.
const NO_LEAD: i8 = i8::MIN;

/// When a datagram was sent, by the clocks of both endpoints, and what its sender sees of the link (PROTOCOL 3.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timing {
    pub(crate) stamp: u16,
    pub(crate) echo: u16,
    pub(crate) sent: u16,
    /// How many 256ths of the receiver's datagrams the sender missed lately.
    pub(crate) lost: u8,
    /// The sender's lead over the receiver, less twice its input delay, in quarters of a frame.
    pub(crate) lead: Option<i8>,
}

/// Everything in an input datagram except its inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) epoch: u32,
    /// The frame after the last input carried.
    pub(crate) end: u32,
    /// How many inputs are carried: those of the frames `end - count .. end`.
    pub(crate) count: u32,
    /// The next frame that the sender expects.
    pub(crate) ack: u32,
    pub(crate) timing: Option<Timing>,
}

/// A received datagram whose tag has not been verified.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sealed<'a> {
    head: &'a [u8; HEAD_LEN],
    tag: &'a [u8],
    rest: &'a [u8],
}

/// A received datagram whose tag is right.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packet<'a> {
    pub(crate) header: Header,
    /// The inputs, not read yet.
    pub(crate) body: BitReader<'a>,
}

impl<'a> Sealed<'a> {
    /// Splits a datagram; `None` if it is too short.
    pub(crate) fn split(datagram: &'a [u8], tag_len: usize) -> Option<Self> {
        let (head, sealed) = datagram.split_first_chunk()?;
        let (tag, rest) = sealed.split_at_checked(tag_len)?;
        Some(Self { head, tag, rest })
    }

    /// Returns whether it carries the low bits of `epoch`.
    pub(crate) fn is_of_epoch(&self, epoch: u32) -> bool {
        let [first, ..] = self.head;
        first >> 4 & 3 == epoch_bits(epoch)
    }

    /// The end nearest to the next frame that the receiver expects; `None` outside the range of frames.
    pub(crate) fn end(&self, recv_next: u32) -> Option<u32> {
        let [_, low, _] = self.head;
        let distance = low.wrapping_sub(low_u8(recv_next));
        if distance < 0x80 {
            recv_next.checked_add(u32::from(distance))
        } else {
            recv_next.checked_sub(u32::from(distance.wrapping_neg()))
        }
    }

    /// Returns the greatest acknowledgement with this low byte up to `send_next`: unsent inputs cannot be acknowledged.
    /// `None` outside the range of frames.
    pub(crate) fn ack(&self, send_next: u32) -> Option<u32> {
        let [_, _, low] = self.head;
        let behind = low_u8(send_next).wrapping_sub(*low);
        send_next.checked_sub(u32::from(behind))
    }

    /// Verifies the tag, then decodes the header.
    pub(crate) fn open(self, state: &TagState, epoch: u32, end: u32, ack: u32) -> Result<Packet<'a>, DatagramError> {
        if !state.tag(frames(end, ack), self.head, self.rest).is(self.tag) {
            return Err(DatagramError::BadTag);
        }
        let [first, ..] = *self.head;
        let mut reader = Reader::new(self.rest);
        let short = u32::from(first & 0x0f);
        let more = if short == LONG { reader.u8().ok_or(DatagramError::WrongLength)? } else { 0 };
        let timing = match first & TIMING {
            0 => None,
            _ => Some(Timing::decode(&mut reader).ok_or(DatagramError::WrongLength)?),
        };
        let header = Header { epoch, end, count: short.saturating_add(u32::from(more)), ack, timing };
        Ok(Packet { header, body: BitReader::new(reader.rest()) })
    }
}

impl Header {
    /// Writes a datagram whose body `write_body` writes, and returns its length, or `None` if it does not fit.
    pub(crate) fn encode(
        &self,
        buf: &mut [u8],
        state: &TagState,
        write_body: impl FnOnce(&mut BitWriter<'_>),
    ) -> Option<usize> {
        let flags = if self.timing.is_some() { INPUT | TIMING } else { INPUT };
        let first = flags | epoch_bits(self.epoch) << 4 | low_u8(self.count.min(LONG));

        let rest_at = HEAD_LEN.saturating_add(state.tag_len());
        let (front, rest) = buf.split_at_mut_checked(rest_at)?;
        let (head, tag) = front.split_first_chunk_mut()?;
        *head = [first, low_u8(self.end), low_u8(self.ack)];
        let mut to = Writer::new(rest);
        if self.count >= LONG {
            to.u8(low_u8(self.count.saturating_sub(LONG)));
        }
        if let Some(timing) = self.timing {
            timing.encode(&mut to);
        }
        let body_at = to.finish()?;
        let mut body = BitWriter::new(rest.get_mut(body_at..)?);
        write_body(&mut body);
        let rest_len = body_at.saturating_add(body.finish()?);

        state.tag(frames(self.end, self.ack), head, rest.get(..rest_len)?).write(&mut Writer::new(tag));
        Some(rest_at.saturating_add(rest_len))
    }
}

impl Timing {
    fn decode(reader: &mut Reader<'_>) -> Option<Self> {
        let (stamp, echo, sent) = (reader.u16()?, reader.u16()?, reader.u16()?);
        let (lost, lead) = (reader.u8()?, reader.u8()?.cast_signed());
        Some(Self { stamp, echo, sent, lost, lead: (lead != NO_LEAD).then_some(lead) })
    }

    fn encode(self, to: &mut Writer<'_>) {
        to.u16(self.stamp);
        to.u16(self.echo);
        to.u16(self.sent);
        to.u8(self.lost);
        to.u8(self.lead.unwrap_or(NO_LEAD).cast_unsigned());
    }
}

/// The bytes in front of the body of a datagram that carries `count` inputs.
pub(crate) fn front_len(state: &TagState, count: u32, has_timing: bool) -> usize {
    let timing = if has_timing { TIMING_LEN } else { 0 };
    let count_byte = usize::from(count >= LONG);
    HEAD_LEN.saturating_add(state.tag_len()).saturating_add(timing).saturating_add(count_byte)
}

/// The full frame numbers that the tag covers.
fn frames(end: u32, ack: u32) -> u64 {
    u64::from(end) << 32 | u64::from(ack)
}

fn epoch_bits(epoch: u32) -> u8 {
    low_u8(epoch) & 3
}

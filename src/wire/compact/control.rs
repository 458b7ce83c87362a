//! Control datagrams of the compact wire (PROTOCOL 3.9).
//!
//! ```text
//! hello      20 | tag 2 or 8 | version 1 | sender 2 | receiver 2 | INPUT_LEN 1 | WINDOW 1 | frame interval 4, us
//!               | ping interval 2, ms | first frame 4 | epoch 4 | incarnation 4
//! bye        21 | tag 2 or 8
//! checksums  22 | tag 2 or 8 | ack 4 | n x { frame 4, hash 8 }
//! ```

use super::tag::{TagContext, TagState, VERSION};
use crate::checksum::{Checksum, LOCAL};
use crate::error::DatagramError;
use crate::wire::bytes::{Reader, Writer};

pub(crate) const HELLO: u8 = 0x20;
pub(crate) const BYE: u8 = 0x21;
pub(crate) const CHECKSUMS: u8 = 0x22;

/// Bytes after the tag of a hello that every version has.
const FRONT_LEN: usize = 5;
/// Bytes of a checksum with its frame.
const ENTRY_LEN: usize = 12;
/// What the tag of a control datagram covers in place of frame numbers.
const NO_FRAMES: u64 = 0;
/// A bye belongs to a run, not to an epoch.
const NO_EPOCH: u32 = 0;

/// What an endpoint announces of itself before inputs flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hello {
    pub(crate) sender: u16,
    pub(crate) receiver: u16,
    pub(crate) input_len: u8,
    pub(crate) window: u8,
    pub(crate) frame_us: u32,
    pub(crate) ping_ms: u16,
    pub(crate) first_frame: u32,
    pub(crate) epoch: u32,
    pub(crate) incarnation: u32,
}

/// A hello whose tag is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReceivedHello {
    /// Of this version.
    Hello(Hello),
    /// Of another version, or of this one with another length: only the part that every version has.
    Foreign { version: u8, sender: u16, receiver: u16 },
}

/// Verifies a hello and decodes it as far as its version allows. `state` has hashed nothing yet.
pub(crate) fn parse_hello(datagram: &[u8], state: &TagState, session_id: u64) -> Result<ReceivedHello, DatagramError> {
    let mut reader = Reader::new(datagram);
    let kind = reader.bytes(1).ok_or(DatagramError::Truncated)?;
    let tag = reader.bytes(state.tag_len()).ok_or(DatagramError::Truncated)?;
    if reader.rest().len() < FRONT_LEN {
        return Err(DatagramError::Truncated);
    }
    if !state.tag(session_id, kind, reader.rest()).is(tag) {
        return Err(DatagramError::BadTag);
    }
    read_front(&mut reader).ok_or(DatagramError::Truncated)
}

fn read_front(reader: &mut Reader<'_>) -> Option<ReceivedHello> {
    let version = reader.u8()?;
    let sender = reader.u16()?;
    let receiver = reader.u16()?;
    let hello = if version == VERSION { read_hello(reader, sender, receiver) } else { None };
    Some(
        hello
            .filter(|_| reader.rest().is_empty())
            .map_or(ReceivedHello::Foreign { version, sender, receiver }, ReceivedHello::Hello),
    )
}

fn read_hello(reader: &mut Reader<'_>, sender: u16, receiver: u16) -> Option<Hello> {
    Some(Hello {
        sender,
        receiver,
        input_len: reader.u8()?,
        window: reader.u8()?,
        frame_us: reader.u32()?,
        ping_ms: reader.u16()?,
        first_frame: reader.u32()?,
        epoch: reader.u32()?,
        incarnation: reader.u32()?,
    })
}

/// Writes a hello and returns its length. `state` has hashed nothing yet.
pub(crate) fn emit_hello(buf: &mut [u8], hello: &Hello, state: &TagState, session_id: u64) -> Option<usize> {
    emit(buf, HELLO, state, session_id, |to| {
        to.u8(VERSION);
        to.u16(hello.sender);
        to.u16(hello.receiver);
        to.u8(hello.input_len);
        to.u8(hello.window);
        to.u32(hello.frame_us);
        to.u16(hello.ping_ms);
        to.u32(hello.first_frame);
        to.u32(hello.epoch);
        to.u32(hello.incarnation);
    })
}

/// Verifies a bye from the sender of `context`.
pub(crate) fn parse_bye(datagram: &[u8], context: &TagContext) -> Result<(), DatagramError> {
    let state = context.state(NO_EPOCH);
    match datagram.get(1..) {
        Some(tag) if tag.len() < state.tag_len() => Err(DatagramError::Truncated),
        Some(tag) if tag.len() > state.tag_len() => Err(DatagramError::WrongLength),
        Some(tag) if state.tag(NO_FRAMES, &[BYE], &[]).is(tag) => Ok(()),
        Some(_) => Err(DatagramError::BadTag),
        None => Err(DatagramError::Truncated),
    }
}

/// Writes a bye from the sender of `context` and returns its length.
pub(crate) fn emit_bye(buf: &mut [u8], context: &TagContext) -> Option<usize> {
    emit(buf, BYE, &context.state(NO_EPOCH), NO_FRAMES, |_| {})
}

/// Checksums of the sender, and how far it has those of the receiver.
#[derive(Clone, Debug)]
pub(crate) struct ChecksumReport<'a> {
    /// The frame after the latest of the receiver's checksums that the sender has; 0 for none.
    pub(crate) ack: u32,
    pub(crate) entries: Entries<'a>,
}

/// The checksums of a datagram, in the order of the wire.
#[derive(Clone, Debug)]
pub(crate) struct Entries<'a> {
    bytes: Reader<'a>,
}

impl Iterator for Entries<'_> {
    type Item = Checksum;

    fn next(&mut self) -> Option<Checksum> {
        let mut entry = Reader::new(self.bytes.bytes(ENTRY_LEN)?);
        Some(Checksum { frame: entry.u32()?, hash: entry.u64()? })
    }
}

/// Verifies and decodes checksums; `state` is that of the epoch.
pub(crate) fn parse_checksums<'a>(datagram: &'a [u8], state: &TagState) -> Result<ChecksumReport<'a>, DatagramError> {
    let mut reader = Reader::new(datagram);
    let kind = reader.bytes(1).ok_or(DatagramError::Truncated)?;
    let tag = reader.bytes(state.tag_len()).ok_or(DatagramError::Truncated)?;
    if !state.tag(NO_FRAMES, kind, reader.rest()).is(tag) {
        return Err(DatagramError::BadTag);
    }
    let ack = reader.u32().ok_or(DatagramError::Truncated)?;
    if reader.rest().len() > LOCAL.saturating_mul(ENTRY_LEN) {
        return Err(DatagramError::WrongLength);
    }
    let entries = Entries { bytes: reader };
    let mut end = 0;
    let mut walk = entries.clone();
    for checksum in walk.by_ref() {
        if checksum.frame < end {
            return Err(DatagramError::NotAscending);
        }
        // The last frame number is reserved: it has no end.
        end = checksum.frame.checked_add(1).ok_or(DatagramError::FrameRange)?;
    }
    if walk.bytes.rest().is_empty() { Ok(ChecksumReport { ack, entries }) } else { Err(DatagramError::WrongLength) }
}

/// Writes checksums and returns their length; `state` is that of the epoch.
pub(crate) fn emit_checksums(
    buf: &mut [u8],
    state: &TagState,
    ack: u32,
    entries: impl Iterator<Item = Checksum>,
) -> Option<usize> {
    emit(buf, CHECKSUMS, state, NO_FRAMES, |to| {
        to.u32(ack);
        for checksum in entries {
            to.u32(checksum.frame);
            to.u64(checksum.hash);
        }
    })
}

/// Writes a control datagram: its kind, its tag, and what `write` puts after that. Returns its length, or `None` if it does
/// not fit.
fn emit(
    buf: &mut [u8],
    kind: u8,
    state: &TagState,
    implied: u64,
    write: impl FnOnce(&mut Writer<'_>),
) -> Option<usize> {
    let (front, rest) = buf.split_at_mut_checked(state.tag_len().saturating_add(1))?;
    let mut to = Writer::new(rest);
    write(&mut to);
    let len = to.finish()?;
    let mut to = Writer::new(front);
    to.u8(kind);
    state.tag(implied, &[kind], rest.get(..len)?).write(&mut to);
    Some(front.len().saturating_add(len))
}

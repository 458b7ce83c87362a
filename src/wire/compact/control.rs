//! Control datagrams of the compact wire (PROTOCOL 3.9).
//!
//! ```text
//! hello      20 | tag 2 or 8 | version 1 | sender 2 | receiver 2 | INPUT_LEN 1 | WINDOW 1 | input tag 1 | flags 1
//!               | frame interval 4, us | ping interval 2, ms | first frame 4 | epoch 4 | incarnation 8 | number 4
//!               | named run 8 | answered number 4
//! bye        21 | tag 2 or 8 | named run 8 | epoch 4 | end 4
//! checksums  22 | tag 2, 4 or 8 | ack 4 | n x { frame 4, hash 8 }
//! ```

use super::tag::{NO_FRAMES, TagState, VERSION};
use crate::checksum::{Checksum, LOCAL};
use crate::error::DatagramError;
use crate::wire::bytes::{Reader, Writer};

pub(crate) const HELLO: u8 = 0x20;
pub(crate) const BYE: u8 = 0x21;
pub(crate) const CHECKSUMS: u8 = 0x22;

/// Bytes after the tag of a hello that every version has.
const FRONT_LEN: usize = 5;
/// Bytes after the tag of a bye.
const BYE_LEN: usize = 16;
/// Bytes of a checksum with its frame.
const ENTRY_LEN: usize = 12;
/// Flag of a hello: the named run is the one that the sender plays with.
const PLAYING: u8 = 0x01;
/// Flag of a hello: the receiver is asked for one.
const ASKS: u8 = 0x02;

/// What an endpoint announces of itself, and what it knows of the receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hello {
    pub(crate) sender: u16,
    pub(crate) receiver: u16,
    pub(crate) settings: Settings,
    pub(crate) ping_ms: u16,
    pub(crate) epoch: u32,
    /// The run of the sender.
    pub(crate) incarnation: u64,
    /// The number of this hello in that run, from 1.
    pub(crate) number: u32,
    pub(crate) named: Named,
    /// Whether the receiver is asked for a hello.
    pub(crate) asks: bool,
}

/// What both endpoints must agree on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) input_len: u8,
    pub(crate) window: u8,
    /// Bytes of the tag of inputs and checksums.
    pub(crate) tag_len: u8,
    pub(crate) frame_us: u32,
    pub(crate) first_frame: u32,
}

/// The receiver's run, as the sender of a hello knows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Named {
    /// 0 if it knows none.
    pub(crate) incarnation: u64,
    /// The number of the last hello of that run; 0 if there was none.
    pub(crate) answered: u32,
    /// Whether the sender plays with that run.
    pub(crate) playing: bool,
}

/// A hello whose tag is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReceivedHello {
    /// Of this version.
    Hello(Hello),
    /// Of another version: only the part that every version has.
    Foreign { version: u8, sender: u16, receiver: u16 },
}

impl ReceivedHello {
    /// The player numbers of its sender and of whom it is for.
    pub(crate) fn players(&self) -> (u16, u16) {
        match *self {
            Self::Hello(Hello { sender, receiver, .. }) | Self::Foreign { sender, receiver, .. } => (sender, receiver),
        }
    }
}

/// Verifies a hello and decodes it as far as its version allows. `state` has hashed nothing yet.
#[expect(clippy::inline_always, reason = "sessions of small machines have one caller")]
#[inline(always)]
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
    let (version, sender, receiver) = read_front(&mut reader).ok_or(DatagramError::Truncated)?;
    if version != VERSION {
        return Ok(ReceivedHello::Foreign { version, sender, receiver });
    }
    let hello = read_hello(&mut reader, sender, receiver).filter(|_| reader.rest().is_empty());
    hello.map(ReceivedHello::Hello).ok_or(DatagramError::WrongLength)
}

/// The version and the player numbers of a hello whose tag has `tag_len` bytes, unverified; `None` if it is none.
pub(crate) fn peek_hello(datagram: &[u8], tag_len: usize) -> Option<(u8, u16, u16)> {
    let mut reader = Reader::new(datagram);
    if reader.u8()? != HELLO {
        return None;
    }
    reader.bytes(tag_len)?;
    read_front(&mut reader)
}

fn read_front(reader: &mut Reader<'_>) -> Option<(u8, u16, u16)> {
    Some((reader.u8()?, reader.u16()?, reader.u16()?))
}

#[expect(clippy::inline_always, reason = "sessions of small machines have one caller")]
#[inline(always)]
fn read_hello(reader: &mut Reader<'_>, sender: u16, receiver: u16) -> Option<Hello> {
    let (input_len, window, tag_len, flags) = (reader.u8()?, reader.u8()?, reader.u8()?, reader.u8()?);
    let (frame_us, ping_ms, first_frame) = (reader.u32()?, reader.u16()?, reader.u32()?);
    Some(Hello {
        sender,
        receiver,
        settings: Settings { input_len, window, tag_len, frame_us, first_frame },
        ping_ms,
        epoch: reader.u32()?,
        incarnation: reader.u64()?,
        number: reader.u32()?,
        named: Named { incarnation: reader.u64()?, answered: reader.u32()?, playing: flags & PLAYING != 0 },
        asks: flags & ASKS != 0,
    })
}

/// Writes a hello and returns its length. `state` has hashed nothing yet.
pub(crate) fn emit_hello(buf: &mut [u8], hello: &Hello, state: &TagState, session_id: u64) -> Option<usize> {
    let Hello { settings, named, .. } = hello;
    emit(buf, HELLO, state, session_id, |to| {
        to.u8(VERSION);
        to.u16(hello.sender);
        to.u16(hello.receiver);
        to.u8(settings.input_len);
        to.u8(settings.window);
        to.u8(settings.tag_len);
        to.u8(if named.playing { PLAYING } else { 0 } | if hello.asks { ASKS } else { 0 });
        to.u32(settings.frame_us);
        to.u16(hello.ping_ms);
        to.u32(settings.first_frame);
        to.u32(hello.epoch);
        to.u64(hello.incarnation);
        to.u32(hello.number);
        to.u64(named.incarnation);
        to.u32(named.answered);
    })
}

/// How the run of its sender ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bye {
    /// The receiver's run.
    pub(crate) named: u64,
    pub(crate) epoch: u32,
    /// The frame after the sender's last input in that epoch.
    pub(crate) end: u32,
}

/// A received bye whose tag has not been verified.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SealedBye<'a> {
    kind: &'a [u8],
    tag: &'a [u8],
    rest: &'a [u8],
}

impl<'a> SealedBye<'a> {
    /// Splits a datagram that is exactly as long as a bye.
    pub(crate) fn split(datagram: &'a [u8], tag_len: usize) -> Result<Self, DatagramError> {
        let mut reader = Reader::new(datagram);
        let kind = reader.bytes(1).ok_or(DatagramError::Truncated)?;
        let tag = reader.bytes(tag_len).ok_or(DatagramError::Truncated)?;
        let rest = reader.bytes(BYE_LEN).ok_or(DatagramError::Truncated)?;
        if reader.rest().is_empty() { Ok(Self { kind, tag, rest }) } else { Err(DatagramError::WrongLength) }
    }

    /// Verifies the tag, then decodes; `state` is that of a bye.
    pub(crate) fn open(self, state: &TagState) -> Result<Bye, DatagramError> {
        if !state.tag(NO_FRAMES, self.kind, self.rest).is(self.tag) {
            return Err(DatagramError::BadTag);
        }
        let mut reader = Reader::new(self.rest);
        let mut read = || Some(Bye { named: reader.u64()?, epoch: reader.u32()?, end: reader.u32()? });
        read().ok_or(DatagramError::Truncated)
    }
}

/// Writes a bye and returns its length; `state` is that of a bye.
pub(crate) fn emit_bye(buf: &mut [u8], bye: Bye, state: &TagState) -> Option<usize> {
    emit(buf, BYE, state, NO_FRAMES, |to| {
        to.u64(bye.named);
        to.u32(bye.epoch);
        to.u32(bye.end);
    })
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

/// Verifies and decodes checksums of frames below `limit`; `state` is that of the epoch.
pub(crate) fn parse_checksums<'a>(
    datagram: &'a [u8],
    state: &TagState,
    limit: u32,
) -> Result<ChecksumReport<'a>, DatagramError> {
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
        if checksum.frame >= limit {
            return Err(DatagramError::FrameRange);
        }
        end = checksum.frame.saturating_add(1);
    }
    if walk.bytes.rest().is_empty() { Ok(ChecksumReport { ack, entries }) } else { Err(DatagramError::WrongLength) }
}

/// Writes as many checksums as fit `limit` bytes and returns their length; `state` is that of the epoch.
pub(crate) fn emit_checksums(
    buf: &mut [u8],
    limit: usize,
    state: &TagState,
    ack: u32,
    entries: impl Iterator<Item = Checksum>,
) -> Option<usize> {
    let front = state.tag_len().saturating_add(1).saturating_add(size_of_val(&ack));
    let fitting = limit.saturating_sub(front).checked_div(ENTRY_LEN).unwrap_or(0);
    emit(buf, CHECKSUMS, state, NO_FRAMES, |to| {
        to.u32(ack);
        for checksum in entries.take(fitting) {
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

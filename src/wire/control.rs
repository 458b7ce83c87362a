//! Control datagrams of the compact wire (PROTOCOL 3.9).
//!
//! ```text
//! hello  20 | check 2 or 8 | version 1 | sender 2 | receiver 2 | INPUT 1 | WINDOW 1 | frame interval 4, us
//!           | ping interval 2, ms | first frame 4 | epoch 4 | incarnation 4
//! bye    21 | check 2 or 8
//! sums   22 | check 2 or 8 | ack 4 | n x { frame 4, hash 8 }
//! ```

use super::check::{Check, Context, VERSION};
use crate::checksum::{Checksum, OWN};
use crate::config::Config;
use crate::cursor::{Reader, Writer};
use crate::error::DatagramError;

pub(crate) const HELLO: u8 = 0x20;
pub(crate) const BYE: u8 = 0x21;
pub(crate) const CHECKSUMS: u8 = 0x22;

/// Bytes after the check of a hello that are there in every version.
const FRONT: usize = 5;

/// Bytes of a checksum and its frame.
const ENTRY: usize = 12;

/// What an end says of itself before inputs flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hello {
    pub(crate) sender: u16,
    pub(crate) receiver: u16,
    pub(crate) input: u8,
    pub(crate) window: u8,
    pub(crate) frame_us: u32,
    pub(crate) ping_ms: u16,
    pub(crate) first_frame: u32,
    pub(crate) epoch: u32,
    pub(crate) incarnation: u32,
}

/// A hello whose check is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Greeting {
    /// Of this version.
    Hello(Hello),
    /// Of another version, or of this one but not of its length: only the part that never changes is read.
    Foreign { version: u8, sender: u16, receiver: u16 },
}

/// Judges a hello: its check, and the length that its version has.
pub(crate) fn parse_hello(datagram: &[u8], config: &Config) -> Result<Greeting, DatagramError> {
    let start = Check::new(config);
    let mut reader = Reader::new(datagram);
    let tag = reader.bytes(1).ok_or(DatagramError::Truncated)?;
    let check = reader.bytes(start.len()).ok_or(DatagramError::Truncated)?;
    if reader.rest().len() < FRONT {
        return Err(DatagramError::Truncated);
    }
    if !start.over(config.session, tag, reader.rest()).is(check) {
        return Err(DatagramError::Check);
    }
    read_greeting(&mut reader).ok_or(DatagramError::Truncated)
}

fn read_greeting(reader: &mut Reader<'_>) -> Option<Greeting> {
    let version = reader.u8()?;
    let sender = reader.u16()?;
    let receiver = reader.u16()?;
    let hello = if version == VERSION { read_hello(reader, sender, receiver) } else { None };
    Some(
        hello
            .filter(|_| reader.rest().is_empty())
            .map_or(Greeting::Foreign { version, sender, receiver }, Greeting::Hello),
    )
}

fn read_hello(reader: &mut Reader<'_>, sender: u16, receiver: u16) -> Option<Hello> {
    Some(Hello {
        sender,
        receiver,
        input: reader.u8()?,
        window: reader.u8()?,
        frame_us: reader.u32()?,
        ping_ms: reader.u16()?,
        first_frame: reader.u32()?,
        epoch: reader.u32()?,
        incarnation: reader.u32()?,
    })
}

/// Writes a hello and returns its length.
pub(crate) fn emit_hello(room: &mut [u8], hello: &Hello, config: &Config) -> Option<usize> {
    let start = Check::new(config);
    let (front, rest) = room.split_at_mut_checked(start.len().saturating_add(1))?;
    let mut to = Writer::new(rest);
    to.u8(VERSION);
    to.u16(hello.sender);
    to.u16(hello.receiver);
    to.u8(hello.input);
    to.u8(hello.window);
    to.u32(hello.frame_us);
    to.u16(hello.ping_ms);
    to.u32(hello.first_frame);
    to.u32(hello.epoch);
    to.u32(hello.incarnation);
    let len = to.finish()?;
    let mut to = Writer::new(front);
    to.u8(HELLO);
    start.over(config.session, &[HELLO], rest.get(..len)?).write(&mut to);
    Some(front.len().saturating_add(len))
}

/// A control datagram says nothing of inputs: E and A are 0.
const NO_FRAMES: u64 = 0;
/// A goodbye belongs to a run, not to an epoch.
const NO_EPOCH: u32 = 0;

/// Judges a goodbye from the sender of `context`.
pub(crate) fn parse_bye(datagram: &[u8], context: &Context<'_>) -> Result<(), DatagramError> {
    let expected = context.check(NO_EPOCH);
    match datagram.get(1..) {
        Some(check) if check.len() < expected.len() => Err(DatagramError::Truncated),
        Some(check) if check.len() > expected.len() => Err(DatagramError::Length),
        Some(check) if expected.over(NO_FRAMES, &[BYE], &[]).is(check) => Ok(()),
        Some(_) => Err(DatagramError::Check),
        None => Err(DatagramError::Truncated),
    }
}

/// Writes a goodbye from the sender of `context` and returns its length.
pub(crate) fn emit_bye(room: &mut [u8], context: &Context<'_>) -> Option<usize> {
    let mut to = Writer::new(room);
    to.u8(BYE);
    context.check(NO_EPOCH).over(NO_FRAMES, &[BYE], &[]).write(&mut to);
    to.finish()
}

/// State hashes of the sender, and how far it has ours.
#[derive(Clone, Debug)]
pub(crate) struct Sums<'a> {
    /// The frame after the newest of the receiver's checksums that the sender has; 0 for none.
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
        let mut entry = Reader::new(self.bytes.bytes(ENTRY)?);
        Some(Checksum { frame: entry.u32()?, hash: entry.u64()? })
    }
}

/// Judges checksums from the sender of `check`, the part of the check that stays for an epoch.
pub(crate) fn parse_sums<'a>(datagram: &'a [u8], check: &Check) -> Result<Sums<'a>, DatagramError> {
    let mut reader = Reader::new(datagram);
    let tag = reader.bytes(1).ok_or(DatagramError::Truncated)?;
    let sent = reader.bytes(check.len()).ok_or(DatagramError::Truncated)?;
    if !check.over(NO_FRAMES, tag, reader.rest()).is(sent) {
        return Err(DatagramError::Check);
    }
    let ack = reader.u32().ok_or(DatagramError::Truncated)?;
    if reader.rest().len() > OWN.saturating_mul(ENTRY) {
        return Err(DatagramError::Length);
    }
    let entries = Entries { bytes: reader };
    let mut end = 0;
    let mut walk = entries.clone();
    for checksum in walk.by_ref() {
        if checksum.frame < end {
            return Err(DatagramError::Order);
        }
        // The last number is nobody's: an end after it could not be told.
        end = checksum.frame.checked_add(1).ok_or(DatagramError::FrameRange)?;
    }
    if walk.bytes.rest().is_empty() { Ok(Sums { ack, entries }) } else { Err(DatagramError::Length) }
}

/// Writes checksums and returns their length.
pub(crate) fn emit_sums(
    room: &mut [u8],
    check: &Check,
    ack: u32,
    entries: impl Iterator<Item = Checksum>,
) -> Option<usize> {
    let (front, rest) = room.split_at_mut_checked(check.len().saturating_add(1))?;
    let mut to = Writer::new(rest);
    to.u32(ack);
    for checksum in entries {
        to.u32(checksum.frame);
        to.u64(checksum.hash);
    }
    let len = to.finish()?;
    let mut to = Writer::new(front);
    to.u8(CHECKSUMS);
    check.over(NO_FRAMES, &[CHECKSUMS], rest.get(..len)?).write(&mut to);
    Some(front.len().saturating_add(len))
}

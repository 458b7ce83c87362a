//! Control datagrams of the compact wire (PROTOCOL 3.9).
//!
//! ```text
//! hello  20 | check 2 or 8 | version 1 | sender 2 | receiver 2 | INPUT 1 | WINDOW 1 | frame interval 4, us
//!           | ping interval 2, ms | first frame 4 | epoch 4 | incarnation 4
//! bye    21 | check 2 or 8
//! ```

use super::check::{Check, Context, VERSION};
use crate::config::Config;
use crate::cursor::{Reader, Writer};
use crate::error::DatagramError;

pub(crate) const HELLO: u8 = 0x20;
pub(crate) const BYE: u8 = 0x21;

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
    /// Of another version: only the part that never changes is read.
    Foreign { version: u8, sender: u16, receiver: u16 },
}

/// Judges a hello: its check, and the length that its version has.
pub(crate) fn parse_hello(datagram: &[u8], config: &Config) -> Result<Greeting, DatagramError> {
    let start = hello_check(config);
    let mut reader = Reader::new(datagram);
    let tag = reader.bytes(1).ok_or(DatagramError::Truncated)?;
    let check = reader.bytes(start.len()).ok_or(DatagramError::Truncated)?;
    if !start.with(tag).with(reader.rest()).is(check) {
        return Err(DatagramError::Check);
    }
    let greeting = read_greeting(&mut reader).ok_or(DatagramError::Truncated)?;
    match greeting {
        Greeting::Hello(_) if !reader.rest().is_empty() => Err(DatagramError::Length),
        greeting => Ok(greeting),
    }
}

fn read_greeting(reader: &mut Reader<'_>) -> Option<Greeting> {
    let version = reader.u8()?;
    let sender = reader.u16()?;
    let receiver = reader.u16()?;
    if version != VERSION {
        return Some(Greeting::Foreign { version, sender, receiver });
    }
    Some(Greeting::Hello(Hello {
        sender,
        receiver,
        input: reader.u8()?,
        window: reader.u8()?,
        frame_us: reader.u32()?,
        ping_ms: reader.u16()?,
        first_frame: reader.u32()?,
        epoch: reader.u32()?,
        incarnation: reader.u32()?,
    }))
}

/// Writes a hello and returns its length.
pub(crate) fn emit_hello(room: &mut [u8], hello: &Hello, config: &Config) -> Option<usize> {
    let start = hello_check(config);
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
    start.with(&[HELLO]).with(rest.get(..len)?).write(&mut to);
    Some(front.len().saturating_add(len))
}

fn hello_check(config: &Config) -> Check {
    Check::new(config).with(&config.session.to_be_bytes())
}

/// Judges a goodbye from the sender of `context`.
pub(crate) fn parse_bye(datagram: &[u8], context: &Context<'_>) -> Result<(), DatagramError> {
    let expected = bye_check(context);
    match datagram.get(1..) {
        Some(check) if check.len() < expected.len() => Err(DatagramError::Truncated),
        Some(check) if check.len() > expected.len() => Err(DatagramError::Length),
        Some(check) if expected.is(check) => Ok(()),
        Some(_) => Err(DatagramError::Check),
        None => Err(DatagramError::Truncated),
    }
}

/// Writes a goodbye from the sender of `context` and returns its length.
pub(crate) fn emit_bye(room: &mut [u8], context: &Context<'_>) -> Option<usize> {
    let mut to = Writer::new(room);
    to.u8(BYE);
    bye_check(context).write(&mut to);
    to.finish()
}

/// A goodbye belongs to a run, not to an epoch: the epoch, E and A are 0.
fn bye_check(context: &Context<'_>) -> Check {
    let context = Context { epoch: 0, ..*context };
    context.check().with(&[0; 8]).with(&[BYE])
}

//! The messages of the classic wire (PROTOCOL 2).
//!
//! ```text
//! 01 INPUT            player 2 | current frame 4 | n 1 | flags 1 | n x { frame 4, action 1 }
//! 02 PING             8 bytes          03 PONG             8 bytes
//! 10 VALIDATION_PING  8 bytes          11 VALIDATION_PONG  8 bytes
//! 04 KEEPALIVE
//! 12 INPUT_REQUEST    first frame 4 | last frame 4
//! 13 INPUT_RESPONSE   player 2 | n 2 | n x { frame 4, action 1 }
//! ```

use crate::cursor::{Reader, Writer};
use crate::error::DatagramError;

const INPUT: u8 = 0x01;
const PING: u8 = 0x02;
const PONG: u8 = 0x03;
const KEEPALIVE: u8 = 0x04;
const VALIDATION_PING: u8 = 0x10;
const VALIDATION_PONG: u8 = 0x11;
const INPUT_REQUEST: u8 = 0x12;
const INPUT_RESPONSE: u8 = 0x13;

/// Bytes of a frame and its action.
const PAIR: usize = 5;

/// A message. The inputs of one that was parsed are read from its bytes, those of one to be sent come from our window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Packet<I> {
    Input { player: u16, current: u32, inputs: I },
    Ping(u64),
    Pong(u64),
    KeepAlive,
    ValidationPing(u64),
    ValidationPong(u64),
    InputRequest { first: u32, last: u32 },
    InputResponse { player: u16, inputs: I },
}

/// The frames and actions of a parsed message, in the order of the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Inputs<'a> {
    bytes: &'a [u8],
}

impl Iterator for Inputs<'_> {
    type Item = (u32, u8);

    fn next(&mut self) -> Option<Self::Item> {
        let mut reader = Reader::new(self.bytes);
        let input = (reader.u32()?, reader.u8()?);
        self.bytes = reader.rest();
        Some(input)
    }
}

/// Judges a datagram: its type and its exact length. What its frames must be is asked later ([`newest`]).
pub(crate) fn parse(datagram: &[u8]) -> Result<Packet<Inputs<'_>>, DatagramError> {
    let mut reader = Reader::new(datagram);
    let kind = reader.u8().ok_or(DatagramError::Truncated)?;
    let packet = match kind {
        INPUT => {
            let (player, current) = parse_two(&mut reader, Reader::u16, Reader::u32)?;
            let (count, _flags) = parse_two(&mut reader, Reader::u8, Reader::u8)?;
            let inputs = parse_inputs(&mut reader, usize::from(count))?;
            Packet::Input { player, current, inputs }
        }
        PING => Packet::Ping(parse_one(&mut reader)?),
        PONG => Packet::Pong(parse_one(&mut reader)?),
        KEEPALIVE => Packet::KeepAlive,
        VALIDATION_PING => Packet::ValidationPing(parse_one(&mut reader)?),
        VALIDATION_PONG => Packet::ValidationPong(parse_one(&mut reader)?),
        INPUT_REQUEST => {
            let (first, last) = parse_two(&mut reader, Reader::u32, Reader::u32)?;
            Packet::InputRequest { first, last }
        }
        INPUT_RESPONSE => {
            let (player, count) = parse_two(&mut reader, Reader::u16, Reader::u16)?;
            let inputs = parse_inputs(&mut reader, usize::from(count))?;
            Packet::InputResponse { player, inputs }
        }
        0x05..=0x07 | 0x14 | b'{' | b'[' => return Err(DatagramError::GameMessage),
        _ => return Err(DatagramError::UnknownType),
    };
    if reader.rest().is_empty() { Ok(packet) } else { Err(DatagramError::Length) }
}

fn parse_one(reader: &mut Reader<'_>) -> Result<u64, DatagramError> {
    reader.u64().ok_or(DatagramError::Truncated)
}

fn parse_two<'a, A, B>(
    reader: &mut Reader<'a>,
    one: impl Fn(&mut Reader<'a>) -> Option<A>,
    other: impl Fn(&mut Reader<'a>) -> Option<B>,
) -> Result<(A, B), DatagramError> {
    match (one(reader), other(reader)) {
        (Some(one), Some(other)) => Ok((one, other)),
        _ => Err(DatagramError::Truncated),
    }
}

fn parse_inputs<'a>(reader: &mut Reader<'a>, count: usize) -> Result<Inputs<'a>, DatagramError> {
    let bytes = reader.bytes(count.saturating_mul(PAIR)).ok_or(DatagramError::Truncated)?;
    Ok(Inputs { bytes })
}

/// The newest frame, if there is one: each must be greater than the one before, and the last be the current one, if the
/// message says which that is.
pub(crate) fn newest(inputs: Inputs<'_>, current: Option<u32>) -> Result<Option<u32>, DatagramError> {
    let mut newest = None;
    for (frame, _) in inputs {
        if newest >= Some(frame) {
            return Err(DatagramError::Order);
        }
        newest = Some(frame);
    }
    match (newest, current) {
        (Some(newest), Some(current)) if newest != current => Err(DatagramError::Order),
        _ => Ok(newest),
    }
}

/// Writes a message and returns its length, or `None` if it does not fit.
pub(crate) fn emit<I>(room: &mut [u8], packet: Packet<I>) -> Option<usize>
where
    I: Iterator<Item = (u32, u8)> + Clone,
{
    let mut to = Writer::new(room);
    match packet {
        Packet::Input { player, current, inputs } => {
            to.u8(INPUT);
            to.u16(player);
            to.u32(current);
            to.u8(u8::try_from(length(&inputs)).ok()?);
            to.u8(0);
            emit_inputs(&mut to, inputs);
        }
        Packet::Ping(echo) => emit_one(&mut to, PING, echo),
        Packet::Pong(echo) => emit_one(&mut to, PONG, echo),
        Packet::KeepAlive => to.u8(KEEPALIVE),
        Packet::ValidationPing(echo) => emit_one(&mut to, VALIDATION_PING, echo),
        Packet::ValidationPong(echo) => emit_one(&mut to, VALIDATION_PONG, echo),
        Packet::InputRequest { first, last } => {
            to.u8(INPUT_REQUEST);
            to.u32(first);
            to.u32(last);
        }
        Packet::InputResponse { player, inputs } => {
            to.u8(INPUT_RESPONSE);
            to.u16(player);
            to.u16(u16::try_from(length(&inputs)).ok()?);
            emit_inputs(&mut to, inputs);
        }
    }
    to.finish()
}

fn emit_one(to: &mut Writer<'_>, kind: u8, echo: u64) {
    to.u8(kind);
    to.u64(echo);
}

fn emit_inputs(to: &mut Writer<'_>, inputs: impl Iterator<Item = (u32, u8)>) {
    for (frame, action) in inputs {
        to.u32(frame);
        to.u8(action);
    }
}

/// `Iterator::count` may overflow; this may not.
fn length(inputs: &(impl Iterator + Clone)) -> usize {
    inputs.clone().fold(0, |count: usize, _| count.saturating_add(1))
}

/// The bits of the `f64` that a whole number of milliseconds is, as the original stamps its pings.
///
/// Numbers above 2^53 lose their low bits, rounded down.
pub(crate) fn double_bits(number: u64) -> u64 {
    let zeros = number.leading_zeros();
    if zeros == u64::BITS {
        return 0;
    }
    // The highest bit is implied; the 52 after it are the mantissa.
    let mantissa = number.wrapping_shl(zeros).wrapping_shl(1) >> 12;
    let exponent = 1023_u64.saturating_add(63).saturating_sub(u64::from(zeros));
    exponent << 52 | mantissa
}

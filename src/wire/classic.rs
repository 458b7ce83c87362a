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

use super::bytes::{Reader, Writer};
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

/// A message. The inputs of a parsed one are read from its bytes, those of one to be sent come from the send window.
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

    fn size_hint(&self) -> (usize, Option<usize>) {
        let count = self.bytes.len() / PAIR;
        (count, Some(count))
    }
}

/// Decodes a datagram: its type and its exact length. Its frames are judged one by one ([`lowest`]).
pub(crate) fn parse(datagram: &[u8]) -> Result<Packet<Inputs<'_>>, DatagramError> {
    let mut reader = Reader::new(datagram);
    let packet = read(&mut reader).unwrap_or(Err(DatagramError::Truncated))?;
    if reader.rest().is_empty() { Ok(packet) } else { Err(DatagramError::WrongLength) }
}

/// Reads a message, or returns why there is none; `None` if bytes are missing.
fn read<'a>(reader: &mut Reader<'a>) -> Option<Result<Packet<Inputs<'a>>, DatagramError>> {
    Some(Ok(match reader.u8()? {
        INPUT => {
            let (player, current) = (reader.u16()?, reader.u32()?);
            let (count, _flags) = (reader.u8()?, reader.u8()?);
            Packet::Input { player, current, inputs: read_inputs(reader, count.into())? }
        }
        PING => Packet::Ping(reader.u64()?),
        PONG => Packet::Pong(reader.u64()?),
        KEEPALIVE => Packet::KeepAlive,
        VALIDATION_PING => Packet::ValidationPing(reader.u64()?),
        VALIDATION_PONG => Packet::ValidationPong(reader.u64()?),
        INPUT_REQUEST => Packet::InputRequest { first: reader.u32()?, last: reader.u32()? },
        INPUT_RESPONSE => {
            let (player, count) = (reader.u16()?, reader.u16()?);
            Packet::InputResponse { player, inputs: read_inputs(reader, count.into())? }
        }
        0x05..=0x07 | 0x14 | b'{' | b'[' => return Some(Err(DatagramError::GameMessage)),
        _ => return Some(Err(DatagramError::UnknownType)),
    }))
}

fn read_inputs<'a>(reader: &mut Reader<'a>, count: usize) -> Option<Inputs<'a>> {
    Some(Inputs { bytes: reader.bytes(count.saturating_mul(PAIR))? })
}

/// The entry with the lowest frame that is not below `from`, wherever it stands; of several with this frame the first.
pub(crate) fn lowest(inputs: &Inputs<'_>, from: u32) -> Option<(u32, u8)> {
    inputs.clone().filter(|(frame, _)| *frame >= from).min_by_key(|(frame, _)| *frame)
}

/// Writes a message, whose inputs know their exact number, and returns its length, or `None` if it does not fit.
pub(crate) fn emit(buf: &mut [u8], packet: Packet<impl Iterator<Item = (u32, u8)>>) -> Option<usize> {
    let mut to = Writer::new(buf);
    match packet {
        Packet::Input { player, current, inputs } => {
            to.u8(INPUT);
            to.u16(player);
            to.u32(current);
            to.u8(u8::try_from(inputs.size_hint().0).ok()?);
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
            to.u16(u16::try_from(inputs.size_hint().0).ok()?);
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

/// The bits of a whole number of milliseconds as an `f64`, as the original stamps its pings. Numbers above 2^53 are rounded
/// down.
pub(crate) fn double_bits(number: u64) -> u64 {
    let zeros = number.leading_zeros();
    if zeros == u64::BITS {
        return 0;
    }
    // The highest bit is implied; the next 52 are the mantissa.
    let mantissa = number.wrapping_shl(zeros).wrapping_shl(1) >> 12;
    let exponent = 1023_u64.saturating_add(63).saturating_sub(u64::from(zeros));
    exponent << 52 | mantissa
}

//! The classic wire: what was observed from the original.

use proptest::prelude::*;
use serde_json::Value;
use std::prelude::v1::*;

use super::{bytes, read};
use crate::error::DatagramError;
use crate::wire::classic::{Packet, double_bits, emit, parse};

fn vectors() -> Value {
    serde_json::from_str(&read("tests/vectors/classic.json")).expect("valid JSON")
}

fn number<T: TryFrom<u64>>(value: &Value) -> T {
    value.as_u64().and_then(|number| T::try_from(number).ok()).expect("a number that fits")
}

fn pairs(value: &Value) -> Vec<(u32, u8)> {
    let inputs = value.as_array().expect("inputs");
    inputs.iter().map(|input| (number(&input[0]), number(&input[1]))).collect()
}

/// The packet of a vector.
fn packet(vector: &Value) -> Packet<std::vec::IntoIter<(u32, u8)>> {
    let echo = || u64::from_str_radix(vector["timestamp_bits"].as_str().expect("bits"), 16).expect("hex");
    match vector["message"].as_str().expect("a message") {
        "INPUT" => Packet::Input {
            player: number(&vector["player"]),
            current: number(&vector["current_frame"]),
            inputs: pairs(&vector["inputs"]).into_iter(),
        },
        "PING" => Packet::Ping(echo()),
        "PONG" => Packet::Pong(echo()),
        "VALIDATION_PING" => Packet::ValidationPing(echo()),
        "VALIDATION_PONG" => Packet::ValidationPong(echo()),
        "INPUT_REQUEST" => Packet::InputRequest { first: number(&vector["first"]), last: number(&vector["last"]) },
        "INPUT_RESPONSE" => {
            Packet::InputResponse { player: number(&vector["player"]), inputs: pairs(&vector["inputs"]).into_iter() }
        }
        other => panic!("unknown message {other}"),
    }
}

/// Emits a packet and returns its bytes.
pub(super) fn emitted<I: Iterator<Item = (u32, u8)> + Clone>(packet: Packet<I>) -> Vec<u8> {
    let mut buf = [0; 2048];
    let len = emit(&mut buf, packet).expect("fits");
    buf[..len].to_vec()
}

#[test]
fn every_observed_datagram_is_emitted_byte_for_byte() {
    for vector in vectors()["datagrams"].as_array().expect("datagrams") {
        assert_eq!(emitted(packet(vector)), bytes(vector["hex"].as_str().expect("hex")), "{}", vector["name"]);
    }
}

#[test]
fn every_observed_datagram_is_parsed_and_emitted_again_unchanged() {
    for vector in vectors()["datagrams"].as_array().expect("datagrams") {
        let datagram = bytes(vector["hex"].as_str().expect("hex"));
        let packet = parse(&datagram).unwrap_or_else(|reason| panic!("{}: {reason}", vector["name"]));
        assert_eq!(emitted(packet), datagram, "{}", vector["name"]);
    }
}

#[expect(clippy::cast_precision_loss, reason = "the samples are those that an f64 holds")]
fn double(number: u64) -> f64 {
    number as f64
}

#[test]
fn a_ping_says_whole_milliseconds_as_a_double() {
    let samples = [0, 1, 2, 3, 499, 500, 501, 1_000_000_007, 1 << 52, (1 << 53) - 1, 1 << 53, 1 << 63];
    for number in samples {
        assert_eq!(double_bits(number), double(number).to_bits(), "{number}");
    }
    // Above 2^53 the low bits are cut, where the processor would round to even.
    assert_eq!(double_bits((1 << 53) + 3), double((1 << 53) + 2).to_bits());
}

#[test]
fn messages_of_the_game_are_told_apart_from_noise() {
    for datagram in [&[5_u8][..], &[6, 1, 2], &[7], &[0x14], b"{\"type\":\"hello\"}", b"[]"] {
        assert_eq!(parse(datagram), Err(DatagramError::GameMessage), "{datagram:?}");
    }
    for datagram in [&[0_u8][..], &[8], &[0x15], &[0xff; 9]] {
        assert_eq!(parse(datagram), Err(DatagramError::UnknownType), "{datagram:?}");
    }
}

/// Frames that ascend, with their actions.
fn ascending(longest: usize) -> impl Strategy<Value = Vec<(u32, u8)>> {
    proptest::collection::btree_map(any::<u32>(), any::<u8>(), 0..longest).prop_map(|map| map.into_iter().collect())
}

proptest! {
    #[test]
    fn what_is_emitted_is_parsed_as_it_was(player: u16, inputs in ascending(200), echo: u64, first: u32, more: u32) {
        let current = inputs.last().map_or(7, |(frame, _)| *frame);
        let packets = [
            Packet::Input { player, current, inputs: inputs.iter().copied() },
            Packet::InputResponse { player, inputs: inputs.iter().copied() },
            Packet::Ping(echo), Packet::Pong(echo), Packet::ValidationPing(echo), Packet::ValidationPong(echo),
            Packet::InputRequest { first, last: first.saturating_add(more) },
            Packet::KeepAlive,
        ];
        for packet in packets {
            let datagram = emitted(packet.clone());
            let parsed = parse(&datagram).expect("canonical");
            prop_assert_eq!(&emitted(parsed.clone()), &datagram);
            match (packet, parsed) {
                (Packet::Input { inputs, .. }, Packet::Input { player: by, current: newest, inputs: parsed })
                    => prop_assert!(inputs.eq(parsed) && (by, newest) == (player, current)),
                (Packet::InputResponse { inputs, .. }, Packet::InputResponse { player: by, inputs: parsed })
                    => prop_assert!(inputs.eq(parsed) && by == player),
                _ => {}
            }
        }
    }

    #[test]
    fn what_is_accepted_is_canonical_but_for_its_flags(mut datagram in proptest::collection::vec(any::<u8>(), 0..64)) {
        if let Some(kind) = datagram.first_mut() {
            *kind %= 0x15;
        }
        if let Ok(packet) = parse(&datagram) {
            let again = emitted(packet);
            if datagram[0] == 1 {
                datagram[8] = 0;
            }
            prop_assert_eq!(again, datagram);
        }
    }
}

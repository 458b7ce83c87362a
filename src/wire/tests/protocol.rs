//! The vectors of docs/PROTOCOL.md, so that it cannot rot.

use std::collections::BTreeMap;
use std::prelude::v1::*;

use super::classic::emitted;
use super::compact::Vector;
use super::{bytes, read};
use crate::config::{Config, ConfigBuilder};
use crate::wire::check::{Context, End};
use crate::wire::classic::{Packet, parse};
use crate::wire::compact::Timing;
use crate::wire::control::{Greeting, Hello, emit_bye, emit_hello, parse_bye, parse_hello};

/// The lines of one fenced block.
struct Block(BTreeMap<String, String>);

impl Block {
    fn text(&self, key: &str) -> &str {
        self.0.get(key).unwrap_or_else(|| panic!("{:?} lacks {key}", self.0))
    }

    fn number<T: TryFrom<u64>>(&self, key: &str) -> T {
        parse_number(self.text(key))
    }

    fn hex(&self, key: &str) -> u64 {
        u64::from_str_radix(self.text(key), 16).expect(key)
    }

    fn key(&self) -> Option<[u8; 16]> {
        let key = self.text("key");
        (key != "none").then(|| bytes(key).try_into().expect("16 bytes"))
    }

    fn config(&self) -> ConfigBuilder {
        let builder = Config::builder().session(self.hex("session"));
        self.key().map_or(builder, |key| builder.key(key))
    }
}

fn parse_number<T: TryFrom<u64>>(text: &str) -> T {
    text.parse::<u64>().ok().and_then(|number| T::try_from(number).ok()).expect(text)
}

fn blocks(wire: &str) -> Vec<Block> {
    let text = read("docs/PROTOCOL.md");
    let blocks = text.split("```vector\n").skip(1).map(|rest| {
        let block = rest.split("```").next().expect("closed");
        let lines = block.lines().map(|line| line.split_once(':').expect(line));
        Block(lines.map(|(key, value)| (key.trim().into(), value.trim().into())).collect())
    });
    let blocks: Vec<_> = blocks.filter(|block| block.text("wire") == wire).collect();
    assert!(!blocks.is_empty(), "no vectors for {wire}");
    blocks
}

#[test]
fn the_classic_vectors_of_the_protocol_hold_both_ways() {
    for block in blocks("classic") {
        let datagram = bytes(block.text("hex"));
        let inputs = || {
            let pairs = block.text("inputs").split_whitespace().map(|pair| pair.split_once('=').expect("pair"));
            let pairs = pairs.map(|(frame, input)| (parse_number::<u32>(frame), bytes(input)[0]));
            pairs.collect::<Vec<_>>().into_iter()
        };
        let told = match block.text("message") {
            "INPUT" => {
                Packet::Input { player: block.number("player"), current: block.number("current"), inputs: inputs() }
            }
            "INPUT_RESPONSE" => Packet::InputResponse { player: block.number("player"), inputs: inputs() },
            "PING" => Packet::Ping(block.hex("bits")),
            "PONG" => Packet::Pong(block.hex("bits")),
            "VALIDATION_PING" => Packet::ValidationPing(block.hex("bits")),
            "VALIDATION_PONG" => Packet::ValidationPong(block.hex("bits")),
            "INPUT_REQUEST" => Packet::InputRequest { first: block.number("first"), last: block.number("last") },
            "KEEPALIVE" => Packet::KeepAlive,
            other => panic!("unknown message {other}"),
        };
        assert_eq!(emitted(told), datagram, "{}", block.text("name"));
        assert_eq!(emitted(parse(&datagram).expect("accepted")), datagram, "{}", block.text("name"));
    }
}

#[test]
fn the_compact_vectors_of_the_protocol_hold_both_ways() {
    for block in blocks("compact") {
        let end = |player, incarnation| End { player: block.number(player), incarnation: block.number(incarnation) };
        let list = |key| match block.text(key) {
            "none" => Vec::new(),
            inputs => inputs.split_whitespace().map(bytes).collect(),
        };
        let timing = (block.text("timing") != "none").then(|| {
            let parts = block.text("timing").split_whitespace().map(|part| part.split_once('=').expect("pair"));
            let parts: BTreeMap<_, _> = parts.collect();
            Timing {
                stamp: parse_number(parts["stamp"]),
                echo: parse_number(parts["echo"]),
                sent: parse_number(parts["sent"]),
            }
        });
        let vector = Vector {
            name: block.text("name").into(),
            session: block.hex("session"),
            key: block.key(),
            epoch: block.number("epoch"),
            sender: end("sender", "sender_incarnation"),
            receiver: end("receiver", "receiver_incarnation"),
            size: block.number("input_size"),
            window: block.number("window"),
            first_unacked: block.number("first_unacked"),
            reference: bytes(block.text("reference")),
            inputs: list("inputs"),
            ack: block.number("ack"),
            timing,
            datagram: bytes(block.text("hex")),
        };
        vector.check();
    }
}

#[test]
fn the_control_vectors_of_the_protocol_hold_both_ways() {
    for block in blocks("control") {
        let datagram = bytes(block.text("hex"));
        let config = block.config().build().expect("valid");
        let mut room = [0; 64];
        let len = match block.text("message") {
            "hello" => {
                let hello = Hello {
                    sender: block.number("sender"),
                    receiver: block.number("receiver"),
                    input: block.number("input_size"),
                    window: block.number("window"),
                    frame_us: block.number("frame_interval_us"),
                    ping_ms: block.number("ping_interval_ms"),
                    first_frame: block.number("first_frame"),
                    epoch: block.number("epoch"),
                    incarnation: block.number("incarnation"),
                };
                assert_eq!(parse_hello(&datagram, &config), Ok(Greeting::Hello(hello)));
                emit_hello(&mut room, &hello, &config)
            }
            "bye" => {
                let end =
                    |player, incarnation| End { player: block.number(player), incarnation: block.number(incarnation) };
                let context = Context {
                    config: &config,
                    sender: end("sender", "sender_incarnation"),
                    receiver: end("receiver", "receiver_incarnation"),
                    input: block.number("input_size"),
                    window: block.number("window"),
                };
                assert_eq!(parse_bye(&datagram, &context), Ok(()));
                emit_bye(&mut room, &context)
            }
            other => panic!("unknown message {other}"),
        };
        assert_eq!(&room[..len.expect("fits")], datagram, "{}", block.text("name"));
    }
}

//! The vectors of docs/VECTORS.md: the page shows those of tests/vectors, and both wires agree with every one.

use std::collections::BTreeMap;
use std::prelude::v1::*;

use serde_json::Value;

use super::classic::emitted;
use super::compact::Vector;
use super::{bytes, read};
use crate::wire::classic::{Packet, parse};
use crate::wire::compact::Timing;
use crate::wire::compact::control::{
    Bye, Hello, Named, ReceivedHello, SealedBye, Settings, emit_bye, emit_hello, parse_hello,
};
use crate::wire::compact::delta;
use crate::wire::compact::tag::{EndpointId, Key, TagContext, TagState};
use crate::wire::compact::word::{Flags, Leaver, Repair, Word, emit_word};

/// The fields of one vector of the page.
#[derive(Debug, PartialEq, Eq)]
struct Block(BTreeMap<String, String>);

impl Block {
    fn text(&self, key: &str) -> &str {
        self.0.get(key).unwrap_or_else(|| panic!("{:?} lacks {key}", self.0))
    }

    fn number<T: TryFrom<u64>>(&self, key: &str) -> T {
        parse_number(self.text(key))
    }

    fn list(&self, key: &str) -> Vec<&str> {
        self.text(key).split_whitespace().filter(|word| *word != "none").collect()
    }

    fn hex(&self, key: &str) -> u64 {
        u64::from_str_radix(self.text(key), 16).expect(key)
    }

    fn flag(&self, key: &str) -> bool {
        self.text(key) == "true"
    }

    /// What the tags of its direction cover, with the size of input tags as `tag_size`.
    fn context(&self) -> TagContext {
        let end =
            |player, incarnation| EndpointId { player: self.number(player), incarnation: self.number(incarnation) };
        TagContext {
            key: self.key().map(Key),
            short: self.number::<u8>("tag_size") == 4,
            session_id: self.hex("session"),
            sender: end("sender", "sender_incarnation"),
            receiver: end("receiver", "receiver_incarnation"),
            input_len: self.number("input_size"),
            window: self.number("window"),
            first_frame: self.number("first_frame"),
        }
    }

    fn key(&self) -> Option<[u8; 16]> {
        let key = self.text("key");
        (key != "none").then(|| bytes(key).try_into().expect("16 bytes"))
    }
}

fn parse_number<T: TryFrom<u64>>(text: &str) -> T {
    text.parse::<u64>().ok().and_then(|number| T::try_from(number).ok()).expect(text)
}

/// The vectors that docs/VECTORS.md shows of a file in tests/vectors, in its order.
fn vectors(file: &str) -> Vec<Block> {
    let page = read("docs/VECTORS.md");
    let start = page.split_once(&format!("```vectors {file}\n")).expect(file).1;
    let block = start.split("```").next().expect("closed");
    let mut common = BTreeMap::from([("wire".into(), file.into())]);
    let mut vectors = Vec::new();
    for paragraph in block.split("\n\n") {
        let fields = paragraph.replace("\n  ", " ");
        let fields = fields.lines().map(|line| line.split_once(": ").expect(line));
        let fields = fields.map(|(name, value)| match name {
            "hex" => (name.into(), value.replace(' ', "")),
            _ => (name.into(), value.into()),
        });
        let mut all = common.clone();
        all.extend(fields);
        if all.contains_key("name") {
            vectors.push(Block(all));
        } else {
            common = all;
        }
    }
    assert!(!vectors.is_empty(), "no vectors for {file}");
    vectors
}

/// A vector of a file as the page shows it.
fn shown(file: &str, vector: &Value) -> Block {
    let members = vector.as_object().expect("an object").iter().filter_map(|(name, value)| {
        let (name, text) = match name.as_str() {
            "length" | "datagrams_sent_before" => return None,
            "datagram" => ("hex", text(value)),
            "timestamp_bits" => ("bits", text(value)),
            "current_frame" => ("current", text(value)),
            "timing" if value.is_object() => ("timing", timing(vector)),
            name => (name, text(value)),
        };
        Some((name.into(), text))
    });
    Block(members.chain([("wire".into(), file.into())]).collect())
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => "none".into(),
        Value::String(text) => text.clone(),
        Value::Array(inputs) if inputs.is_empty() => "none".into(),
        Value::Array(inputs) => inputs.iter().map(input).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}

fn input(value: &Value) -> String {
    match value {
        Value::Array(pair) => format!("{}={:02x}", pair[0], pair[1].as_u64().expect("an action")),
        input => text(input),
    }
}

/// The numbers of a timing block as they are sent.
fn timing(vector: &Value) -> String {
    let number = |value: &Value| value.as_u64().expect("a number");
    let timing = &vector["timing"];
    let echo = &timing["echo"];
    let echo = if echo.is_null() { 0 } else { ((number(&echo["stamp"]) + number(&echo["held"])) & 0xffff).max(1) };
    let sent = (number(&vector["datagrams_sent_before"]) + 1) & 0xffff;
    let (stamp, lost, lead) = (&timing["stamp"], &timing["lost"], text(&timing["lead"]));
    format!("stamp={stamp} echo={echo} sent={sent} lost={lost} lead={lead}")
}

#[test]
fn the_page_shows_every_vector_of_the_files() {
    for (file, member) in
        [("classic", "datagrams"), ("compact", "vectors"), ("control", "vectors"), ("words", "vectors")]
    {
        let source: Value = serde_json::from_str(&read(&format!("tests/vectors/{file}.json"))).expect("valid JSON");
        let source = source[member].as_array().expect("vectors");
        let source: Vec<_> = source.iter().map(|vector| shown(file, vector)).collect();
        assert_eq!(vectors(file), source, "write the page anew: python3 tests/conformance/page.py");
    }
}

#[test]
fn the_classic_vectors_of_the_page_hold_both_ways() {
    for block in vectors("classic") {
        let datagram = bytes(block.text("hex"));
        let inputs = || {
            let pairs = block.list("inputs").into_iter().map(|pair| pair.split_once('=').expect("pair"));
            let pairs = pairs.map(|(frame, input)| (parse_number::<u32>(frame), bytes(input)[0]));
            pairs.collect::<Vec<_>>().into_iter()
        };
        let packet = match block.text("message") {
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
        assert_eq!(emitted(packet), datagram, "{}", block.text("name"));
        assert_eq!(emitted(parse(&datagram).expect("accepted")), datagram, "{}", block.text("name"));
    }
}

#[test]
fn the_compact_vectors_of_the_page_hold_both_ways() {
    for block in vectors("compact") {
        let end =
            |player, incarnation| EndpointId { player: block.number(player), incarnation: block.number(incarnation) };
        let timing = (block.text("timing") != "none").then(|| {
            let parts = block.text("timing").split_whitespace().map(|part| part.split_once('=').expect("pair"));
            let parts: BTreeMap<_, _> = parts.collect();
            Timing {
                stamp: parse_number(parts["stamp"]),
                echo: parse_number(parts["echo"]),
                sent: parse_number(parts["sent"]),
                lost: parse_number(parts["lost"]),
                lead: (parts["lead"] != "none").then(|| parts["lead"].parse().expect("a number")),
            }
        });
        let vector = Vector {
            name: block.text("name").into(),
            session_id: block.hex("session"),
            key: block.key(),
            short: block.flag("short_tags"),
            epoch: block.number("epoch"),
            sender: end("sender", "sender_incarnation"),
            receiver: end("receiver", "receiver_incarnation"),
            input_len: block.number("input_size"),
            window: block.number("window"),
            first_frame: block.number("first_frame"),
            first_unacked: block.number("first_unacked"),
            reference: bytes(block.text("reference")),
            inputs: block.list("inputs").into_iter().map(bytes).collect(),
            ack: block.number("ack"),
            timing,
            datagram: bytes(block.text("hex")),
        };
        vector.check();
    }
}

#[test]
fn the_control_vectors_of_the_page_hold_both_ways() {
    for block in vectors("control") {
        let datagram = bytes(block.text("hex"));
        let (key, session_id) = (block.key().map(Key), block.hex("session"));
        let mut buf = [0; 64];
        let len = match block.text("message") {
            "hello" => {
                let hello = Hello {
                    sender: block.number("sender"),
                    receiver: block.number("receiver"),
                    settings: Settings {
                        input_len: block.number("input_size"),
                        window: block.number("window"),
                        tag_len: block.number("tag_size"),
                        frame_us: block.number("frame_interval_us"),
                        first_frame: block.number("first_frame"),
                    },
                    ping_ms: block.number("ping_interval_ms"),
                    epoch: block.number("epoch"),
                    incarnation: block.number("incarnation"),
                    number: block.number("number"),
                    named: Named {
                        incarnation: block.number("named"),
                        answered: block.number("answered"),
                        playing: block.flag("playing"),
                    },
                    asks: false,
                };
                let state = TagState::new(key.as_ref());
                assert_eq!(parse_hello(&datagram, &state, session_id), Ok(ReceivedHello::Hello(hello)));
                emit_hello(&mut buf, &hello, &state, session_id)
            }
            "bye" => {
                let context = block.context();
                let bye = Bye {
                    named: block.number("receiver_incarnation"),
                    epoch: block.number("epoch"),
                    end: block.number("end"),
                };
                let state = context.bye();
                let sealed = SealedBye::split(&datagram, state.tag_len()).expect("as long as a bye");
                assert_eq!(sealed.open(&state), Ok(bye));
                emit_bye(&mut buf, bye, &state)
            }
            other => panic!("unknown message {other}"),
        };
        assert_eq!(&buf[..len.expect("fits")], datagram, "{}", block.text("name"));
    }
}

#[test]
fn the_words_of_the_page_hold_both_ways() {
    for block in vectors("words") {
        let (name, datagram) = (block.text("name"), bytes(block.text("hex")));
        let state = block.context().inputs(block.number("epoch")).whole();
        let flags = Flags { have: block.flag("have"), reply: block.flag("reply") };
        let entry = |text: &str| {
            let mut parts = text.split(':');
            let mut part = || parts.next().expect("player:S:E");
            Leaver { player: parse_number(part()), source: parse_number(part()), end: parse_number(part()) }
        };
        let leavers: Vec<_> = block.list("set").into_iter().map(entry).collect();
        let stays: Vec<u16> = block.list("stays").into_iter().map(parse_number).collect();
        let inputs: Vec<_> = block.list("inputs").into_iter().map(bytes).collect();
        let repair = (block.text("inputs_of") != "none").then(|| {
            let of: u16 = block.number("inputs_of");
            let index = leavers.iter().position(|leaver| leaver.player == of).expect("a player of the set");
            let index = u8::try_from(index).expect("at most 63 players");
            Repair { index, base: block.number("base"), inputs: inputs.iter().map(Vec::as_slice) }
        });
        let word = Word::parse(&datagram, state.tag_len(), Some(&state)).expect(name);
        assert_eq!((word.flags, word.leavers().collect::<Vec<_>>()), (flags, leavers.clone()), "{name}");
        assert_eq!(word.stays().collect::<Vec<_>>(), stays, "{name}");
        let read = word.inputs(block.number("window"), block.number("input_size")).expect(name).map(|mut read| {
            let mut input = vec![0; inputs[0].len()];
            let each = (0..read.count).map(|_| {
                delta::read(&mut read.body, &mut input);
                input.clone()
            });
            let all: Vec<_> = each.collect();
            (read.leaver, read.base, all)
        });
        let wanted = repair.as_ref().map(|repair| (leavers[usize::from(repair.index)], repair.base, inputs.clone()));
        assert_eq!(read, wanted, "{name}");
        let mut buf = [0; 1024];
        let len = emit_word(&mut buf, 1024, &state, flags, leavers.into_iter(), stays.into_iter(), repair);
        assert_eq!(&buf[..len.expect("fits")], datagram, "{name}");
    }
}

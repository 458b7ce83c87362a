//! The compact wire: its vectors, and that each datagram is parsed as it was emitted.

use proptest::prelude::*;
use serde_json::Value;
use std::prelude::v1::*;

use super::{bytes, read};
use crate::error::DatagramError;
use crate::ids::Frame;
use crate::link::compact::inputs::emit;
use crate::time::Instant;
use crate::window::send::{SendBuffer, SendWindow};
use crate::wire::bits::BitReader;
use crate::wire::compact::tag::{EndpointId, Key, TagContext, TagState};
use crate::wire::compact::word::{Flags, Leaver, Repair, emit_word};
use crate::wire::compact::{Header, Packet, Sealed, Timing, delta};

/// One input datagram, with everything that both ends know of it.
#[derive(Clone, Debug)]
pub(super) struct Vector {
    pub(super) name: String,
    pub(super) session_id: u64,
    pub(super) key: Option<[u8; 16]>,
    pub(super) short: bool,
    pub(super) epoch: u32,
    pub(super) sender: EndpointId,
    pub(super) receiver: EndpointId,
    pub(super) input_len: usize,
    pub(super) window: u8,
    pub(super) first_frame: u32,
    pub(super) first_unacked: u32,
    pub(super) reference: Vec<u8>,
    pub(super) inputs: Vec<Vec<u8>>,
    pub(super) ack: u32,
    pub(super) timing: Option<Timing>,
    pub(super) datagram: Vec<u8>,
}

impl Vector {
    /// Checks both ways, for any size of inputs.
    pub(super) fn check(&self) {
        match self.input_len {
            1 => self.check_as::<1>(),
            2 => self.check_as::<2>(),
            3 => self.check_as::<3>(),
            4 => self.check_as::<4>(),
            16 => self.check_as::<16>(),
            32 => self.check_as::<32>(),
            255 => self.check_as::<255>(),
            other => panic!("{}: no test for inputs of {other} bytes", self.name),
        }
    }

    fn check_as<const INPUT_LEN: usize>(&self) {
        let emitted = self.emit::<INPUT_LEN>(1024);
        assert_eq!(emitted, self.datagram, "{}", self.name);
        assert_eq!(self.parse(&self.datagram), Ok(self.inputs_carried(&self.datagram)), "{}", self.name);
    }

    fn tag(&self) -> TagState {
        let context = TagContext {
            key: self.key.map(Key),
            short: self.short,
            session_id: self.session_id,
            sender: self.sender,
            receiver: self.receiver,
            input_len: u8::try_from(self.input_len).expect("small"),
            window: self.window,
            first_frame: self.first_frame,
        };
        context.inputs(self.epoch)
    }

    /// The datagram with as many of the inputs as fit `limit` bytes.
    fn emit<const INPUT_LEN: usize>(&self, limit: usize) -> Vec<u8> {
        // The reference is the input of the frame before, unless that frame does not exist.
        let first = self.first_unacked.saturating_sub(1);
        let mut window = SendWindow::new(Frame::new(first), 127, u8::try_from(INPUT_LEN).expect("small"));
        let mut buffer = SendBuffer::<INPUT_LEN, 127>::new();
        let before = (self.first_unacked > 0).then_some(&self.reference);
        for input in before.into_iter().chain(&self.inputs) {
            buffer.push(&mut window, Instant::ORIGIN, input.as_slice().try_into().expect("size"));
        }
        let header =
            Header { epoch: self.epoch, end: self.first_unacked, count: 0, ack: self.ack, timing: self.timing };
        let mut buf = [0xaa; 1024];
        let carried = emit(&mut buf, header, &buffer.view(&window), false, limit, &self.tag()).expect("fits");
        buf[..carried.len].to_vec()
    }

    /// The inputs that a datagram carries, as a receiver reads it that expects the first of them next.
    fn parse(&self, datagram: &[u8]) -> Result<Vec<Vec<u8>>, DatagramError> {
        let tag = self.tag();
        let sealed = Sealed::split(datagram, tag.tag_len()).ok_or(DatagramError::Truncated)?;
        if !sealed.is_of_epoch(self.epoch) {
            return Err(DatagramError::OtherEpoch);
        }
        let end = sealed.end(self.first_unacked).ok_or(DatagramError::FrameRange)?;
        let ack = sealed.ack(self.ack).ok_or(DatagramError::FrameRange)?;
        let Packet { header, mut body } = sealed.open(&tag, self.epoch, end, ack)?;
        assert_eq!((header.ack, header.timing), (self.ack, self.timing));
        assert_eq!(header.end, self.first_unacked + header.count);
        if !delta::holds_exactly(&body, self.input_len, header.count) {
            return Err(DatagramError::MalformedBody);
        }
        let mut input = if self.first_unacked > 0 { self.reference.clone() } else { std::vec![0; self.input_len] };
        let decoded = (0..header.count).map(|_| {
            delta::read(&mut body, &mut input);
            input.clone()
        });
        Ok(decoded.collect())
    }

    /// The inputs that fitted the datagram.
    fn inputs_carried(&self, datagram: &[u8]) -> Vec<Vec<u8>> {
        let tag = self.tag().tag_len();
        let short = usize::from(datagram[0] & 0x0f);
        let count = if short == 15 { 15 + usize::from(datagram[3 + tag]) } else { short };
        self.inputs[..count].to_vec()
    }
}

#[test]
fn a_word_carries_the_inputs_that_fit_and_at_least_one() {
    let state = TagState::new(None);
    let inputs = [[0x5a; 4], [0xa5; 4], [0x3c; 4]];
    // Its length, and how many of the first `given` inputs it carries.
    let emit = |limit: usize, given: usize| {
        let flags = Flags { have: true, reply: false };
        let (leaver, stays) = (Leaver { player: 7, source: 0, end: 3 }, [8, 9]);
        let inputs = inputs.iter().take(given).map(<[u8; 4]>::as_slice);
        let mut buf = [0; 1024];
        let repair = Some(Repair { index: 0, base: 0, inputs });
        let len = emit_word(&mut buf, limit, &state, flags, [leaver].into_iter(), stays.into_iter(), repair);
        (len.expect("fits"), usize::from(buf[1 + 2 + 3 + 8 + 4 + 1]))
    };
    for count in 1..=inputs.len() {
        let (len, carried) = emit(1024, count);
        assert_eq!(carried, count);
        assert_eq!(emit(len, inputs.len()), (len, count));
        assert_eq!(emit(len - 1, inputs.len()).1, (count - 1).max(1));
    }
    assert_eq!(emit(0, inputs.len()).1, 1);
}

fn text(value: &Value) -> &str {
    value.as_str().expect("text")
}

fn number<T: TryFrom<u64>>(value: &Value) -> T {
    value.as_u64().and_then(|number| T::try_from(number).ok()).expect("a number that fits")
}

fn vectors() -> Vec<Vector> {
    let file: Value = serde_json::from_str(&read("tests/vectors/compact.json")).expect("valid JSON");
    let vectors = file["vectors"].as_array().expect("vectors");
    vectors.iter().map(vector).collect()
}

fn vector(value: &Value) -> Vector {
    let end = |player: &str, incarnation: &str| EndpointId {
        player: number(&value[player]),
        incarnation: text(&value[incarnation]).parse().expect("64 bits"),
    };
    let sent = number::<u64>(&value["datagrams_sent_before"]) + 1;
    let timing = value["timing"].as_object().map(|timing| Timing {
        stamp: number(&timing["stamp"]),
        echo: timing["echo"]
            .as_object()
            .map_or(0, |echo| number::<u16>(&echo["stamp"]).wrapping_add(number::<u16>(&echo["held"])).max(1)),
        sent: u16::try_from(sent & 0xffff).expect("16 bits"),
        lost: number(&timing["lost"]),
        lead: timing["lead"].as_i64().map(|lead| i8::try_from(lead).expect("8 bits")),
    });
    Vector {
        name: text(&value["name"]).into(),
        session_id: u64::from_str_radix(text(&value["session"]), 16).expect("hex"),
        key: value["key"].as_str().map(|key| bytes(key).try_into().expect("16 bytes")),
        short: value["short_tags"].as_bool().expect("yes or no"),
        epoch: number(&value["epoch"]),
        sender: end("sender", "sender_incarnation"),
        receiver: end("receiver", "receiver_incarnation"),
        input_len: number(&value["input_size"]),
        window: number(&value["window"]),
        first_frame: number(&value["first_frame"]),
        first_unacked: number(&value["first_unacked"]),
        reference: bytes(text(&value["reference"])),
        inputs: value["inputs"].as_array().expect("inputs").iter().map(|input| bytes(text(input))).collect(),
        ack: number(&value["ack"]),
        timing,
        datagram: bytes(text(&value["datagram"])),
    }
}

#[test]
fn every_vector_holds_both_ways() {
    let vectors = vectors();
    assert!(vectors.len() >= 57);
    vectors.iter().for_each(Vector::check);
}

#[test]
fn every_prefix_and_every_extension_of_every_vector_is_refused() {
    let mut passed = 0;
    for vector in vectors() {
        for len in 0..vector.datagram.len() {
            let Err(reason) = vector.parse(&vector.datagram[..len]) else {
                assert!(vector.key.is_none(), "{}", vector.name);
                passed += 1;
                continue;
            };
            assert!(matches!(reason, DatagramError::Truncated | DatagramError::BadTag), "{}: {reason:?}", vector.name);
        }
        for more in [&[0_u8][..], &[1], &[0, 0, 0]] {
            let longer = [&vector.datagram, more].concat();
            assert_eq!(vector.parse(&longer), Err(DatagramError::BadTag), "{}", vector.name);
        }
    }
    assert!(passed <= 1, "a CRC lets one in 65,536 pass, and these are fewer: {passed}");
}

/// Inputs that change as a player's do: rarely, by a bit, by a little, or entirely.
fn inputs(size: usize) -> impl Strategy<Value = Vec<Vec<u8>>> {
    let change = (0_u8..6, any::<u8>(), any::<u8>());
    let changes = proptest::collection::vec(proptest::collection::vec(change, size), 0..=127);
    changes.prop_map(move |changes| {
        let mut input = std::vec![0_u8; size];
        let apply = |changes: &Vec<(u8, u8, u8)>| {
            for (byte, (kind, amount, _)) in input.iter_mut().zip(changes) {
                *byte = match kind {
                    0..3 => *byte,
                    3 => *byte ^ 1 << (amount & 7),
                    4 => byte.wrapping_add(amount & 15).wrapping_sub(8),
                    _ => *amount,
                };
            }
            input.clone()
        };
        changes.iter().map(apply).collect()
    })
}

fn any_vector() -> impl Strategy<Value = Vector> {
    let size = prop_oneof![Just(1_usize), Just(2), Just(4), Just(16), Just(255)];
    let numbers = (any::<u64>(), any::<u32>(), 0..u32::MAX - 200, any::<u32>());
    let ends = (any::<(u16, u64)>(), any::<(u16, u64)>(), any::<(Option<[u8; 16]>, bool, u32)>());
    let timing = proptest::option::of(any::<(u16, u16, u16, u8, i8)>());
    (size.prop_flat_map(|size| (Just(size), inputs(size))), numbers, ends, timing).prop_map(
        |((input_len, inputs), (session_id, epoch, first_unacked, ack), (sender, receiver, others), timing)| Vector {
            name: "any".into(),
            session_id,
            key: others.0,
            short: others.1,
            epoch,
            sender: EndpointId { player: sender.0, incarnation: sender.1 },
            receiver: EndpointId { player: receiver.0, incarnation: receiver.1 },
            input_len,
            window: 127,
            first_frame: others.2,
            first_unacked,
            reference: std::vec![0; input_len],
            inputs,
            ack,
            timing: timing.map(|(stamp, echo, sent, lost, lead)| {
                let lead = (lead != i8::MIN).then_some(lead);
                Timing { stamp, echo, sent, lost, lead }
            }),
            datagram: Vec::new(),
        },
    )
}

proptest! {
    #[test]
    fn a_datagram_is_parsed_as_it_was_emitted(vector in any_vector(), limit in 64_usize..=1024) {
        let datagram = match vector.input_len {
            1 => vector.emit::<1>(limit),
            2 => vector.emit::<2>(limit),
            4 => vector.emit::<4>(limit),
            16 => vector.emit::<16>(limit),
            _ => vector.emit::<255>(limit),
        };
        let carried = vector.inputs_carried(&datagram);
        prop_assert_eq!(vector.parse(&datagram), Ok(carried.clone()));
        prop_assert!(datagram.len() <= limit || carried.len() == 1);
        prop_assert!(!carried.is_empty() || vector.inputs.is_empty());
    }

    #[test]
    fn a_prefix_is_the_longest_that_fits(vector in any_vector(), limit in 64_usize..=300) {
        let emit = |limit| match vector.input_len {
            1 => vector.emit::<1>(limit),
            2 => vector.emit::<2>(limit),
            4 => vector.emit::<4>(limit),
            16 => vector.emit::<16>(limit),
            _ => vector.emit::<255>(limit),
        };
        let carried = vector.inputs_carried(&emit(limit)).len();
        // One input more would not have fitted: it only goes into a longer datagram.
        let next = (limit..=1024).find(|limit| vector.inputs_carried(&emit(*limit)).len() > carried);
        prop_assert!(next != Some(limit));
        if let Some(next) = next {
            prop_assert_eq!(emit(next).len(), next);
        }
    }

    #[test]
    fn where_inputs_end_does_not_depend_on_their_predecessor(
        bytes: Vec<u8>, first: u8, size in 1_usize..=255, count in 0_u32..=127,
    ) {
        let mut one_by_one = BitReader::new(&bytes);
        let mut input = std::vec![first; size];
        (0..count).for_each(|_| delta::read(&mut one_by_one, &mut input));
        let mut together = BitReader::new(&bytes);
        let mut other = std::vec![first; size];
        delta::read_all(&mut together, &mut other, count);
        prop_assert_eq!(input, other);
        prop_assert_eq!(one_by_one.is_exact(), together.is_exact());
        prop_assert_eq!(one_by_one.is_exact(), delta::holds_exactly(&BitReader::new(&bytes), size, count));
        for _ in 0..=bytes.len() {
            prop_assert_eq!(one_by_one.get(8), together.get(8));
        }
    }
}

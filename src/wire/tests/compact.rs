//! The compact wire: its vectors, and that what is said is understood.

use core::time::Duration;

use proptest::prelude::*;
use serde_json::Value;
use std::prelude::v1::*;

use super::{bytes, read};
use crate::bits::BitReader;
use crate::config::Config;
use crate::error::DatagramError;
use crate::frame::Frame;
use crate::inbox::Inbox;
use crate::outbox::{Inputs, Outbox};
use crate::time::Instant;
use crate::wire::body;
use crate::wire::check::{Context, End};
use crate::wire::compact::{Draft, Expected, Timing, emit, parse};

/// One input datagram, with everything that both ends know of it.
#[derive(Clone, Debug)]
pub(super) struct Vector {
    pub(super) name: String,
    pub(super) session: u64,
    pub(super) key: Option<[u8; 16]>,
    pub(super) epoch: u32,
    pub(super) sender: End,
    pub(super) receiver: End,
    pub(super) size: usize,
    pub(super) window: u16,
    pub(super) first_unacked: u32,
    pub(super) reference: Vec<u8>,
    pub(super) inputs: Vec<Vec<u8>>,
    pub(super) ack: u32,
    pub(super) timing: Option<Timing>,
    pub(super) datagram: Vec<u8>,
}

impl Vector {
    /// Checks both ways, whatever the size of its inputs.
    pub(super) fn check(&self) {
        match self.size {
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

    fn check_as<const INPUT: usize>(&self) {
        let emitted = self.emit::<INPUT>(1024);
        assert_eq!(emitted, self.datagram, "{}", self.name);
        assert_eq!(self.parse(&self.datagram), Ok(self.inputs_carried(&self.datagram)), "{}", self.name);
    }

    fn config(&self) -> Config {
        let builder = Config::builder().session(self.session).frame_interval(Duration::from_millis(16));
        match self.key {
            Some(key) => builder.key(key),
            None => builder,
        }
        .build()
        .expect("valid")
    }

    fn context<'a>(&self, config: &'a Config) -> Context<'a> {
        let (input, window) = (u16::try_from(self.size).expect("small"), self.window);
        Context { config, sender: self.sender, receiver: self.receiver, input, window }
    }

    fn emit<const INPUT: usize>(&self, limit: usize) -> Vec<u8> {
        let config = self.config();
        // The reference is the input of the frame before, unless that frame does not exist.
        let first = self.first_unacked.saturating_sub(1);
        let mut outbox = Outbox::new(Frame::new(first), 127, u8::try_from(INPUT).expect("small"));
        let mut inputs = Inputs::<INPUT, 127>::new();
        let before = (self.first_unacked > 0).then_some(&self.reference);
        for input in before.into_iter().chain(&self.inputs) {
            inputs.push(&mut outbox, Instant::ORIGIN, input.as_slice().try_into().expect("size"));
        }
        let draft = Draft {
            epoch: self.epoch,
            acked: self.first_unacked,
            want: self.ack,
            timing: self.timing,
            limit,
            check: &self.context(&config).check(self.epoch),
        };
        let mut room = [0xaa; 1024];
        let len = emit(&mut room, &draft, &inputs.view(&outbox)).expect("fits");
        room[..len].to_vec()
    }

    /// The inputs that a datagram carries, as one who wants the first of them reads it.
    fn parse(&self, datagram: &[u8]) -> Result<Vec<Vec<u8>>, DatagramError> {
        let size = u8::try_from(self.size).expect("small");
        let mut inbox = Inbox::new(self.first_unacked.saturating_sub(1), 2, size);
        let mut rows = std::vec![0; 2 * self.size];
        if self.first_unacked > 0 {
            inbox.append(&mut rows, &self.reference);
        }
        let expected = Expected {
            epoch: self.epoch,
            inbox: &inbox,
            rows: &rows,
            next: self.ack,
            window: u32::from(self.window),
            check: &self.context(&self.config()).check(self.epoch),
        };
        let mut input = std::vec![0; self.size];
        let packet = parse(datagram, &expected, &mut input)?;
        assert_eq!(packet.ack, self.ack);
        assert_eq!(packet.timing, self.timing);
        assert_eq!(packet.end, self.first_unacked + packet.count);
        let mut rest = packet.rest;
        let decoded = (0..packet.count).map(|at| {
            if at > 0 {
                body::read(&mut rest, &mut input);
            }
            input.clone()
        });
        Ok(decoded.collect())
    }

    /// All inputs, or as many as the datagram has room for.
    fn inputs_carried(&self, datagram: &[u8]) -> Vec<Vec<u8>> {
        let check = if self.key.is_some() { 8 } else { 2 };
        let short = usize::from(datagram[0] & 0x0f);
        let count = if short == 15 { 15 + usize::from(datagram[3 + check]) } else { short };
        self.inputs[..count].to_vec()
    }
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
    let end = |player: &str, incarnation: &str| End {
        player: number(&value[player]),
        incarnation: number(&value[incarnation]),
    };
    let sent = number::<u64>(&value["datagrams_sent_before"]) + 1;
    let timing = value["timing"].as_object().map(|timing| Timing {
        stamp: number(&timing["stamp"]),
        echo: timing["echo"]
            .as_object()
            .map_or(0, |echo| number::<u16>(&echo["stamp"]).wrapping_add(number::<u16>(&echo["held"])).max(1)),
        sent: u16::try_from(sent & 0xffff).expect("16 bits"),
    });
    Vector {
        name: text(&value["name"]).into(),
        session: u64::from_str_radix(text(&value["session"]), 16).expect("hex"),
        key: value["key"].as_str().map(|key| bytes(key).try_into().expect("16 bytes")),
        epoch: number(&value["epoch"]),
        sender: end("sender", "sender_incarnation"),
        receiver: end("receiver", "receiver_incarnation"),
        size: number(&value["input_size"]),
        window: number(&value["window"]),
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
    for vector in vectors() {
        for len in 0..vector.datagram.len() {
            let reason = vector.parse(&vector.datagram[..len]).expect_err(&vector.name);
            assert!(matches!(reason, DatagramError::Truncated | DatagramError::Check), "{}: {reason:?}", vector.name);
        }
        for more in [&[0_u8][..], &[1], &[0, 0, 0]] {
            let longer = [&vector.datagram, more].concat();
            assert_eq!(vector.parse(&longer), Err(DatagramError::Check), "{}", vector.name);
        }
    }
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
    let ends = (any::<(u16, u32)>(), any::<(u16, u32)>(), any::<Option<[u8; 16]>>());
    let timing = proptest::option::of(any::<(u16, u16, u16)>());
    (size.prop_flat_map(|size| (Just(size), inputs(size))), numbers, ends, timing).prop_map(
        |((size, inputs), (session, epoch, first_unacked, ack), (sender, receiver, key), timing)| Vector {
            name: "any".into(),
            session,
            key,
            epoch,
            sender: End { player: sender.0, incarnation: sender.1 },
            receiver: End { player: receiver.0, incarnation: receiver.1 },
            size,
            window: 127,
            first_unacked,
            reference: std::vec![0; size],
            inputs,
            ack,
            timing: timing.map(|(stamp, echo, sent)| Timing { stamp, echo, sent }),
            datagram: Vec::new(),
        },
    )
}

proptest! {
    #[test]
    fn what_is_said_is_understood(vector in any_vector(), limit in 64_usize..=1024) {
        let datagram = match vector.size {
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
        let emit = |limit| match vector.size {
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
        (0..count).for_each(|_| body::read(&mut one_by_one, &mut input));
        let mut together = BitReader::new(&bytes);
        let mut other = std::vec![first; size];
        body::read_all(&mut together, &mut other, count);
        prop_assert_eq!(input, other);
        prop_assert_eq!(one_by_one.is_exact(), together.is_exact());
        prop_assert_eq!(one_by_one.is_exact(), body::are_exactly(&BitReader::new(&bytes), size, count));
        for _ in 0..=bytes.len() {
            prop_assert_eq!(one_by_one.get(8), together.get(8));
        }
    }
}

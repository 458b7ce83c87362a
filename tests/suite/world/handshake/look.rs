//! What a session of the handshake's world looks like from outside: read from its `Debug` output.
//!
//! A world's look leaves out what a handshake does not depend on (estimates, counters, findings that were reported), and
//! turns moments into ages and numbers of hellos into differences. So worlds that will go on alike mostly look alike. Where
//! they do not, or where two that look alike go on differently, worlds are visited twice or not at all; each that is visited
//! is a real one.

use std::fmt::{self, Write};

use inputwire::Session;

use super::end::{Packet, STEP_US, number_of};
use super::{InFlight, World};
use crate::support::forge::{hello_named, hello_number};

/// Moments that lie further back look alike: the silence after which a run may be replaced, in steps.
const OLD: u64 = 5;
/// Numbers that lie further apart look alike.
const FAR: u32 = 3;

/// Fields that a handshake does not depend on, or that are looked at in another way.
const LEFT_OUT: [&str; 28] = [
    "now",
    "stall_ended_at",
    "config",
    "pushed_at",
    "changed",
    "head",
    "checksums",
    "inputs",
    "slots",
    "totals",
    "rtt",
    "time_sync",
    "limits",
    "latency",
    "responded_at",
    "longest_us",
    "unreported_us",
    "at",
    "known",
    "lost",
    "progress_at",
    "sent",
    "timing",
    "diagnosis",
    "flushed_end",
    "sent_number",
    "id",
    "reported",
];
/// Numbers of hellos, which are looked at in relation to those of the other end.
const NUMBERS: [&str; 4] = ["candidate", "sent_number_alive", "received_number", "added"];

/// What the handshake of a session knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(super) struct Seen {
    pub(super) local_run: u64,
    pub(super) run: Option<u64>,
    pub(super) candidate: Option<(u64, u32)>,
    pub(super) linked_ever: bool,
    pub(super) halted: bool,
    pub(super) sent_number: u32,
    pub(super) asked: u32,
    pub(super) received_number: u32,
    pub(super) announced: u32,
    pub(super) wanted: bool,
    pub(super) owed: bool,
}

impl Seen {
    /// The run under which inputs flow.
    pub(super) fn playing(&self) -> Option<u64> {
        self.run.or(self.candidate.map(|(run, _)| run)).filter(|_| !self.halted)
    }
}

fn text_of(session: &Session<1, 1, 2>) -> String {
    let mut text = String::with_capacity(4_096);
    write!(text, "{session:?}").expect("writing to a string does not fail");
    text
}

pub(super) fn see(session: &Session<1, 1, 2>) -> Seen {
    see_in(&text_of(session))
}

fn see_in(text: &str) -> Seen {
    let handshake = &text[text.find("handshake: ").expect("a compact peer")..];
    let value = |name: &str| {
        let start = handshake.find(&format!(" {name}: ")).unwrap_or_else(|| panic!("no {name}")) + name.len() + 3;
        &handshake[start..]
    };
    let first_number = |text: &str| {
        let digits = text.find(|letter: char| letter.is_ascii_digit()).expect("a number");
        let rest = &text[digits..];
        let end = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
        rest[..end].parse::<u64>().expect("a number")
    };
    let number = |name: &str| u32::try_from(first_number(value(name))).expect("32 bits");
    let is = |name: &str| value(name).starts_with("true");
    let some = |name: &str| Some(value(name)).filter(|value| !value.starts_with("None"));
    Seen {
        local_run: first_number(value("local_run")),
        run: some("run").map(first_number),
        candidate: some("candidate").map(|candidate| {
            let number = &candidate[candidate.find("number: ").expect("its number")..];
            (first_number(candidate), u32::try_from(first_number(number)).expect("32 bits"))
        }),
        linked_ever: some("linked_at").is_some(),
        halted: is("halted"),
        sent_number: number("sent_number"),
        asked: number("sent_number_alive"),
        received_number: number("received_number"),
        announced: number("announced"),
        wanted: is("hello_wanted"),
        owed: is("answer_owed"),
    }
}

/// The part of a look that is about one session alone.
pub(super) fn of_session(session: &Session<1, 1, 2>) -> u128 {
    let mut hash = Fnv::new();
    let text = text_of(session);
    look(&text, &mut hash, &[]);
    let Seen { sent_number, asked, received_number, candidate, .. } = see_in(&text);
    write!(hash, "{sent_number} {asked} {received_number} {candidate:?}").expect("hashing does not fail");
    hash.0
}

pub(super) fn of_world(world: &World) -> u128 {
    let mut hash = Fnv::new();
    let seen = world.ends.each_ref().map(|end| {
        let text = text_of(&end.session);
        look(&text, &mut hash, &NUMBERS);
        (see_in(&text), number_after(&text, "received: Some((Timing {", "sent: "))
    });
    for (side, ((end, (seen_here, taken)), over)) in world.ends.iter().zip(&seen).zip(&world.over).enumerate() {
        let there = &seen[1 - side].0;
        // A number of a run of the other end: how far it lies behind the last one of that run, and whether it answers news.
        let behind = |run: u64, number: u32| {
            if run == there.local_run {
                return (there.sent_number.saturating_sub(number).min(FAR), number > there.asked);
            }
            let last = over.iter().filter(|hello| hello.run == Some(run)).map(|hello| number_of(hello)).max();
            (last.map_or(0, |last| last.saturating_sub(number).min(FAR)), false)
        };
        let run = seen_here.run.map(|run| behind(run, seen_here.received_number));
        let candidate = seen_here.candidate.map(|(run, number)| (run, behind(run, number)));
        let asked = (seen_here.sent_number - seen_here.asked).min(FAR);
        write!(hash, "|{run:?}{candidate:?}{asked}{} {:?} {:?}", end.run, end.source(), end.follow).expect("hashed");
        let mut put = |packet: &Packet, arrived: bool| {
            if packet.bytes[0] != 0x20 {
                let newer = taken.is_none_or(|taken| packet.sent > taken);
                let of = (packet.run, packet.to_run, packet.epoch, packet.bytes[0], packet.bytes[1], packet.bytes[2]);
                return write!(hash, "|{of:?}{newer}{arrived}").expect("hashed");
            }
            let named = hello_named(&packet.bytes);
            let number = hello_number(&packet.bytes);
            let run = packet.run.expect("no forger's");
            let known = seen_here.run == Some(run) && number <= seen_here.received_number;
            let here = named.incarnation == seen_here.local_run;
            let answers = here && named.answered > seen_here.asked;
            let how = (run, packet.epoch, behind(run, number), known, here, answers, named.playing);
            write!(hash, "|{how:?}").expect("hashed");
        };
        for InFlight { packet, arrived } in &world.in_flight[side] {
            put(packet, *arrived);
        }
        for packet in over {
            put(packet, true);
        }
    }
    write!(hash, "{:?}", world.budget).expect("hashed");
    hash.0
}

/// The number after `name`, in the part of a text that begins with `part`, if there is such a part.
fn number_after(text: &str, part: &str, name: &str) -> Option<u32> {
    let part = &text[text.find(part)?..];
    let number = &part[part.find(name)? + name.len()..];
    number[..number.find(|letter: char| !letter.is_ascii_digit())?].parse().ok()
}

/// Hashes a `Debug` output without the fields that are left out, and with ages in place of moments.
fn look(text: &str, hash: &mut Fnv, also_left_out: &[&str]) {
    let now = number_of_instant(&text[text.find("now: ").expect("its time") + 5..]);
    let mut rest = text;
    while let Some(colon) = rest.find(": ") {
        let start =
            rest[..colon].rfind(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').map_or(0, |at| at + 1);
        let name = &rest[start..colon];
        hash.write_str(&rest[..colon]).expect("hashed");
        rest = &rest[colon + 2..];
        if LEFT_OUT.contains(&name) || also_left_out.contains(&name) {
            rest = &rest[value_len(rest)..];
        } else if let Some(at) = rest.strip_prefix("Instant(").or_else(|| rest.strip_prefix("Some(Instant(")) {
            let at: u64 = at[..at.find(')').expect("its end")].parse().expect("a number");
            // A link is old or new.
            let age = if name == "linked_at" { 0 } else { (now.saturating_sub(at) / STEP_US).min(OLD) };
            write!(hash, "{age}").expect("hashed");
            rest = &rest[value_len(rest)..];
        }
    }
    hash.write_str(rest).expect("hashed");
}

fn number_of_instant(text: &str) -> u64 {
    let digits = text.strip_prefix("Instant(").expect("a moment");
    digits[..digits.find(')').expect("its end")].parse().expect("a number")
}

/// How long the value is at the start of a text.
fn value_len(text: &str) -> usize {
    let mut depth = 0_u32;
    for (place, letter) in text.bytes().enumerate() {
        match letter {
            b'(' | b'[' | b'{' => depth += 1,
            b',' | b')' | b']' | b'}' if depth == 0 => return place,
            b')' | b']' | b'}' => depth -= 1,
            _ => {}
        }
    }
    text.len()
}

/// A hash of written text (FNV-1a), of 128 bits, so that no two of some millions of worlds collide.
struct Fnv(u128);

impl Fnv {
    const fn new() -> Self {
        Self(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d)
    }
}

impl Write for Fnv {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            self.0 = (self.0 ^ u128::from(byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b);
        }
        Ok(())
    }
}

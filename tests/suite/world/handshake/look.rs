//! What a session of the handshake's world looks like from outside: read from its `Debug` output.
//!
//! A world's look leaves out what a handshake does not depend on (estimates, counters, findings that were reported), and
//! turns moments into ages and numbers of hellos into differences. So worlds that will go on alike mostly look alike. Where
//! they do not, or where two that look alike go on differently, worlds are visited twice or not at all; each that is visited
//! is a real one.

use std::fmt::Write;
use std::hash::{DefaultHasher, Hash, Hasher};

use inputwire::Session;

use super::super::{number, rewrite};
use super::end::{Packet, STEP_US, number_of};
use super::{InFlight, World};
use crate::support::forge::{hello_named, hello_number};

/// Moments that lie further back look alike: the silence after which a run may be replaced, in steps.
const OLD: u64 = 5;
/// Numbers that lie further apart look alike.
const FAR: u32 = 3;

/// What the handshake of a session knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "as in the handshake itself")]
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

/// What a session looks like.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    /// Equal for sessions that differ in absolute numbers only.
    pub(super) hash: u64,
    /// Equal for sessions whose handshakes are alike in these, too.
    pub(super) exact: u64,
    pub(super) seen: Seen,
    /// The count of the last timing block that was used.
    taken: Option<u32>,
}

pub(super) fn of_session(session: &Session<1, 1, 2>) -> Look {
    let mut text = String::with_capacity(4_096);
    write!(text, "{session:?}").expect("writing to a string does not fail");
    let mut reader = Reader { now: 0, seen: Seen::default(), taken: None };
    // The output without the fields that are left out, and with ages in place of moments.
    let mut left = String::with_capacity(2_048);
    rewrite(&text, &mut left, |name, value, left| reader.takes(name, value, left));
    let Reader { seen, taken, .. } = reader;
    let hash = hash_of(&left);
    write!(left, "{seen:?}").expect("written");
    Look { hash, exact: hash_of(&left), seen, taken }
}

/// Reads a `Debug` output once.
struct Reader {
    now: u64,
    seen: Seen,
    taken: Option<u32>,
}

impl Reader {
    /// Whether a field is left out, or was put in another way.
    fn takes(&mut self, name: &str, value: &str, left: &mut String) -> bool {
        let seen = &mut self.seen;
        match name {
            "now" => self.now = number(value),
            // What a handshake does not depend on, and counts of what was sent.
            "late_call" | "stall_ended_at" | "input_delay" | "lateness" | "owed_since" | "carried_end" | "body_len"
            | "began_at" | "config" | "pushed_at" | "changed" | "head" | "checksums" | "inputs" | "slots"
            | "totals" | "rtt" | "time_sync" | "limits" | "latency" | "responded_at" | "longest_us"
            | "unreported_us" | "at" | "known" | "lost" | "progress_at" | "sent" | "diagnosis" | "flushed_end"
            | "id" | "reported" | "added" => {}
            "timing" => {
                let received = value.find("received: Some((Timing {").map(|at| &value[at..]);
                let sent = received.and_then(|received| received.find("sent: ").map(|at| &received[at..]));
                self.taken = sent.map(short);
            }
            // Numbers of hellos are looked at in relation to those of the other end.
            "sent_number" => seen.sent_number = short(value),
            "sent_number_alive" => seen.asked = short(value),
            "received_number" => seen.received_number = short(value),
            "candidate" => {
                let numbered = value.find("number: ").filter(|_| value.starts_with("Some"));
                seen.candidate = numbered.map(|at| (number(value), short(&value[at..])));
            }
            _ => {
                match name {
                    "local_run" => seen.local_run = number(value),
                    "run" => seen.run = value.starts_with("Some").then(|| number(value)),
                    "linked_at" => seen.linked_ever = value.starts_with("Some"),
                    "halted" => seen.halted = value.starts_with("true"),
                    "announced" => seen.announced = short(value),
                    "hello_wanted" => seen.wanted = value.starts_with("true"),
                    "answer_owed" => seen.owed = value.starts_with("true"),
                    _ => {}
                }
                if !value.starts_with("Instant(") && !value.starts_with("Some(Instant(") {
                    return false;
                }
                // A link is old or new.
                let age = self.now.saturating_sub(number(value)) / STEP_US;
                write!(left, "{}", if name == "linked_at" { 0 } else { age.min(OLD) }).expect("written");
            }
        }
        true
    }
}

fn short(text: &str) -> u32 {
    u32::try_from(number(text)).expect("32 bits")
}

pub(super) fn of_world(world: &World) -> u64 {
    let mut hash = String::with_capacity(1_024);
    let looks = world.ends.each_ref().map(|end| *end.look());
    for (side, ((end, look), over)) in world.ends.iter().zip(&looks).zip(&world.over).enumerate() {
        let (seen_here, taken, there) = (&look.seen, look.taken, &looks[1 - side].seen);
        write!(hash, "{}", look.hash).expect("written");
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
        write!(hash, "|{run:?}{candidate:?}{asked}{} {:?} {:?}", end.run, end.source(), end.follow).expect("written");
        let mut put = |packet: &Packet, taken_before: bool| {
            if packet.bytes[0] != 0x20 {
                let newer = taken.is_none_or(|taken| packet.sent > taken);
                let of = (packet.run, packet.to_run, packet.epoch, packet.bytes[0], packet.bytes[1], packet.bytes[2]);
                return write!(hash, "|{of:?}{newer}{taken_before}").expect("written");
            }
            let named = hello_named(&packet.bytes);
            let number = hello_number(&packet.bytes);
            let run = packet.run.expect("no forger's");
            let known = seen_here.run == Some(run) && number <= seen_here.received_number;
            let here = named.incarnation == seen_here.local_run;
            let answers = here && named.answered > seen_here.asked;
            let how = (run, packet.epoch, behind(run, number), known, here, answers, named.playing);
            write!(hash, "|{how:?}").expect("written");
        };
        for InFlight { packet, taken } in &world.in_flight[side] {
            put(packet, *taken);
        }
        for packet in over {
            put(packet, true);
        }
    }
    write!(hash, "{:?}", world.budget).expect("written");
    hash_of(&hash)
}

/// Among some millions of worlds, two have the same hash by chance once in a million explorations.
fn hash_of(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

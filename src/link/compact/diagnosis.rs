//! What is wrong with a peer for good, reported once each (PROTOCOL 3.10). It changes nothing else.

use crate::event::{Field, PeerEvent};
use crate::time::Instant;
use crate::wire::compact::control::Settings;
use crate::wire::compact::tag::VERSION;

/// How many unreadable hellos in a row, over how long at least, show that session ids or keys differ.
const UNREADABLE: (u8, u64) = (5, 400_000);
/// How much longer than a silence a second run of the local player plays with the peer before it is reported.
const REPLACED_AFTER_US: u64 = 1_000_000;

/// A set of findings, a bit for each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Findings(u16);

const OTHER_VERSION: Findings = Findings(1);
const WRONG_PLAYERS: Findings = Findings(1 << 6);
const SECOND_RUN: Findings = Findings(1 << 7);
const REPLACED: Findings = Findings(1 << 8);
const UNREADABLE_HELLOS: Findings = Findings(1 << 9);

/// The finding that a field differs, for each, in the order in which they are reported.
const FIELDS: [(Field, Findings); 6] = [
    (Field::Version, OTHER_VERSION),
    (Field::InputLen, Findings(1 << 1)),
    (Field::Window, Findings(1 << 2)),
    (Field::TagSize, Findings(1 << 3)),
    (Field::FirstFrame, Findings(1 << 4)),
    (Field::FrameInterval, Findings(1 << 5)),
];

impl Findings {
    const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    const fn has(self, finding: Self) -> bool {
        self.0 & finding.0 != 0
    }

    /// The one that is reported first.
    fn first(self) -> Self {
        Self(self.0 & self.0.wrapping_neg())
    }
}

/// What was found, and what was reported of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Diagnosis {
    pending: Findings,
    reported: Findings,
    /// The peer's values of the fields that differ.
    version: u8,
    remote: Settings,
    /// Sender and receiver of a hello for other player numbers.
    players: (u16, u16),
    /// When a hello of another run was first refused in this life of the peer's run.
    other_run_at: Option<Instant>,
    /// When a hello of another run that plays with another run of the local player was first received.
    other_pair_at: Option<Instant>,
    /// Unreadable hellos in a row, and when the first one arrived.
    unreadable: u8,
    unreadable_at: Instant,
}

impl Diagnosis {
    pub(crate) const fn new() -> Self {
        Self {
            pending: Findings(0),
            reported: Findings(0),
            version: VERSION,
            remote: Settings { input_len: 0, window: 0, tag_len: 0, frame_us: 0, first_frame: 0 },
            players: (0, 0),
            other_run_at: None,
            other_pair_at: None,
            unreadable: 0,
            unreadable_at: Instant::ORIGIN,
        }
    }

    /// Notes a finding; returns whether it is new.
    fn note(&mut self, finding: Findings) -> bool {
        let new = !self.pending.and(self.reported).has(finding);
        if new {
            self.pending = self.pending.and(finding);
        }
        new
    }

    /// Notes a hello of another version.
    pub(crate) fn foreign_version(&mut self, version: u8) {
        if self.note(OTHER_VERSION) {
            self.version = version;
        }
    }

    /// Notes a hello for other player numbers.
    pub(crate) fn wrong_players(&mut self, players: (u16, u16)) {
        if self.note(WRONG_PLAYERS) {
            self.players = players;
        }
    }

    /// Notes which settings differ among those without which no inputs flow, and returns whether one does. The first frame
    /// counts in the same epoch only.
    pub(crate) fn compare(&mut self, local: &Settings, remote: &Settings, same_epoch: bool) -> bool {
        let counts = |field| field != Field::FrameInterval && (field != Field::FirstFrame || same_epoch);
        self.compare_fields(local, remote, counts)
    }

    /// Notes another frame interval, which stops nothing.
    pub(crate) fn compare_interval(&mut self, local: &Settings, remote: &Settings) {
        self.compare_fields(local, remote, |field| field == Field::FrameInterval);
    }

    fn compare_fields(&mut self, local: &Settings, remote: &Settings, counts: impl Fn(Field) -> bool) -> bool {
        let mut differs = false;
        for (field, finding) in FIELDS {
            if local.get(field) != remote.get(field) && counts(field) {
                differs = true;
                if self.note(finding) {
                    self.remote.copy(field, remote);
                }
            }
        }
        differs
    }

    /// Notes a hello of another run that was refused, since the peer's run is alive. Two of them, `interrupt_us` apart, are of
    /// a second program.
    pub(crate) fn other_run(&mut self, now: Instant, interrupt_us: u64) {
        let first = *self.other_run_at.get_or_insert(now);
        if now.since(first) >= interrupt_us {
            self.second_run();
        }
    }

    /// Notes that two programs play as the peer.
    pub(crate) fn second_run(&mut self) {
        self.note(SECOND_RUN);
    }

    /// Notes a hello of another run that plays with another run of the local player. Two of them, a second more than
    /// `interrupt_us` apart, are of a peer that will not come back.
    pub(crate) fn other_pair(&mut self, now: Instant, interrupt_us: u64) {
        let first = *self.other_pair_at.get_or_insert(now);
        if now.since(first) >= interrupt_us.saturating_add(REPLACED_AFTER_US) {
            self.replaced();
        }
    }

    /// Notes that the peer plays with another run of the local player.
    pub(crate) fn replaced(&mut self) {
        self.note(REPLACED);
    }

    /// Notes a hello whose tag is wrong, while the peer's run is not alive.
    pub(crate) fn unreadable(&mut self, now: Instant) {
        if self.unreadable == 0 {
            self.unreadable_at = now;
        }
        self.unreadable = self.unreadable.saturating_add(1);
        let (count, span_us) = UNREADABLE;
        if self.unreadable >= count && now.since(self.unreadable_at) >= span_us {
            self.note(UNREADABLE_HELLOS);
        }
    }

    /// Notes a hello that was accepted: unreadable ones are news again.
    pub(crate) fn readable(&mut self) {
        self.unreadable = 0;
        self.reported = self.reported.without(UNREADABLE_HELLOS);
    }

    /// Notes a sign of life of the peer's run, which was alive before or not.
    pub(crate) fn sign_of_life(&mut self, was_alive: bool) {
        self.unreadable = 0;
        self.other_pair_at = None;
        if !was_alive {
            self.other_run_at = None;
        }
    }

    /// Another run is the peer's: what was reported of the one before is news again.
    pub(crate) fn restart(&mut self) {
        const OF_THE_PEER: Findings = WRONG_PLAYERS.and(UNREADABLE_HELLOS);
        self.reported = self.reported.without(Findings(u16::MAX).without(OF_THE_PEER));
    }

    /// Returns the next finding that has not been reported, given the settings of this endpoint.
    pub(crate) fn poll_event(&mut self, local: impl FnOnce() -> Settings) -> Option<PeerEvent> {
        if self.pending == Findings(0) {
            return None;
        }
        let finding = self.pending.first();
        self.pending = self.pending.without(finding);
        self.reported = self.reported.and(finding);
        match finding {
            WRONG_PLAYERS => Some(PeerEvent::WrongPlayers { sender: self.players.0, receiver: self.players.1 }),
            SECOND_RUN => Some(PeerEvent::SecondRun),
            REPLACED => Some(PeerEvent::Replaced),
            UNREADABLE_HELLOS => Some(PeerEvent::Unreadable),
            _ => {
                let (field, _) = FIELDS.into_iter().find(|(_, of_field)| *of_field == finding)?;
                let version = (VERSION.into(), self.version.into());
                let values = local().get(field).zip(self.remote.get(field)).unwrap_or(version);
                Some(PeerEvent::Mismatch { field, local: values.0, remote: values.1 })
            }
        }
    }
}

impl Settings {
    /// The value of a field; the version is none of the settings.
    pub(crate) fn get(&self, field: Field) -> Option<u32> {
        match field {
            Field::Version => None,
            Field::InputLen => Some(self.input_len.into()),
            Field::Window => Some(self.window.into()),
            Field::TagSize => Some(self.tag_len.into()),
            Field::FirstFrame => Some(self.first_frame),
            Field::FrameInterval => Some(self.frame_us),
        }
    }

    /// Takes the value of a field from other settings.
    fn copy(&mut self, field: Field, from: &Self) {
        match field {
            Field::Version => {}
            Field::InputLen => self.input_len = from.input_len,
            Field::Window => self.window = from.window,
            Field::TagSize => self.tag_len = from.tag_len,
            Field::FirstFrame => self.first_frame = from.first_frame,
            Field::FrameInterval => self.frame_us = from.frame_us,
        }
    }
}

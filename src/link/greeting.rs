//! What the two ends of a compact link know of each other before inputs flow: runs, epochs and settings (PROTOCOL 3.9
//! and 3.10).

use super::{Ours, Told};
use crate::error::DatagramError;
use crate::event::Field;
use crate::schedule::EARLY_INTERVAL_US;
use crate::time::Instant;
use crate::wire::check::VERSION;
use crate::wire::control::{Greeting, Hello};

/// How long hellos are sent at the early interval.
const HURRY_US: u64 = 1_000_000;

/// In the order in which they are told; only the last one may differ.
const FIELDS: [Field; 6] =
    [Field::Version, Field::Player, Field::Input, Field::Window, Field::FirstFrame, Field::FrameInterval];

/// What a peer said of itself, and what it was told of us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Acquaintance {
    /// The peer's present run, once it is known.
    incarnation: Option<u32>,
    /// Whether the application was told that the peer started anew.
    restart: Told,
    /// The peer started anew, and we have not begun an epoch since.
    halted: bool,
    /// An input datagram of this run was accepted in this epoch.
    linked: bool,
    /// The greatest epoch that the peer told, and the greatest that the application was told to be ahead.
    epoch: u32,
    told_epoch: u32,
    /// The settings that were heard last, until the application was told what differs, and the fields it was told of.
    untold: Option<Settings>,
    mismatched: bool,
    told_fields: [bool; FIELDS.len()],
    /// When a reason to say hello last began, and when it was said last since then.
    since: Instant,
    hello_at: Option<Instant>,
}

/// What a hello turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Acquainted {
    /// Nobody we know: it is told, and nothing else.
    Stranger,
    /// The peer, in the run that was known.
    SameRun,
    /// The peer, in a run that was not known before.
    NewRun,
    /// The peer, started anew: what was known of its earlier run is void.
    Restarted,
}

impl Acquaintance {
    pub(crate) fn new(now: Instant, incarnation: Option<u32>) -> Self {
        Self {
            incarnation,
            restart: Told::Nothing,
            halted: false,
            linked: false,
            epoch: 0,
            told_epoch: 0,
            untold: None,
            mismatched: false,
            told_fields: [false; FIELDS.len()],
            since: now,
            hello_at: None,
        }
    }

    /// The peer's run, if inputs may flow between it and ours.
    pub(crate) fn running(&self) -> Option<u32> {
        self.incarnation.filter(|_| !self.halted && !self.mismatched)
    }

    /// The peer's run, if it is known.
    pub(crate) fn incarnation(&self) -> Option<u32> {
        self.incarnation
    }

    /// The greatest epoch that the peer told.
    pub(crate) fn epoch(&self) -> u32 {
        self.epoch
    }

    /// An input datagram was accepted: the peer has heard our hello, or did not need it. Returns whether that is new in
    /// this epoch.
    pub(crate) fn link(&mut self) -> bool {
        !core::mem::replace(&mut self.linked, true)
    }

    /// The transport is open again: say hello once more.
    pub(crate) fn open(&mut self, now: Instant) {
        self.since = now;
        self.hello_at = None;
    }

    pub(crate) fn begin_epoch(&mut self, now: Instant) {
        self.halted = false;
        self.linked = false;
        self.open(now);
    }

    /// When to say hello, if there is a reason to.
    pub(crate) fn hello_due(&self, epoch: u32, ping_us: u64) -> Option<Instant> {
        let Some(hello_at) = self.hello_at else {
            return Some(self.since);
        };
        if self.linked && self.epoch <= epoch {
            return None;
        }
        let hurried = hello_at.since(self.since) < HURRY_US;
        Some(hello_at.after(if hurried { ping_us.min(EARLY_INTERVAL_US) } else { ping_us }))
    }

    pub(crate) fn say_hello(&mut self, now: Instant) {
        self.hello_at = Some(now);
    }

    /// Judges a hello against what we would say, then takes it in.
    pub(crate) fn hear(&mut self, ours: &Hello, theirs: Greeting) -> Result<Acquainted, DatagramError> {
        let (version, hello) = match theirs {
            Greeting::Hello(hello) => (VERSION, hello),
            // What cannot be read counts as ours.
            Greeting::Foreign { version, sender, receiver } => (version, Hello { sender, receiver, ..*ours }),
        };
        if (hello.sender, hello.receiver) == (ours.sender, ours.receiver) {
            return Err(DatagramError::Reflected);
        }
        let players = players(ours, &hello);
        if differ(players) {
            let mut untold = Settings::default();
            let [_, player, ..] = &mut untold;
            *player = players;
            self.untold = Some(untold);
            return Ok(Acquainted::Stranger);
        }
        match theirs {
            Greeting::Foreign { version: VERSION, .. } => return Err(DatagramError::Length),
            Greeting::Hello(hello) if self.incarnation > Some(hello.incarnation) => {
                return Err(DatagramError::OldIncarnation);
            }
            _ => {}
        }
        let settings = settings(ours, &hello, version);
        // Frames may take longer or shorter at the other end.
        let [binding @ .., _] = &settings;
        self.mismatched = binding.iter().any(|values| differ(*values));
        self.untold = Some(settings);
        Ok(if self.mismatched { Acquainted::SameRun } else { self.learn(&hello) })
    }

    fn learn(&mut self, hello: &Hello) -> Acquainted {
        self.epoch = self.epoch.max(hello.epoch);
        match self.incarnation.replace(hello.incarnation) {
            None => Acquainted::NewRun,
            Some(before) if before < hello.incarnation => {
                self.restart = Told::Not;
                self.halted = true;
                self.linked = false;
                self.told_fields = [false; FIELDS.len()];
                Acquainted::Restarted
            }
            Some(_) => Acquainted::SameRun,
        }
    }

    /// Whether the peer started anew since the last call.
    pub(crate) fn tell_restart(&mut self) -> bool {
        self.restart.tell()
    }

    /// The peer's epoch, if it is ahead of ours and that was not told.
    pub(crate) fn tell_ahead(&mut self, ours: &Ours) -> Option<u32> {
        let news = self.epoch > ours.epoch && self.epoch > self.told_epoch;
        news.then(|| {
            self.told_epoch = self.epoch;
            self.epoch
        })
    }

    /// The next field that differs and was not told, with our value and the peer's.
    pub(crate) fn tell_mismatch(&mut self) -> Option<(Field, u32, u32)> {
        let settings = self.untold.as_ref()?;
        let mut each = FIELDS.iter().zip(settings).zip(&mut self.told_fields);
        if let Some(((field, (ours, theirs)), told)) = each.find(|((_, values), told)| !**told && differ(**values)) {
            *told = true;
            return Some((*field, *ours, *theirs));
        }
        self.untold = None;
        None
    }
}

/// What two ends must agree on: a value of ours and the peer's for each of `FIELDS`.
type Settings = [(u32, u32); FIELDS.len()];

fn settings(ours: &Hello, theirs: &Hello, version: u8) -> Settings {
    [
        (VERSION.into(), version.into()),
        players(ours, theirs),
        (ours.input.into(), theirs.input.into()),
        (ours.window.into(), theirs.window.into()),
        (ours.first_frame, theirs.first_frame),
        (ours.frame_us, theirs.frame_us),
    ]
}

/// A player that one of us takes the other for, and what it is; or else both are equal.
fn players(ours: &Hello, theirs: &Hello) -> (u32, u32) {
    if theirs.sender == ours.receiver {
        (ours.sender.into(), theirs.receiver.into())
    } else {
        (ours.receiver.into(), theirs.sender.into())
    }
}

fn differ((ours, theirs): (u32, u32)) -> bool {
    ours != theirs
}

//! What both endpoints know of each other before inputs flow: runs, epochs and settings (PROTOCOL 3.9 and 3.10).

use super::schedule::EARLY_INTERVAL_US;
use crate::error::DatagramError;
use crate::event::{Field, PeerEvent};
use crate::ids::Epoch;
use crate::local::Local;
use crate::once::Once;
use crate::time::Instant;
use crate::wire::compact::control::{Hello, ReceivedHello};
use crate::wire::compact::tag::VERSION;

/// How long hellos are sent at the early interval.
const HURRY_US: u64 = 1_000_000;

/// Bounds of a peer's announced ping interval, in milliseconds: those of the settings.
const PING_MS: (u16, u16) = (20, 10_000);

/// In the order in which they are reported; only the last one may differ.
const FIELDS: [Field; 6] =
    [Field::Version, Field::Player, Field::InputLen, Field::Window, Field::FirstFrame, Field::FrameInterval];

/// What a peer announced, and what was reported of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Handshake {
    run: Run,
    restart: Once,
    /// The last hello announced settings that do not fit.
    mismatched: bool,
    /// An input datagram of this run was accepted in this epoch.
    linked: bool,
    /// The greatest epoch that the peer announced, and the one that was last reported to be ahead of the present one; 0 for
    /// none.
    announced: u32,
    reported_ahead: u32,
    /// The settings that arrived last, until what differs is reported, and the fields reported so far.
    unreported: Option<Settings>,
    /// The ping interval that the peer announced; 0 before that.
    ping_ms: u16,
    reported_fields: [bool; FIELDS.len()],
    /// When there was last a new reason for a hello, and when one was sent since then.
    since: Instant,
    hello_at: Option<Instant>,
}

/// The peer's run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Run {
    Unknown,
    Running(u32),
    /// It replaced another run, and no epoch has begun since: inputs do not flow.
    Restarted(u32),
}

/// What became of a hello.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HelloOutcome {
    /// Its player numbers do not fit. This is reported, and nothing else in it is used.
    WrongPlayers,
    /// It is of the known run or the first one, or announces settings that do not fit: those stop inputs.
    Accepted,
    /// It is of a new run: everything known of the earlier one is void.
    Restarted,
}

impl Handshake {
    pub(crate) fn new(now: Instant, incarnation: Option<u32>) -> Self {
        Self {
            run: incarnation.map_or(Run::Unknown, Run::Running),
            restart: Once::Unset,
            mismatched: false,
            linked: false,
            announced: 0,
            reported_ahead: 0,
            unreported: None,
            ping_ms: 0,
            reported_fields: [false; FIELDS.len()],
            since: now,
            hello_at: None,
        }
    }

    /// The peer's run, if inputs may flow.
    pub(crate) fn running(&self) -> Option<u32> {
        match self.run {
            Run::Running(incarnation) if !self.mismatched => Some(incarnation),
            _ => None,
        }
    }

    /// The peer's run, if it is known.
    pub(crate) fn incarnation(&self) -> Option<u32> {
        match self.run {
            Run::Unknown => None,
            Run::Running(incarnation) | Run::Restarted(incarnation) => Some(incarnation),
        }
    }

    /// The greatest epoch that the peer announced.
    pub(crate) fn announced(&self) -> u32 {
        self.announced
    }

    /// The peer's ping interval; 0 before it is known.
    pub(crate) fn ping_us(&self) -> u64 {
        u64::from(self.ping_ms).saturating_mul(1_000)
    }

    /// Notes that an input datagram was accepted, so the peer needs no hello. Returns whether that is new in this epoch.
    pub(crate) fn link(&mut self) -> bool {
        !core::mem::replace(&mut self.linked, true)
    }

    /// Makes a hello due: the transport is open again.
    pub(crate) fn renew(&mut self, now: Instant) {
        self.since = now;
        self.hello_at = None;
    }

    pub(crate) fn begin_epoch(&mut self, now: Instant) {
        if let Run::Restarted(incarnation) = self.run {
            self.run = Run::Running(incarnation);
        }
        self.linked = false;
        self.reported_ahead = 0;
        self.renew(now);
    }

    /// When a hello is due, if there is a reason for one.
    pub(crate) fn hello_due(&self, epoch: u32, ping_us: u64) -> Option<Instant> {
        let Some(hello_at) = self.hello_at else {
            return Some(self.since);
        };
        if self.linked && self.announced <= epoch {
            return None;
        }
        let hurried = hello_at.since(self.since) < HURRY_US;
        Some(hello_at.after(if hurried { ping_us.min(EARLY_INTERVAL_US) } else { ping_us }))
    }

    pub(crate) fn hello_sent(&mut self, now: Instant) {
        self.hello_at = Some(now);
    }

    /// Validates a hello against the one that this endpoint would send, then takes it in.
    pub(crate) fn receive(&mut self, local: &Hello, received: ReceivedHello) -> Result<HelloOutcome, DatagramError> {
        let (version, remote) = match received {
            ReceivedHello::Hello(hello) => (VERSION, hello),
            // Fields that cannot be read count as equal.
            ReceivedHello::Foreign { version, sender, receiver } => (version, Hello { sender, receiver, ..*local }),
        };
        if (remote.sender, remote.receiver) == (local.sender, local.receiver) {
            return Err(DatagramError::Reflected);
        }
        let players = players(local, &remote);
        if differ(players) {
            let mut unreported = Settings::default();
            let [_, player, ..] = &mut unreported;
            *player = players;
            self.unreported = Some(unreported);
            return Ok(HelloOutcome::WrongPlayers);
        }
        match received {
            ReceivedHello::Foreign { version: VERSION, .. } => return Err(DatagramError::WrongLength),
            ReceivedHello::Hello(hello) if self.incarnation() > Some(hello.incarnation) => {
                return Err(DatagramError::OldIncarnation);
            }
            _ => {}
        }
        let settings = settings(local, &remote, version);
        // A different frame interval, the last field, is reported and stops nothing.
        let [binding @ .., _] = &settings;
        self.mismatched = binding.iter().any(|values| differ(*values));
        self.unreported = Some(settings);
        Ok(if self.mismatched { HelloOutcome::Accepted } else { self.learn(&remote) })
    }

    fn learn(&mut self, remote: &Hello) -> HelloOutcome {
        self.announced = self.announced.max(remote.epoch);
        self.ping_ms = remote.ping_ms.clamp(PING_MS.0, PING_MS.1);
        match self.incarnation() {
            None => self.run = Run::Running(remote.incarnation),
            Some(before) if before < remote.incarnation => {
                self.run = Run::Restarted(remote.incarnation);
                self.restart = Once::Pending;
                self.linked = false;
                self.reported_fields = [false; FIELDS.len()];
                return HelloOutcome::Restarted;
            }
            Some(_) => {}
        }
        HelloOutcome::Accepted
    }

    /// Whether `poll_barrier_event` would return something.
    pub(crate) fn has_barrier_event(&self, local: &Local) -> bool {
        self.restart == Once::Pending || self.epoch_ahead(local).is_some()
    }

    /// Returns what makes an application throw its window away.
    pub(crate) fn poll_barrier_event(&mut self, local: &Local) -> Option<PeerEvent> {
        if self.restart.take() {
            return Some(PeerEvent::Restarted);
        }
        self.reported_ahead = self.epoch_ahead(local)?;
        Some(PeerEvent::EpochAhead { epoch: Epoch::new(self.reported_ahead) })
    }

    /// The peer's epoch, if it is ahead and that has not been reported since the present epoch began.
    fn epoch_ahead(&self, local: &Local) -> Option<u32> {
        (self.announced > local.epoch && self.announced != self.reported_ahead).then_some(self.announced)
    }

    /// Takes the next field that differs and has not been reported.
    pub(crate) fn take_mismatch(&mut self) -> Option<PeerEvent> {
        let settings = self.unreported.as_ref()?;
        let mut each = FIELDS.iter().zip(settings).zip(&mut self.reported_fields);
        if let Some(((field, values), reported)) = each.find(|((_, values), reported)| !**reported && differ(**values))
        {
            *reported = true;
            let (local, remote) = *values;
            return Some(PeerEvent::Mismatch { field: *field, local, remote });
        }
        self.unreported = None;
        None
    }
}

/// What both endpoints must agree on: the local value and the peer's for each of `FIELDS`.
type Settings = [(u32, u32); FIELDS.len()];

fn settings(local: &Hello, remote: &Hello, version: u8) -> Settings {
    [
        (VERSION.into(), version.into()),
        players(local, remote),
        (local.input_len.into(), remote.input_len.into()),
        (local.window.into(), remote.window.into()),
        (local.first_frame, remote.first_frame),
        (local.frame_us, remote.frame_us),
    ]
}

/// The player number that one endpoint expects and the one that the other has, where they differ; else two equal ones.
fn players(local: &Hello, remote: &Hello) -> (u32, u32) {
    if remote.sender == local.receiver {
        (local.sender.into(), remote.receiver.into())
    } else {
        (local.receiver.into(), remote.sender.into())
    }
}

fn differ((local, remote): (u32, u32)) -> bool {
    local != remote
}

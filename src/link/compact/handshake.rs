//! Which runs of both endpoints play with each other, and in which epoch (PROTOCOL 3.10).
//!
//! A run is believed when it proves that it answers the present run of this endpoint: with a hello that names it, or with an
//! input under the tag of both. A run that is believed and alive is never given up for another one.

use core::num::NonZeroU64;

use super::diagnosis::Diagnosis;
use super::schedule::EARLY_INTERVAL_US;
use crate::error::DatagramError;
use crate::estimate::liveness::Liveness;
use crate::event::PeerEvent;
use crate::ids::Epoch;
use crate::local::Local;
use crate::num::low_u16;
use crate::once::Once;
use crate::time::Instant;
use crate::wire::compact::control::{Hello, Named, ReceivedHello, Settings};

/// How long hellos are sent at the early interval.
const HURRY_US: u64 = 1_000_000;
/// Bounds of a peer's announced ping interval, in milliseconds: those of the settings.
const PING_MS: (u16, u16) = (20, 10_000);
/// A run that answers nobody this long after the link began, while it is silent, is not the run that the link began with.
const SETTLED_US: u64 = 10_000_000;

/// What is known of the peer's runs, and what it is told of the local one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, in the words of PROTOCOL 3.10")]
pub(crate) struct Handshake {
    /// The run of this endpoint on this link.
    local_run: u64,
    /// The peer's run that is believed.
    run: Option<NonZeroU64>,
    /// Another run, or the first one, that was received and is not believed yet.
    candidate: Option<Candidate>,
    /// `run` replaced one that was linked, and no epoch has begun since: inputs do not flow.
    halted: bool,
    restarted: Once,
    /// When an input of `run` was first accepted, and whether one was in this epoch.
    linked_at: Option<Instant>,
    linked: bool,
    /// The number of the last hello that was sent, and what it was at the last sign of life of `run`.
    sent_number: u32,
    sent_number_alive: u32,
    /// The greatest number of a hello of `run`, and the ping interval that it announced; 0 before the first one.
    received_number: u32,
    ping_ms: u16,
    /// The greatest epoch that a hello of `run` announced, and the one that was last reported to be ahead of the present one;
    /// 0 for none.
    announced: u32,
    reported_ahead: u32,
    /// The last hello of `run` does not say that it plays with the local run: it waits for a hello.
    hello_wanted: bool,
    /// A hello of another run was refused: its sender is told whom this endpoint plays with. Or the peer needs one to trust the
    /// numbers of blocks again.
    answer_owed: bool,
    /// When there was last a new reason for a hello, and when one was sent since then.
    since: Instant,
    hello_at: Option<Instant>,
}

/// A run that is not believed yet, as its last hello announced it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Candidate {
    incarnation: NonZeroU64,
    /// The number of that hello; 0 for a run that signalling named.
    number: u32,
    ping_ms: u16,
}

/// What became of a hello.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HelloOutcome {
    /// It says what is wrong, and nothing else in it is used.
    Ignored,
    /// It is of a run that is not believed yet.
    Candidate,
    /// It is a sign of life of the peer's run.
    Alive,
    /// It is the first sign of life of a run that is believed from now on.
    Believed,
}

impl Handshake {
    pub(crate) fn new(now: Instant, local_run: u64, signalled: Option<NonZeroU64>) -> Self {
        Self {
            local_run,
            run: None,
            candidate: signalled.map(|incarnation| Candidate { incarnation, number: 0, ping_ms: 0 }),
            halted: false,
            restarted: Once::Unset,
            linked_at: None,
            linked: false,
            sent_number: 0,
            sent_number_alive: 0,
            received_number: 0,
            ping_ms: 0,
            announced: 0,
            reported_ahead: 0,
            hello_wanted: false,
            answer_owed: false,
            since: now,
            hello_at: None,
        }
    }

    /// The run of this endpoint on this link.
    pub(crate) fn local_run(&self) -> u64 {
        self.local_run
    }

    /// The peer's run that is believed.
    pub(crate) fn run(&self) -> Option<u64> {
        self.run.map(NonZeroU64::get)
    }

    /// The part of the peer's run that all who meet its program know alike, whatever it has removed; 0 only before one is known.
    pub(crate) fn source(&self) -> u16 {
        self.run.map_or(0, |run| low_u16(run.get() >> 32).max(1))
    }

    /// The peer's run under which inputs flow, if they may.
    pub(crate) fn playing(&self) -> Option<u64> {
        match (self.run, self.candidate) {
            _ if self.halted => None,
            (Some(run), _) => Some(run.get()),
            (None, candidate) => candidate.map(|candidate| candidate.incarnation.get()),
        }
    }

    /// Whether an input of the peer's run was ever accepted.
    pub(crate) fn was_linked(&self) -> bool {
        self.linked_at.is_some()
    }

    /// The greatest epoch that the peer announced.
    pub(crate) fn announced(&self) -> u32 {
        self.announced
    }

    /// Whether an epoch of the reserve may be begun: to follow a peer, or after its restart.
    pub(crate) fn needs_epoch(&self, local: &Local) -> bool {
        self.halted || self.announced > local.epoch()
    }

    /// The peer's ping interval; 0 before it is known.
    pub(crate) fn ping_us(&self) -> u64 {
        u64::from(self.ping_ms).saturating_mul(1_000)
    }

    /// Notes that a datagram under the tag of both runs was accepted, which proves the candidate where no run is known.
    /// Returns whether it did.
    pub(crate) fn prove(&mut self, now: Instant) -> bool {
        if self.run.is_some() {
            return false;
        }
        let Some(candidate) = self.candidate.take() else { return false };
        self.run = Some(candidate.incarnation);
        self.received_number = candidate.number;
        self.ping_ms = candidate.ping_ms;
        self.renew(now);
        true
    }

    /// Whether an input datagram was accepted in this epoch.
    pub(crate) fn is_linked(&self) -> bool {
        self.linked
    }

    /// Notes that an input datagram was accepted.
    pub(crate) fn link(&mut self, now: Instant) {
        self.linked = true;
        self.linked_at.get_or_insert(now);
    }

    /// Notes a sign of life of the peer's run.
    pub(crate) fn sign_of_life(&mut self) {
        self.sent_number_alive = self.sent_number;
        self.candidate = None;
    }

    /// Notes that the peer's run plays with the local one.
    pub(crate) fn answered(&mut self) {
        self.hello_wanted = false;
    }

    /// Makes a hello due at once.
    pub(crate) fn renew(&mut self, now: Instant) {
        self.since = now;
        self.hello_at = None;
    }

    pub(crate) fn begin_epoch(&mut self, now: Instant) {
        self.halted = false;
        self.linked = false;
        self.answer_owed = false;
        self.reported_ahead = 0;
        self.renew(now);
    }

    /// When a hello is due. The peer's run is silent from `silent_at` on.
    pub(crate) fn hello_due(&self, local: &Local, ping_us: u64, silent_at: Instant) -> Instant {
        let Some(hello_at) = self.hello_at else { return self.since };
        let again = hello_at.after(ping_us);
        let wanted = !self.linked || self.announced > local.epoch() || self.hello_wanted || self.is_unannounced();
        if !wanted && silent_at > local.now {
            return if self.answer_owed { silent_at.min(again) } else { silent_at };
        }
        let hurried = hello_at.since(self.since) < HURRY_US;
        if hurried { again.min(hello_at.after(EARLY_INTERVAL_US)) } else { again }
    }

    /// Whether no hello of the peer's run was received: signalling named it, and an input proved it. Its ping interval is asked for.
    fn is_unannounced(&self) -> bool {
        self.received_number == 0
    }

    /// Notes that a hello is sent, and returns its number and what it says of the peer's run.
    pub(crate) fn send(&mut self, now: Instant) -> (u32, Named) {
        self.sent_number = self.sent_number.saturating_add(1);
        self.answer_owed = false;
        self.hello_at = Some(now);
        let named = match (self.candidate, self.run) {
            (Some(Candidate { incarnation, number, .. }), _) => {
                Named { incarnation: incarnation.get(), answered: number, playing: false }
            }
            (None, Some(run)) => {
                let (answered, playing) = (self.received_number, !self.is_unannounced());
                Named { incarnation: run.get(), answered, playing }
            }
            (None, None) => Named::default(),
        };
        (self.sent_number, named)
    }

    /// Validates a hello of `player` against the settings of this endpoint, then takes it in.
    pub(crate) fn receive(
        &mut self,
        local: &Local,
        player: u16,
        settings: &Settings,
        received: ReceivedHello,
        liveness: &Liveness,
        diagnosis: &mut Diagnosis,
    ) -> Result<HelloOutcome, DatagramError> {
        let players = received.players();
        let local_player = local.config.local_player();
        if players == (local_player, player) {
            return Err(DatagramError::Reflected);
        }
        if players != (player, local_player) {
            diagnosis.wrong_players(players);
            return Ok(HelloOutcome::Ignored);
        }
        let hello = match received {
            ReceivedHello::Hello(hello) => hello,
            ReceivedHello::Foreign { version, .. } => {
                diagnosis.foreign_version(version);
                return Ok(HelloOutcome::Ignored);
            }
        };
        let incarnation = NonZeroU64::new(hello.incarnation).filter(|_| hello.number > 0);
        let incarnation = incarnation.filter(|_| hello.epoch <= Epoch::MAX.get()).ok_or(DatagramError::EpochRange)?;
        if diagnosis.compare(settings, &hello.settings, hello.epoch == local.epoch()) {
            return Ok(HelloOutcome::Ignored);
        }
        let outcome = if self.run == Some(incarnation) {
            self.receive_of_run(local.now, &hello, liveness, diagnosis)?
        } else {
            self.receive_of_other(local.now, incarnation, &hello, liveness, diagnosis)?
        };
        if matches!(outcome, HelloOutcome::Alive | HelloOutcome::Believed) {
            diagnosis.compare_interval(settings, &hello.settings);
        }
        Ok(outcome)
    }

    /// Takes in a hello of the peer's run.
    fn receive_of_run(
        &mut self,
        now: Instant,
        hello: &Hello,
        liveness: &Liveness,
        diagnosis: &mut Diagnosis,
    ) -> Result<HelloOutcome, DatagramError> {
        if hello.number <= self.received_number {
            return Err(DatagramError::LateHello);
        }
        let names_local = hello.named.incarnation == self.local_run;
        if hello.named.playing && !names_local {
            if self.was_linked() {
                diagnosis.replaced();
            }
            return Ok(HelloOutcome::Ignored);
        }
        let settled = self.linked_at.is_some_and(|at| now.since(at) > SETTLED_US);
        if !names_local && settled && !liveness.is_alive(now) {
            diagnosis.second_run();
        }
        self.learn(hello);
        self.announced = self.announced.max(hello.epoch);
        Ok(HelloOutcome::Alive)
    }

    /// Takes in a hello of another run than the peer's, or of the first one.
    fn receive_of_other(
        &mut self,
        now: Instant,
        incarnation: NonZeroU64,
        hello: &Hello,
        liveness: &Liveness,
        diagnosis: &mut Diagnosis,
    ) -> Result<HelloOutcome, DatagramError> {
        if self.was_linked() && liveness.is_alive(now) {
            self.answer_owed = true;
            diagnosis.other_run(now, liveness.interrupt_us());
            return Err(DatagramError::OtherRun);
        }
        // A late one counts by the greatest number of its run, or those in between would count once more when it is proven.
        let known = self.candidate.filter(|candidate| candidate.incarnation == incarnation);
        let number = hello.number.max(known.map_or(0, |candidate| candidate.number));
        let hello = &Hello { number, ..*hello };
        let names_local = hello.named.incarnation == self.local_run;
        if names_local && (self.run.is_none() || hello.named.answered > self.sent_number_alive) {
            if self.was_linked() {
                self.halted = true;
                self.restarted = Once::Pending;
                diagnosis.restart();
            }
            self.believe(now, incarnation, hello);
            return Ok(HelloOutcome::Believed);
        }
        if hello.named.playing && !names_local {
            diagnosis.other_pair(now, liveness.interrupt_us());
        }
        if self.candidate.is_none_or(|candidate| candidate.incarnation != incarnation) {
            self.renew(now);
        }
        self.candidate = Some(Candidate { incarnation, number: hello.number, ping_ms: allowed(hello.ping_ms) });
        Ok(HelloOutcome::Candidate)
    }

    /// Takes a run that answers this endpoint for the peer's.
    fn believe(&mut self, now: Instant, incarnation: NonZeroU64, hello: &Hello) {
        self.run = Some(incarnation);
        self.linked = false;
        self.linked_at = None;
        self.learn(hello);
        self.announced = hello.epoch;
        self.renew(now);
    }

    /// Takes what the latest hello of the peer's run says.
    fn learn(&mut self, hello: &Hello) {
        self.received_number = hello.number;
        self.ping_ms = allowed(hello.ping_ms);
        self.hello_wanted = !hello.named.playing;
        self.answer_owed |= hello.asks;
    }

    /// Whether `poll_barrier_event` would return something.
    pub(crate) fn has_barrier_event(&self, local: &Local) -> bool {
        self.restarted == Once::Pending || self.epoch_ahead(local).is_some()
    }

    /// Returns what makes an application throw its window away.
    pub(crate) fn poll_barrier_event(&mut self, local: &Local) -> Option<PeerEvent> {
        if self.restarted.take() {
            return Some(PeerEvent::Restarted);
        }
        self.reported_ahead = self.epoch_ahead(local)?;
        Some(PeerEvent::EpochAhead { epoch: Epoch::new(self.reported_ahead) })
    }

    /// The peer's epoch, if it is ahead and that has not been reported since the present epoch began.
    fn epoch_ahead(&self, local: &Local) -> Option<u32> {
        (self.announced > local.epoch() && self.announced != self.reported_ahead).then_some(self.announced)
    }
}

/// A ping interval that a hello announces, within its bounds.
fn allowed(ping_ms: u16) -> u16 {
    let (least, most) = PING_MS;
    ping_ms.clamp(least, most)
}

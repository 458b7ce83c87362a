//! When a datagram is due to a peer on the compact wire (PROTOCOL 3.8).
//!
//! Deadlines are derived, never stored. Each kind is computed on its own, so that a poll computes only those it needs.

use super::Compact;
use super::inputs::Carried;
use crate::config::Config;
use crate::local::Local;
use crate::remote::Remote;
use crate::time::Instant;
use crate::timer::{Deadline, Timer};
use crate::window::send::SendWindow;

/// The longest pause between the first datagrams of an epoch, so that a link starts fast.
pub(crate) const EARLY_INTERVAL_US: u64 = 100_000;
/// How many datagrams of an epoch count as the first ones.
const EARLY: u8 = 10;
/// With `early_copies`, how long after its push an input is resent ...
const COPIES_US: [u64; 3] = [8_000, 24_000, 56_000];
/// ... unless the next push follows within this time.
const COPY_MARGIN_US: u64 = 3_000;
/// A peer that does not respond for this long, or for `disconnect_after` if that is longer, gets keep-alives only.
const SLOW_AFTER_US: u64 = 10_000_000;
/// Pushing has paused when no push follows for this long, or for one and a half frames if that is longer.
const PAUSE_US: u64 = 100_000;

/// What was sent to a peer, and what it is owed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Schedule {
    /// When the last input datagram was sent, in this epoch or before.
    sent_at: Option<Instant>,
    /// How many were sent in this epoch, saturating: only the first few matter.
    sent: u8,
    /// The frame that the next push got when the last one was sent: it carried the inputs below, unless it was cut.
    sent_end: u32,
    /// The end of the inputs that it carried, and the bytes that they took.
    carried_end: u32,
    body_len: u16,
    /// When a datagram last began with the oldest unacknowledged input.
    began_at: Option<Instant>,
    /// When the first datagram with inputs arrived that has not been acknowledged since.
    ack_owed_since: Option<Instant>,
}

impl Schedule {
    /// Local inputs below this frame have been sent, or cut off.
    pub(crate) fn sent_end(&self) -> u32 {
        self.sent_end
    }

    /// Bytes of inputs in the last datagram.
    pub(super) fn body_len(&self) -> u32 {
        self.body_len.into()
    }

    /// The first input of the datagram after one that was cut: where that ended, or the oldest unacknowledged one when a round
    /// trip has passed since that was sent last.
    pub(super) fn begin_after_cut(&self, now: Instant, acked: u32, round_trip_us: Option<u64>) -> u32 {
        let waits = self.began_at.zip(round_trip_us).is_some_and(|(at, round_trip_us)| now.since(at) < round_trip_us);
        if waits { self.carried_end.max(acked) } else { acked }
    }

    /// Whether the last datagram was cut.
    pub(super) fn was_cut(&self) -> bool {
        self.carried_end < self.sent_end
    }

    /// Notes that an input datagram was sent, which settles everything that was due.
    pub(super) fn sent(&mut self, now: Instant, send_next: u32, acked: u32, carried: &Carried) {
        let began_at = if carried.begin == acked { Some(now) } else { self.began_at };
        *self = Self {
            sent_at: Some(now),
            sent: self.sent.saturating_add(1),
            sent_end: send_next,
            carried_end: carried.end,
            body_len: u16::try_from(carried.body_len).unwrap_or(u16::MAX),
            began_at,
            ack_owed_since: None,
        };
    }

    /// Begins an epoch, in which nothing has been sent yet.
    pub(crate) fn begin_epoch(&mut self) {
        *self = Self { sent_at: self.sent_at, ..Self::default() };
    }

    /// Notes that a datagram with inputs was accepted, which is owed an acknowledgement.
    pub(crate) fn owe_ack(&mut self, now: Instant) {
        self.ack_owed_since.get_or_insert(now);
    }

    /// When the next datagram is due. A peer that does not respond (`slow`) gets keep-alives only.
    fn due(&self, send: &SendWindow, send_end: u32, acked: u32, ping_us: u64, config: &Config, slow: bool) -> Instant {
        let Some(sent_at) = self.sent_at else {
            return Instant::ORIGIN;
        };
        let keep_alive = if self.sent <= EARLY { ping_us.min(EARLY_INTERVAL_US) } else { ping_us };
        let mut due = sent_at.after(keep_alive);
        if slow {
            return due;
        }
        if self.sent == 0 {
            return sent_at;
        }
        if send_end != self.sent_end {
            // That moment has passed, so no other one matters.
            return send.pushed_at();
        }
        if acked < send_end {
            // Not after one frame: the next push is due then, and a loop with jitter would send twice.
            let resend = send.pushed_at().after(config.ack_delay_us()).max(sent_at.after(config.frame_us()));
            due = due.min(resend);
            if config.early_copies() {
                due = due.min(Self::next_copy(sent_at, send, config).unwrap_or(due));
            }
        }
        match self.ack_owed_since {
            Some(since) => due.min(since.after(config.ack_delay_us())),
            None => due,
        }
    }

    fn next_copy(sent_at: Instant, send: &SendWindow, config: &Config) -> Option<Instant> {
        let latest = config.frame_us().saturating_sub(COPY_MARGIN_US);
        COPIES_US
            .into_iter()
            .filter(|delay| *delay <= latest)
            .map(|delay| send.pushed_at().after(delay))
            .find(|copy| *copy > sent_at)
    }
}

impl Compact {
    pub(crate) fn deadlines(&self, local: &Local, remote: &Remote) -> [Deadline; 5] {
        [
            Timer::Hello.at(self.hello_due(local, remote)),
            Timer::Bye.at(self.bye_moment(local, remote)),
            Timer::Input.at(self.input_due(local, remote)),
            Timer::Checksums.at(self.checksums_due(local, remote)),
            Timer::Flushed.at(self.flush_due(local)),
        ]
    }

    pub(super) fn hello_due(&self, local: &Local, remote: &Remote) -> Option<Instant> {
        // A peer of which only old blocks come is asked as if it was silent.
        let silent_at = if self.timing.is_stale() { local.now } else { remote.liveness.silent_at() };
        let due = || self.handshake.hello_due(local, Self::ping_us(local), silent_at);
        remote.is_open().then(due)
    }

    pub(super) fn bye_due(&self, local: &Local, remote: &Remote) -> Option<Instant> {
        if self.says_bye(remote) { self.closing.bye_due(local) } else { None }
    }

    /// When to wake for a bye, or at the end of the time for delivery.
    fn bye_moment(&self, local: &Local, remote: &Remote) -> Option<Instant> {
        let waits = self.says_bye(remote) || remote.is_closing() && self.delivers(local, remote);
        if waits { self.closing.next_moment(local) } else { None }
    }

    /// Whether the peer's run knows of the local one, so that its end matters.
    fn says_bye(&self, remote: &Remote) -> bool {
        remote.is_closing() && self.handshake.was_linked()
    }

    /// Whether inputs flow, also a while after the session was closed.
    pub(super) fn delivers(&self, local: &Local, remote: &Remote) -> bool {
        let flows =
            remote.is_open() || remote.is_closing() && remote.standing.is_present() && self.closing.delivers(local);
        flows && self.tags.is_some()
    }

    pub(super) fn input_due(&self, local: &Local, remote: &Remote) -> Option<Instant> {
        if !self.delivers(local, remote) {
            return None;
        }
        let slow = self.is_slow(local, remote);
        let due = self.schedule.due(
            &local.send,
            remote.send_end(local),
            self.acked,
            Self::ping_us(local),
            &local.config,
            slow,
        );
        let rested = self.rest_us(local, remote).zip(self.schedule.sent_at).map(|(rest_us, at)| at.after(rest_us));
        Some(rested.map_or(due, |rested| rested.max(due)))
    }

    pub(super) fn checksums_due(&self, local: &Local, remote: &Remote) -> Option<Instant> {
        let runs = remote.is_open() && self.tags.is_some();
        if runs { self.checksums.due(local, Self::ping_us(local)) } else { None }
    }

    /// When to report that everything is acknowledged: once pushing has clearly paused, since with a short round trip
    /// everything is acknowledged in every frame.
    pub(super) fn flush_due(&self, local: &Local) -> Option<Instant> {
        let unreported = self.acked == local.send.send_next() && self.flushed_end != local.send.send_next();
        unreported.then(|| local.send.pushed_at().after(local.config.ack_delay_us().max(PAUSE_US)))
    }

    /// Whether the peer has been silent, or has acknowledged nothing, for so long that only keep-alives make sense. It is judged
    /// up to the latest datagram, since a due time must not move while nothing happens.
    fn is_slow(&self, local: &Local, remote: &Remote) -> bool {
        let received_at = remote.liveness.received_at();
        let owing = self.acked < self.schedule.sent_end();
        let since = if owing { received_at.min(self.progress_at) } else { received_at };
        self.schedule.sent_at.is_some_and(|sent_at| sent_at.since(since) > Self::slow_after_us(local))
    }

    /// After how long without an answer a peer is slow.
    pub(super) fn slow_after_us(local: &Local) -> u64 {
        local.config.disconnect_us().max(SLOW_AFTER_US)
    }
}

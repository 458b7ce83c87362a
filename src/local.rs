//! The local endpoint, as every link sees it.

use crate::checksum::{Checksums, LOCAL};
use crate::config::Config;
use crate::estimate::time_sync::Measures;
use crate::former::Former;
use crate::time::Instant;
use crate::window::send::SendWindow;

/// A call that comes later than this after it was due is late.
pub(crate) const LATE_US: u64 = 25_000;

/// A call that came late: what arrived in the meantime may wait in a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LateCall {
    /// The call before it.
    before: Instant,
    at: Instant,
}

/// The state of the local endpoint, except for the bytes of its inputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Local {
    /// The latest time that the session was given.
    pub(crate) now: Instant,
    /// The last call that came late.
    pub(crate) late_call: Option<LateCall>,
    /// When the last local stall ended.
    pub(crate) stall_ended_at: Instant,
    /// When the session was closed.
    pub(crate) closed_at: Option<Instant>,
    pub(crate) config: Config,
    pub(crate) send: SendWindow,
    /// Who left and was removed.
    pub(crate) former: Former,
    /// The latest checksums of the local game in this epoch.
    pub(crate) checksums: Checksums<LOCAL>,
}

impl Local {
    pub(crate) const fn new(config: Config, window: u8, input_len: u8) -> Self {
        Self {
            now: Instant::ORIGIN,
            late_call: None,
            stall_ended_at: Instant::ORIGIN,
            closed_at: None,
            config,
            send: SendWindow::new(config.first_frame(), window, input_len),
            former: Former::NONE,
            checksums: Checksums::new(),
        }
    }

    /// Notes that the call at `now` comes late.
    pub(crate) fn call_late(&mut self, now: Instant) {
        self.late_call = Some(LateCall { before: self.now, at: now });
    }

    /// The moment up to which silence is judged: up to the call before a late one, until the socket had time to be drained.
    pub(crate) fn judged_at(&self) -> Instant {
        match self.late_call {
            Some(call) if self.now < call.at.after(LATE_US) => call.before,
            _ => self.now,
        }
    }

    /// When a silence that lasts until `at` will be judged; `None` if it was.
    pub(crate) fn judges(&self, at: Instant) -> Option<Instant> {
        let drained_at = self.late_call.map_or(at, |call| call.at.after(LATE_US));
        (at > self.judged_at()).then(|| at.max(drained_at))
    }

    /// What a lead is announced and computed with, given the shortest round trip.
    pub(crate) fn measures(&self, shortest_us: u32) -> Measures {
        Measures { shortest_us, frame_us: self.config.frame_us_u32(), delay: self.send.input_delay }
    }

    /// Begins an epoch: nothing has been pushed in it yet.
    pub(crate) fn begin_epoch(&mut self, epoch: u32) {
        self.send.begin_epoch(epoch, self.config.first_frame());
        self.former = Former::NONE;
        self.checksums = Checksums::new();
    }

    pub(crate) const fn epoch(&self) -> u32 {
        self.send.epoch()
    }

    /// The first frame of every epoch.
    pub(crate) fn first_frame(&self) -> u32 {
        self.config.first_frame().get()
    }

    /// How many frames a window holds, the same at every endpoint.
    pub(crate) fn window(&self) -> u32 {
        u32::from(self.send.capacity())
    }
}

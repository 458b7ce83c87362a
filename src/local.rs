//! The local endpoint, as every link sees it.

use crate::checksum::{Checksums, LOCAL};
use crate::config::Config;
use crate::time::Instant;
use crate::window::send::SendWindow;

/// The state of the local endpoint, except for the bytes of its inputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Local {
    /// The latest time that the session was given.
    pub(crate) now: Instant,
    /// When the last local stall ended.
    pub(crate) stall_ended_at: Instant,
    /// When the session was closed.
    pub(crate) closed_at: Option<Instant>,
    pub(crate) config: Config,
    pub(crate) epoch: u32,
    pub(crate) send: SendWindow,
    /// The latest checksums of the local game in this epoch.
    pub(crate) checksums: Checksums<LOCAL>,
}

impl Local {
    pub(crate) const fn new(config: Config, window: u8, input_len: u8) -> Self {
        Self {
            now: Instant::ORIGIN,
            stall_ended_at: Instant::ORIGIN,
            closed_at: None,
            config,
            epoch: 0,
            send: SendWindow::new(config.first_frame(), window, input_len),
            checksums: Checksums::new(),
        }
    }

    /// Begins an epoch: nothing has been pushed in it yet.
    pub(crate) fn begin_epoch(&mut self, epoch: u32) {
        self.epoch = epoch;
        self.send.restart();
        self.checksums = Checksums::new();
    }

    /// How many frames a window holds, the same at every endpoint.
    pub(crate) fn window(&self) -> u32 {
        u32::from(self.send.capacity())
    }
}

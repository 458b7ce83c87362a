//! The addresses of a session, and what the game is told of them.

use std::collections::vec_deque::Drain;
use std::collections::VecDeque;
use std::time::Duration;

use inputwire::{Health, Instant};

use crate::api::{Config, GgrsError, GgrsEvent, NetworkStats};
use crate::wire::Connection;

/// The most events that wait for a game that takes none.
const MOST_EVENTS: usize = 100;
/// The steps of a handshake that games show; the wire needs one.
const STEPS: u32 = 5;

/// The events of a session.
pub(crate) struct Events<T: Config>(VecDeque<GgrsEvent<T>>);

impl<T: Config> Events<T> {
    pub(crate) fn new() -> Self {
        Self(VecDeque::new())
    }

    pub(crate) fn push(&mut self, event: GgrsEvent<T>) {
        if self.0.len() >= MOST_EVENTS {
            self.0.pop_front();
        }
        self.0.push_back(event);
    }

    pub(crate) fn drain(&mut self) -> Drain<'_, GgrsEvent<T>> {
        self.0.drain(..)
    }
}

/// An address, and how it stands.
pub(crate) struct Address<A> {
    pub(crate) addr: A,
    connected_at: Option<Instant>,
    is_interrupted: bool,
    is_gone: bool,
}

impl<A: Clone> Address<A> {
    pub(crate) fn new(addr: A) -> Self {
        Self { addr, connected_at: None, is_interrupted: false, is_gone: false }
    }

    /// Whether a session need not wait for it.
    pub(crate) const fn is_synchronized(&self) -> bool {
        self.connected_at.is_some() || self.is_gone
    }

    pub(crate) const fn is_gone(&self) -> bool {
        self.is_gone
    }

    pub(crate) fn connect<T: Config<Address = A>>(&mut self, now: Instant, events: &mut Events<T>) {
        if self.connected_at.is_some() {
            return;
        }
        self.connected_at = Some(now);
        for count in 1..STEPS {
            events.push(GgrsEvent::Synchronizing { addr: self.addr.clone(), total: STEPS, count });
        }
        events.push(GgrsEvent::Synchronized { addr: self.addr.clone() });
    }

    /// Takes note of its health. `left` is how long an interruption may last.
    pub(crate) fn health<T: Config<Address = A>>(&mut self, health: Health, left: Duration, events: &mut Events<T>) {
        let is_interrupted = match health {
            Health::Interrupted => true,
            Health::Good | Health::Warning | Health::Critical | Health::Deaf => false,
            _ => return,
        };
        if self.is_gone || std::mem::replace(&mut self.is_interrupted, is_interrupted) == is_interrupted {
            return;
        }
        let addr = self.addr.clone();
        events.push(if is_interrupted {
            GgrsEvent::NetworkInterrupted { addr, disconnect_timeout: left.as_millis() }
        } else {
            GgrsEvent::NetworkResumed { addr }
        });
    }

    /// Takes note that it has left.
    pub(crate) fn lose<T: Config<Address = A>>(&mut self, events: &mut Events<T>) {
        if !std::mem::replace(&mut self.is_gone, true) {
            events.push(GgrsEvent::Disconnected { addr: self.addr.clone() });
        }
    }

    /// Takes note that the game gave it up.
    pub(crate) fn give_up(&mut self) {
        self.is_gone = true;
    }

    /// The statistics, from the second second on.
    pub(crate) fn stats(&self, now: Instant, connection: Option<Connection>) -> Result<NetworkStats, GgrsError> {
        let connection = connection.filter(|_| !self.is_gone).ok_or(GgrsError::NotSynchronized)?;
        let since = self.connected_at.map(|at| now.saturating_since(at));
        let rtt = connection.rtt.filter(|_| since >= Some(Duration::from_secs(1))).ok_or(GgrsError::NotEnoughData)?;
        let lead = lead(connection.lead_millis);
        Ok(NetworkStats {
            send_queue_len: usize::try_from(connection.unacked).unwrap_or(usize::MAX),
            ping: rtt.as_millis(),
            local_frames_behind: lead.saturating_neg(),
            remote_frames_behind: lead,
        })
    }
}

/// The lead over a player in whole frames; less than one is none, so that level games need not slow down.
pub(crate) fn lead(millis: Option<i32>) -> i32 {
    let millis = millis.unwrap_or(0);
    let half = if millis < 0 { -500 } else { 500 };
    if millis.saturating_abs() < 1_000 {
        return 0;
    }
    millis.saturating_add(half).checked_div(1_000).unwrap_or(0)
}

//! Silence, latency and deafness, and what they mean for a peer's health.

use core::fmt;
use core::time::Duration;

use crate::config::{Config, five_halves};
use crate::time::{Instant, duration_from_micros};
use crate::timer::{Deadline, Timer};

/// How long a stamp is echoed at least, and how much longer than a ping interval: so long a peer may go on echoing what it
/// received before it went deaf.
const ECHO_US: (u64, u64) = (2_000_000, 500_000);

/// How a peer is doing. `Connecting` first, then from best to worst.
///
/// ```
/// use inputwire::Health;
///
/// fn icon(health: Health) -> &'static str {
///     match health {
///         Health::Connecting => "connecting",
///         health if health >= Health::Deaf => "waiting", // nothing gets through, one way or both
///         health if health >= Health::Warning => "slow",
///         _ => "",
///     }
/// }
/// assert_eq!((icon(Health::Good), icon(Health::Interrupted)), ("", "waiting"));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Health {
    /// No sign of life since the peer was added or its transport opened.
    #[default]
    Connecting,
    /// Received lately, and near.
    Good,
    /// The one-way latency is above `warning_latency`.
    Warning,
    /// The one-way latency is above `critical_latency`.
    Critical,
    /// Its datagrams arrive, but it acknowledges and echoes nothing: local datagrams do not reach it.
    Deaf,
    /// Silent for `interrupt_after`: the link may be down.
    Interrupted,
    /// Silent for `disconnect_after`, or its transport is closed.
    Disconnected,
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connecting => "connecting",
            Self::Good => "good",
            Self::Warning => "warning",
            Self::Critical => "critical",
            Self::Deaf => "deaf",
            Self::Interrupted => "interrupted",
            Self::Disconnected => "disconnected",
        })
    }
}

/// How long a peer may be silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_field_names, reason = "a unit belongs to its number")]
pub(crate) struct Limits {
    /// Until it is interrupted, ...
    interrupt_us: u32,
    /// ... until it is disconnected, ...
    disconnect_us: u32,
    /// ... and without responding until it is deaf.
    deaf_us: u32,
}

impl Limits {
    /// For a link whose longer ping interval is `ping_us`.
    pub(crate) fn new(ping_us: u64, config: &Config) -> Self {
        let interrupt_us = config.interrupt_us().max(five_halves(ping_us));
        let short = |us| u32::try_from(us).unwrap_or(u32::MAX);
        Self {
            interrupt_us: short(interrupt_us),
            disconnect_us: short(config.disconnect_us().max(interrupt_us)),
            deaf_us: short(interrupt_us.saturating_add(longest_echo_us(ping_us))),
        }
    }
}

/// How long a stamp may be held and still be echoed.
pub(crate) fn longest_echo_us(ping_us: u64) -> u64 {
    let (least, more) = ECHO_US;
    least.max(ping_us.saturating_add(more))
}

/// When a peer was last received and how far away it is: all that its health follows from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Liveness {
    limits: Limits,
    /// When the peer was last received since its transport opened, or else when that opened.
    at: Instant,
    received: bool,
    /// When the peer was last received before the transport opened.
    earlier: Option<Instant>,
    latency_grade: Health,
    /// When the peer last proved that it receives local datagrams, once that can be expected.
    responded_at: Option<Instant>,
    /// Since when the peer owes an acknowledgement: when it last acknowledged something, or when the oldest unacknowledged
    /// input was first sent, if later.
    owed_since: Option<Instant>,
    /// The longest silence that ended: ever, and since the last report.
    longest_us: u64,
    unreported_us: u64,
}

impl Liveness {
    pub(crate) const fn new(now: Instant, limits: Limits) -> Self {
        Self {
            limits,
            at: now,
            received: false,
            earlier: None,
            latency_grade: Health::Good,
            responded_at: None,
            owed_since: None,
            longest_us: 0,
            unreported_us: 0,
        }
    }

    /// The transport opened anew.
    pub(crate) fn restart(&mut self, now: Instant) {
        let owed_since = self.owed_since.map(|_| now);
        *self = Self { earlier: self.alive_at(), owed_since, ..Self::new(now, self.limits) };
    }

    pub(crate) fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// The silence after which the peer is interrupted.
    pub(crate) fn interrupt_us(&self) -> u64 {
        self.limits.interrupt_us.into()
    }

    /// The same in 32 bits, for what small machines multiply and divide.
    pub(crate) fn interrupt_us_u32(&self) -> u32 {
        self.limits.interrupt_us
    }

    /// Notes a sign of life. Silence is judged up to `judged_at`. Returns whether the peer was alive before it.
    pub(crate) fn receive(&mut self, now: Instant, judged_at: Instant) -> bool {
        let was_alive = self.is_alive(now);
        if self.received {
            let silence = self.silence_us(judged_at);
            if silence >= self.interrupt_us() {
                // A response could not get through either; the next one takes a round trip from now on.
                self.responded_at = self.responded_at.map(|_| now);
            }
            if silence > self.unreported_us {
                self.unreported_us = silence;
                self.longest_us = self.longest_us.max(silence);
            }
        }
        self.at = now;
        self.received = true;
        was_alive
    }

    /// Notes that the peer proved to receive local datagrams, or can be expected to from now on.
    pub(crate) fn respond(&mut self, now: Instant) {
        self.responded_at = Some(now);
    }

    /// Notes that nothing sent to the peer can be responded to until further notice.
    pub(crate) fn expect_no_response(&mut self) {
        self.responded_at = None;
    }

    /// Notes since when the peer owes an acknowledgement, if it does.
    pub(crate) fn owe(&mut self, since: Option<Instant>) {
        self.owed_since = since;
    }

    fn is_deaf(&self, now: Instant, round_trip_us: Option<u64>) -> bool {
        // Neither limit can have passed since a response in the last half of the interrupt limit; that spares most calls the rest.
        let lately = self.responded_at.is_none_or(|at| now.since(at) < self.interrupt_us() >> 1);
        !lately && self.deaf_at(round_trip_us).is_some_and(|at| now >= at)
    }

    /// When the peer is deaf, unless it responds before that, given the round trip.
    fn deaf_at(&self, round_trip_us: Option<u64>) -> Option<Instant> {
        let responded_at = self.responded_at?;
        let unheard = responded_at.after(self.limits.deaf_us.into());
        let Some((since, round_trip_us)) = self.owed_since.zip(round_trip_us) else { return Some(unheard) };
        // A peer echoes nothing once it has received nothing for half the limit. So one that echoes after that still
        // receives, even if it takes nothing.
        let interrupt_us = self.interrupt_us();
        let hears = responded_at >= since.after(round_trip_us.saturating_add(interrupt_us >> 1));
        let unacknowledged = since.after(round_trip_us.saturating_add(interrupt_us));
        Some(if hears { unheard } else { unheard.min(unacknowledged) })
    }

    /// Takes the silence to report with a change of health: the present one, or the longest that ended since the last
    /// change.
    pub(crate) fn take_silence(&mut self, now: Instant, health: Health) -> Duration {
        let ended = core::mem::take(&mut self.unreported_us);
        let silent = matches!(health, Health::Interrupted | Health::Disconnected);
        duration_from_micros(if silent { self.silence_us(now) } else { ended })
    }

    /// The longest silence so far, including the present one.
    pub(crate) fn longest_silence(&self, now: Instant) -> Option<Duration> {
        self.received.then(|| duration_from_micros(self.longest_us.max(self.silence_us(now))))
    }

    /// Grades the latency. A grade is left only below 80 % of its threshold, so that it does not flap.
    pub(crate) fn grade_latency(&mut self, round_trip_us: u64, config: &Config) {
        let latency = round_trip_us >> 1;
        let stays = |threshold: u64| latency.saturating_mul(5) >= threshold.saturating_mul(4);
        let above =
            |threshold: u64, grade: Health| latency > threshold || self.latency_grade >= grade && stays(threshold);
        self.latency_grade = if above(config.critical_us(), Health::Critical) {
            Health::Critical
        } else if above(config.warning_us(), Health::Warning) {
            Health::Warning
        } else {
            Health::Good
        };
    }

    /// Whether the peer was received less than `interrupt_us` ago, over whatever transport.
    pub(crate) fn is_alive(&self, now: Instant) -> bool {
        now < self.silent_at()
    }

    /// When the peer is silent, unless it is received before that.
    pub(crate) fn silent_at(&self) -> Instant {
        self.alive_at().map_or(Instant::ORIGIN, |at| at.after(self.interrupt_us()))
    }

    /// When the peer was last received, over whatever transport.
    fn alive_at(&self) -> Option<Instant> {
        if self.received { Some(self.at) } else { self.earlier }
    }

    /// When the peer was last received, or else when its transport opened.
    pub(crate) fn received_at(&self) -> Instant {
        self.at
    }

    fn silence_us(&self, now: Instant) -> u64 {
        now.since(self.at)
    }

    pub(crate) fn silence(&self, now: Instant) -> Option<Duration> {
        self.received.then(|| duration_from_micros(self.silence_us(now)))
    }

    /// The health, judged up to `now`, given the round trip.
    pub(crate) fn health(&self, now: Instant, round_trip_us: Option<u64>) -> Health {
        let silence = self.silence_us(now);
        if !self.received {
            Health::Connecting
        } else if silence >= self.limits.disconnect_us.into() {
            Health::Disconnected
        } else if silence >= self.interrupt_us() {
            Health::Interrupted
        } else if self.is_deaf(now, round_trip_us) {
            Health::Deaf
        } else {
            self.latency_grade
        }
    }

    /// When silence will change the health, if it can, given the round trip.
    pub(crate) fn deadlines(&self, round_trip_us: Option<u64>) -> [Deadline; 3] {
        let limit = |us: u32| self.received.then(|| self.at.after(us.into()));
        [
            Timer::Interrupted.at(limit(self.limits.interrupt_us)),
            Timer::Disconnected.at(limit(self.limits.disconnect_us)),
            Timer::Deaf.at(self.deaf_at(round_trip_us)),
        ]
    }
}

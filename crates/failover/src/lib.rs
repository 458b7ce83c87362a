//! Decides on which of two routes to send to a peer of [`inputwire`]: directly, or also by way of a relay.
//!
//! All that an endpoint knows about a route is what it receives over it. So an endpoint that receives nothing over the
//! direct route sends on both, which tells the peer to do the same: the direct route may be dead in one direction only.
//!
//! How old an input is at worst, in frames, and how many times the bytes of one route are sent, where the direct route (20 ms)
//! is cut for a second each so often, and the relay takes 45 ms
//! (`cargo test --release -p inputwire-failover table -- --ignored --nocapture`):
//!
//! | policy | each 5 s | each 10 s | each minute | never |
//! |---|---|---|---|---|
//! | `Standby` | 33.9 / 1.98 | 34.0 / 1.86 | 34.8 / 1.06 | 2.9 / 1.00 |
//! | `Shadow(4)` | 6.0 / 1.41 | 6.0 / 1.32 | 6.0 / 1.26 | 2.9 / 1.25 |
//! | `Shadow(8)` | 10.0 / 1.30 | 10.0 / 1.21 | 10.0 / 1.14 | 2.9 / 1.13 |
//! | `Shadow(16)` | 18.0 / 1.25 | 18.0 / 1.16 | 18.0 / 1.08 | 2.9 / 1.06 |
//! | `Adaptive` | 6.0 / 1.41 | 7.0 / 1.32 | 18.0 / 1.09 | 2.9 / 1.07 |
//! | `Always` | 3.0 / 2.00 | 3.0 / 2.00 | 3.0 / 2.00 | 2.9 / 2.00 |
#![cfg_attr(not(test), no_std)]
#![cfg_attr(
    not(test),
    deny(
        clippy::alloc_instead_of_core,
        clippy::arithmetic_side_effects,
        clippy::as_conversions,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::std_instead_of_core,
        clippy::string_slice,
        clippy::todo,
        clippy::unreachable,
        clippy::unwrap_used
    )
)]

mod copies;
mod proof;
mod silences;

use core::mem::{replace, take};
use core::time::Duration;

use inputwire::{Frame, Health, Instant};

use copies::Copies;
use proof::Proof;
use silences::Silences;

const SECOND_US: u64 = 1_000_000;
/// How long the direct route must be well before it is trusted.
const TRUST_US: u64 = 3 * SECOND_US;
/// The same, after trust has failed several times.
const TRUST_MAX_US: u64 = 16 * TRUST_US;
/// Trust takes twice as long each time it was misplaced, and half as long for each of these times that it was not: where the
/// peer is too far away or deaf. The session measures both routes together, so if the relay is the faster one, the direct
/// route looks well as long as both are used.
const STEADY_US: u64 = 10 * TRUST_US;
/// The same where the direct route is silent: that is seen at once.
const STEADY_SILENT_US: u64 = 10 * SECOND_US;
/// Instead of all this, where copies on the relay make it harmless to be wrong about a silence.
const SHADOW_TRUST_US: u64 = SECOND_US / 2;
/// How long inputs that are sent on the direct route alone may take to be acknowledged.
const PROVE_US: u64 = 2 * SECOND_US;
/// A peer that asks so shortly after one was has not noticed yet that it receives them.
const PROVEN_US: u64 = 300_000;
/// Until the first ones are, each fourth datagram still goes by the relay.
const PROVE_EVERY: u8 = 4;
/// The densest copies. A peer that sends everything by the relay must look different.
const SHADOW_LEAST: u8 = 3;
/// Among so many datagrams by the relay, and more than half as many and less than twice as many directly, the relay carries everything.
const WINDOW: u8 = 8;
const DENSE: core::ops::Range<u8> = 4..14;
/// A route is silent after this many times the usual pause between two datagrams, even if that is longer than the
/// configured time. In a lobby little is sent, and two losses in a row are no silence.
const PAUSES: u64 = 8;
/// A peer that is silent on the relay for this long has stopped using it.
const QUIET_US: u64 = 600_000;
/// A peer that still uses the relay this long after this endpoint stopped has a reason that only it can see. Until then,
/// datagrams may be under way, and both endpoints may judge the same outage differently.
const PATIENCE_US: u64 = 1_200_000;
/// A call that is this late means that the application was away, and may still have datagrams to hand over.
const AWAY_US: u64 = 250_000;
/// How long it gets for that.
const REPRIEVE_US: u64 = 100_000;
const DIRECT: &[Route] = &[Route::Direct];
const BOTH: &[Route] = &[Route::Direct, Route::Relay];

/// A route to a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Route {
    /// Straight to the peer.
    Direct,
    /// By way of a server: slower, but nearly always available.
    Relay,
}

/// When the relay is used.
///
/// ```
/// use inputwire_failover::{Failover, Route, RoutePolicy};
///
/// let failover = Failover::new(RoutePolicy::Always);
/// assert_eq!(failover.routes(), [Route::Direct, Route::Relay]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RoutePolicy {
    /// Only while the direct route is not known to be well. The relay is used at the start, and again as soon as the direct
    /// route is silent or the peer is too far away or deaf; it is left when the direct route has been well for 3 s and the
    /// peer has acknowledged inputs that were sent there alone. Those 3 s become 6, 12, 24 and 48 s if the direct route is
    /// silent again within 10 s, or the peer too far away or deaf again within 30 s.
    #[default]
    Standby,
    /// As [`Standby`](Self::Standby), and each so-many-th datagram goes by the relay all the time, at least each third: each
    /// carries every unacknowledged input, so an outage that is not noticed yet costs a few frames.
    Shadow(u8),
    /// As [`Shadow`](Self::Shadow), with as many copies as the direct route deserves. They cost two and a half times the share
    /// of the time in which it is silent for more than four usual pauses, over the last half minute or so: each 4th datagram
    /// from 10 % on, each 8th at 5 %, each 16th at 2.5 % and below.
    Adaptive,
    /// Always: everything is sent twice, and the first copy counts.
    Always,
}

/// A change of the routes to send on.
///
/// ```
/// use inputwire_failover::{Failover, RouteChange};
///
/// fn show(failover: &mut Failover) {
///     if let Some(RouteChange { relay, cause, .. }) = failover.poll_change() {
///         println!("sending {} now: {cause:?}", if relay { "on both routes" } else { "directly" });
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RouteChange {
    /// Whether everything goes by the relay, too, from now on; the direct route always is used.
    pub relay: bool,
    /// Why.
    pub cause: RouteCause,
}

/// Why the routes changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RouteCause {
    /// Nothing was received over the direct route for [`interrupt_after`](Failover::interrupt_after), or at all.
    Silent,
    /// The peer is [`Critical`](Health::Critical): too far away.
    Slow,
    /// The peer is [`Deaf`](Health::Deaf): it does not receive what this endpoint sends.
    Deaf,
    /// The peer uses the relay, so something is wrong with the direct route that only the peer can see.
    Asked,
    /// The direct route has been well for long enough.
    Well,
}

/// Decides on which of two routes to send to one peer, from what was received over which.
///
/// It stands beside a [`Session`](inputwire::Session), which needs to know nothing about routes. On the compact wire each
/// datagram carries all unacknowledged inputs, so a change of routes loses nothing, and a second copy is harmless. On the
/// classic wire, which repeats only the latest inputs, those sent before a failure is noticed are lost: use
/// [`RoutePolicy::Always`] there. Both endpoints should have the same policy, since a peer that always uses the relay asks
/// the other one to do so, too.
///
/// While the relay is not used, the application keeps the way to it open; an empty datagram now and then is enough.
///
/// Like a session it has no clock, no hidden state and no panic: equal calls give equal results. It starts with both
/// routes, until the direct one has proved itself.
///
/// ```
/// # use std::net::{SocketAddr, UdpSocket};
/// use inputwire::{Event, Instant, MAX_DATAGRAM_SIZE, PeerEvent, PeerId, Session};
/// use inputwire_failover::{Failover, Route};
///
/// struct Link {
///     session: Session<1, 1>,
///     failover: Failover, // from `Failover::new(RoutePolicy::Standby)`
///     direct: UdpSocket,
///     relay: UdpSocket,
/// }
///
/// impl Link {
///     fn received(&mut self, now: Instant, route: Route, from: PeerId, datagram: &[u8]) {
///         if self.session.handle_datagram(now, from, datagram).is_ok() {
///             self.failover.handle_heard(now, route);
///             let unacked = self.session.peer(from).map_or(0, |peer| peer.unacked());
///             self.failover.handle_acked(now, self.session.next_frame(), unacked);
///         }
///     }
///
///     fn drain(&mut self, now: Instant) {
///         self.session.handle_timeout(now);
///         while let Some(event) = self.session.poll_event() {
///             if let Event::Peer { event: PeerEvent::Health { health, .. }, .. } = event {
///                 self.failover.handle_health(now, health);
///             }
///         }
///         self.failover.handle_timeout(now);
///         let mut buf = [0; MAX_DATAGRAM_SIZE];
///         while let Some(transmit) = self.session.poll_transmit(&mut buf) {
///             for route in self.failover.routes_for(self.session.next_frame()) {
///                 let socket = if *route == Route::Direct { &self.direct } else { &self.relay };
///                 let _ = socket.send(transmit.datagram);
///             }
///         }
///     }
///
///     fn wake_at(&self) -> Option<Instant> {
///         [self.session.poll_timeout(), self.failover.poll_timeout()].into_iter().flatten().min()
///     }
/// }
/// # let any = SocketAddr::from(([127, 0, 0, 1], 0));
/// # let (direct, relay) = (UdpSocket::bind(any)?, UdpSocket::bind(any)?);
/// # direct.connect(direct.local_addr()?)?;
/// # relay.connect(relay.local_addr()?)?;
/// # let config = inputwire::Config::builder().incarnation(0x5eed_0000_0001).build().unwrap();
/// # let mut link = Link { session: Session::new(config), failover: Failover::new(inputwire_failover::RoutePolicy::Standby), direct, relay };
/// # link.session.add_peer(Instant::ORIGIN, inputwire::PeerConfig::compact(1)).unwrap();
/// # link.drain(Instant::ORIGIN);
/// # let mut bytes = [0; 2_000];
/// # assert_eq!(link.direct.recv(&mut bytes)?, 50);
/// # assert_eq!(link.relay.recv(&mut bytes)?, 50);
/// # assert!(link.wake_at().is_some());
/// # link.received(Instant::ORIGIN, Route::Direct, PeerId::new(0), &[]);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failover {
    policy: RoutePolicy,
    interrupt_us: u32,
    now: Instant,
    health: Health,
    direct_at: Option<Instant>,
    /// The usual pause between two datagrams on the direct route: a moving average with a weight of 1/4.
    pause_us: u64,
    /// When the peer last showed that it sends everything by the relay.
    asked_at: Option<Instant>,
    /// How many datagrams came directly and by the relay, up to `WINDOW` by the relay.
    heard: (u8, u8),
    silences: Silences,
    copies: Copies,
    proof: Proof,
    /// When something proved last that local datagrams get through on the direct route.
    proved_at: Option<Instant>,
    /// Whether acknowledgements are known at all.
    is_acked: bool,
    /// Since when the direct route has been well, without a break.
    well_since: Option<Instant>,
    /// How long it must have been well before it is trusted this time.
    wait_us: u64,
    /// How long it had to be after the last failure that counts: half of the least time if that is forgiven.
    trust_us: u64,
    state: State,
    /// Why the state was last entered or left.
    cause: RouteCause,
    /// Whether the relay is in use, as last reported.
    reported: bool,
    /// Whether a late call was forgiven since the last datagram on the direct route.
    reprieved: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    /// The direct route, since this time, and copies as the policy has them.
    Alone(Instant),
    /// The direct route and some copies, since this time, until the peer acknowledges what was sent on direct alone.
    Proving(Instant),
    /// Both routes, for a reason that this endpoint sees.
    Both,
    /// Both routes, because the peer uses both.
    Asked,
}

impl Failover {
    /// Creates a failover that uses both routes. Works in a `static`.
    #[must_use]
    pub const fn new(policy: RoutePolicy) -> Self {
        Self {
            policy,
            interrupt_us: 500_000,
            now: Instant::ORIGIN,
            health: Health::Connecting,
            direct_at: None,
            pause_us: 0,
            asked_at: None,
            heard: (0, 0),
            silences: Silences::new(),
            copies: Copies::new(),
            proof: Proof::new(),
            proved_at: None,
            is_acked: false,
            well_since: None,
            wait_us: TRUST_US,
            trust_us: TRUST_US >> 1,
            state: State::Both,
            cause: RouteCause::Silent,
            reported: true,
            reprieved: false,
        }
    }

    /// Sets the silence on the direct route after which the relay is used, too (default 500 ms). It is used earlier if
    /// the session is interrupted earlier, but never before 8 times the usual pause between two datagrams.
    #[must_use]
    pub const fn interrupt_after(mut self, silence: Duration) -> Self {
        self.interrupt_us = saturating_micros_u32(silence);
        self
    }

    /// Handles a datagram that came over a route, and that the session accepted.
    pub fn handle_heard(&mut self, now: Instant, route: Route) {
        self.advance(now);
        match route {
            Route::Direct => {
                // The pause of an outage is not a usual one.
                let most = u64::from(self.interrupt_us).saturating_mul(2);
                let gap_us = self.direct_at.map_or(0, |at| micros_since(self.now, at));
                self.silences.sample(gap_us, self.pause_us);
                let pause_us = gap_us.min(most);
                self.pause_us = self.pause_us.saturating_sub(self.pause_us >> 2).saturating_add(pause_us >> 2);
                self.direct_at = Some(self.now);
                self.reprieved = false;
                self.heard.0 = self.heard.0.saturating_add(1);
            }
            Route::Relay => {
                if self.is_request() {
                    self.asked_at = Some(self.now);
                    if let State::Alone(since) = self.state
                        && micros_since(self.now, since) >= PATIENCE_US
                        && self.proved_at.is_none_or(|at| micros_since(self.now, at) >= PROVEN_US)
                    {
                        self.use_both(State::Asked, RouteCause::Asked);
                    }
                }
            }
        }
        self.decide();
    }

    /// Handles the peer's health, as [`PeerEvent::Health`](inputwire::PeerEvent::Health) reports it.
    pub fn handle_health(&mut self, now: Instant, health: Health) {
        self.advance(now);
        self.health = health;
        self.decide();
    }

    /// Handles what the peer has acknowledged, whenever a datagram was accepted: `next` is the session's
    /// [`next_frame`](inputwire::Session::next_frame), and `unacked` how many
    /// [inputs](inputwire::PeerRef::unacked) the peer lacks.
    ///
    /// Without these calls, and without [`routes_for`](Self::routes_for), the direct route is trusted although local datagrams
    /// may not get through there.
    pub fn handle_acked(&mut self, now: Instant, next: Frame, unacked: u32) {
        self.is_acked = true;
        let proves = self.proof.acked(next.get().saturating_sub(unacked));
        self.advance(now);
        // Where nothing is unacknowledged, nothing new can be proven, and nothing is at stake.
        if proves || (unacked == 0 && self.proof.holds()) {
            self.proved_at = Some(self.now);
        }
    }

    /// Handles the passing of time: at [`poll_timeout`](Self::poll_timeout), or at any other time.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.advance(now);
    }

    /// Returns the routes for the datagram that is sent next, while `end` is the session's
    /// [`next_frame`](inputwire::Session::next_frame). Call it once for each datagram.
    #[must_use]
    pub fn routes_for(&mut self, end: Frame) -> &'static [Route] {
        let every = match (&self.state, self.policy) {
            (_, RoutePolicy::Always) | (State::Both | State::Asked, _) => Some(1),
            (State::Alone(_), RoutePolicy::Standby) => None,
            (State::Proving(_), RoutePolicy::Standby) => Some(PROVE_EVERY),
            (_, RoutePolicy::Shadow(every)) => Some(every.max(SHADOW_LEAST)),
            (_, RoutePolicy::Adaptive) => Some(self.silences.every()),
        };
        let relayed = every.is_some_and(|every| self.copies.take(end.get(), every));
        self.proof.sent(end.get(), relayed);
        if relayed { BOTH } else { DIRECT }
    }

    /// Returns the routes to send on, copies not counted.
    #[must_use]
    pub const fn routes(&self) -> &'static [Route] {
        if self.uses_relay() { BOTH } else { DIRECT }
    }

    /// Returns the change since the last call, or `None`.
    pub fn poll_change(&mut self) -> Option<RouteChange> {
        let relay = self.uses_relay();
        let changed = replace(&mut self.reported, relay) != relay;
        changed.then_some(RouteChange { relay, cause: self.cause })
    }

    /// Returns when to call [`handle_timeout`](Self::handle_timeout): always later than the latest `now`. `None` if time alone
    /// changes nothing.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let trusted_at = match self.state {
            State::Alone(_) => None,
            State::Both | State::Asked => self.trusted_at(),
            State::Proving(since) => Some(after(since, PROVE_US)),
        };
        [self.silent_at(), trusted_at].into_iter().flatten().min().filter(|due| *due <= Instant::LAST)
    }

    /// With `Always`, the state stays `Both`.
    const fn uses_relay(&self) -> bool {
        !matches!(self.state, State::Alone(_))
    }

    const fn has_copies(&self) -> bool {
        matches!(self.policy, RoutePolicy::Shadow(_) | RoutePolicy::Adaptive)
    }

    /// Whether a datagram by the relay says that the peer sends everything there, rather than copies.
    fn is_request(&mut self) -> bool {
        if !self.has_copies() {
            return true;
        }
        self.heard.1 = self.heard.1.saturating_add(1);
        self.heard.1 >= WINDOW && DENSE.contains(&take(&mut self.heard).0)
    }

    /// How long the direct route may be silent.
    fn silence_us(&self) -> u64 {
        let interrupted = self.health == Health::Interrupted;
        let least = if interrupted { 0 } else { u64::from(self.interrupt_us) };
        self.pause_us.saturating_mul(PAUSES).max(least)
    }

    /// When the direct route, which is well, will have been silent for too long.
    fn silent_at(&self) -> Option<Instant> {
        self.well_since.and(self.direct_at).map(|at| after(at, self.silence_us()))
    }

    /// When the direct route will have been well for long enough, and the peer will have left the relay if it asked for it.
    fn trusted_at(&self) -> Option<Instant> {
        let trusted_at = after(self.well_since?, self.wait_us);
        // Whether everything comes by the relay shows only in so many datagrams.
        let shown_us = if self.has_copies() { self.pause_us.saturating_mul(u64::from(WINDOW) << 1) } else { 0 };
        let quiet_us = QUIET_US.max(shown_us);
        let left_at = self.asked_at.filter(|_| self.state == State::Asked).map(|at| after(at, quiet_us));
        Some(left_at.map_or(trusted_at, |left_at| left_at.max(trusted_at)))
    }

    /// Advances the clock. Ignores a `now` earlier than the latest one.
    fn advance(&mut self, now: Instant) {
        if self.policy == RoutePolicy::Always {
            return;
        }
        self.now = self.now.max(now.min(Instant::LAST));
        let late = self.silent_at().map_or(0, |due| micros_since(self.now, due));
        if late >= AWAY_US && !self.reprieved {
            self.direct_at = self.direct_at.map(|at| after(at, late.saturating_add(REPRIEVE_US)));
            self.reprieved = true;
        }
        self.decide();
    }

    /// Returns what is wrong with the direct route.
    fn fault(&self) -> Option<RouteCause> {
        match self.health {
            Health::Critical => Some(RouteCause::Slow),
            Health::Deaf => Some(RouteCause::Deaf),
            Health::Connecting | Health::Disconnected => Some(RouteCause::Silent),
            _ => {
                let silent = self.direct_at.is_none_or(|at| micros_since(self.now, at) >= self.silence_us());
                silent.then_some(RouteCause::Silent)
            }
        }
    }

    /// Decides which routes to use.
    fn decide(&mut self) {
        if self.policy == RoutePolicy::Always {
            return;
        }
        if let Some(fault) = self.fault() {
            self.well_since = None;
            self.use_both(State::Both, fault);
            return;
        }
        self.well_since.get_or_insert(self.now);
        match self.state {
            State::Both | State::Asked if self.trusted_at().is_some_and(|at| at <= self.now) => {
                if self.is_acked {
                    (self.state, self.proof) = (State::Proving(self.now), Proof::new());
                } else {
                    self.use_direct();
                }
            }
            State::Proving(_) if self.proof.holds() => self.use_direct(),
            State::Proving(since) if after(since, PROVE_US) <= self.now => {
                // Where nothing was pushed, nothing is at stake.
                if self.proof.is_idle() {
                    self.use_direct();
                } else {
                    (self.state, self.well_since, self.wait_us) = (State::Both, Some(self.now), TRUST_US);
                }
            }
            _ => {}
        }
    }

    fn use_direct(&mut self) {
        (self.state, self.cause, self.heard) = (State::Alone(self.now), RouteCause::Well, (0, 0));
    }

    /// Uses both routes from now on, for this reason.
    fn use_both(&mut self, state: State, cause: RouteCause) {
        if let State::Alone(since) | State::Proving(since) = self.state {
            self.cause = cause;
            let steady_us = match cause {
                RouteCause::Slow | RouteCause::Deaf => Some(STEADY_US),
                RouteCause::Silent if !self.has_copies() => Some(STEADY_SILENT_US),
                _ => None,
            };
            if let Some(steady_us) = steady_us {
                let steady = micros_since(self.now, since).checked_div(steady_us).unwrap_or(0);
                let steady = u32::try_from(steady).unwrap_or(u32::MAX);
                let halved = self.trust_us.saturating_mul(2).checked_shr(steady).unwrap_or(0);
                self.trust_us = halved.clamp(TRUST_US >> 1, TRUST_MAX_US);
            }
            self.wait_us = match cause {
                RouteCause::Slow | RouteCause::Deaf => self.trust_us.max(TRUST_US),
                _ if self.has_copies() => SHADOW_TRUST_US,
                RouteCause::Silent => self.trust_us.max(TRUST_US),
                _ => TRUST_US,
            };
        }
        self.state = state;
    }
}

const fn after(at: Instant, micros: u64) -> Instant {
    Instant::from_micros(at.as_micros().saturating_add(micros))
}

/// The microseconds from `earlier` to `at`, or 0 if `earlier` is later.
const fn micros_since(at: Instant, earlier: Instant) -> u64 {
    at.as_micros().saturating_sub(earlier.as_micros())
}

/// A duration in whole microseconds, at most 71 minutes.
const fn saturating_micros_u32(duration: Duration) -> u32 {
    match duration.as_micros().to_le_bytes() {
        [a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0] => u32::from_le_bytes([a, b, c, d]),
        _ => u32::MAX,
    }
}

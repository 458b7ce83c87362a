//! Two routes to one peer, and on which of them to send.
//!
//! All that is known of a route is what came in over it. So an end that does not hear its peer on the direct route sends
//! on both, and that alone tells the peer, which follows: the direct route may be dead in one direction only.

use core::time::Duration;

use crate::health::Health;
use crate::time::{Instant, earlier, short_micros, widen};

const SECOND_US: u64 = 1_000_000;
/// Health of the direct route for so long is trusted.
const TRUST_US: u64 = 3 * SECOND_US;
/// Where trust was misplaced again and again, it takes so long.
const TRUST_MAX_US: u64 = 16 * TRUST_US;
/// What the session knows, it knows of both routes together. If the relay is the faster one, the direct route looks well
/// as long as both are used: when the peer is too far away or deaf again so soon after, trust takes twice as long.
const STEADY_US: u64 = 2 * TRUST_US;
/// A route is silent when so many times the usual pause between two datagrams has passed, however short it is: where
/// nobody plays, little is sent, and two losses in a row are no silence.
const PAUSES: u64 = 8;
/// A peer that is silent on the relay for so long has left it,
const QUIET_US: u64 = 600_000;
/// and one that is heard there so long after we left it has not: it sees something that we do not see. The rest of this
/// time is for the ways of both routes, and for what both ends make differently of one outage.
const PATIENCE_US: u64 = 1_200_000;
/// Who calls so much too late was away, and may have what it missed still to hand over,
const AWAY_US: u64 = 250_000;
/// for which it gets this long.
const REPRIEVE_US: u64 = 100_000;

/// A way to a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Route {
    /// From end to end, with nobody between.
    Direct,
    /// By way of a server, which is slower but nearly always there.
    Relay,
}

/// When the relay is used.
///
/// ```
/// use inputwire::{Failover, Route, RoutePolicy};
///
/// let failover = Failover::new(RoutePolicy::Always);
/// assert_eq!(failover.routes(), [Route::Direct, Route::Relay]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RoutePolicy {
    /// While the direct route is not known to be well: until it was well for 3 s at first, then as soon as it is silent,
    /// or the peer too far away or deaf, and until it was well for 3 s again. Those 3 s become 6, 12, 24 and 48 if the
    /// peer is too far away or deaf again and again within 6 s.
    #[default]
    Standby,
    /// Always: everything is sent twice, and the first one counts.
    Always,
}

/// A change of the routes to send on.
///
/// ```
/// use inputwire::{Failover, RouteChange};
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
    /// Whether the relay is used from now on; the direct route always is.
    pub relay: bool,
    /// Why.
    pub cause: RouteCause,
}

/// Why the routes changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RouteCause {
    /// Nothing was heard on the direct route for [`interrupt_after`](Failover::interrupt_after), or at all.
    Silent,
    /// The peer is [`Critical`](Health::Critical): too far away.
    Slow,
    /// The peer is [`Deaf`](Health::Deaf): it does not hear what we send.
    Deaf,
    /// The peer sends by the relay, so something is wrong with the direct route where only the peer can see it.
    Asked,
    /// The direct route has been well for long enough.
    Well,
}

/// Says on which of two routes to send to one peer, from what was heard on which.
///
/// It stands beside a [`Session`](crate::Session), which needs to know nothing of routes: on the compact wire each
/// datagram carries all that is unacknowledged, so a change loses nothing, and the copy that arrives second is harmless.
/// Both ends should follow the same policy: a peer that uses its relay always is one that always asks us to. On the classic
/// wire, which repeats only the newest inputs, those of the time until a failure is noticed are lost; there, always use both.
///
/// While the relay is not used, keeping the way to it open is the caller's: an empty datagram now and then will do.
///
/// It is a machine of the same kind as a session: no clock, nothing hidden, no panic; equal calls get equal answers. What
/// is sent on both routes when it begins is so until the direct one has proved itself.
///
/// ```
/// # use std::net::{SocketAddr, UdpSocket};
/// use inputwire::{DATAGRAM_MAX, Event, Failover, Instant, PeerId, Route, Session};
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
///         }
///     }
///
///     fn drain(&mut self, now: Instant) {
///         self.session.handle_timeout(now);
///         while let Some(event) = self.session.poll_event() {
///             if let Event::Health { health, .. } = event {
///                 self.failover.handle_health(now, health);
///             }
///         }
///         self.failover.handle_timeout(now);
///         let mut buf = [0; DATAGRAM_MAX];
///         while let Some(transmit) = self.session.poll_transmit(&mut buf) {
///             for route in self.failover.routes() {
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
/// # let config = inputwire::Config::builder().build().unwrap();
/// # let mut link = Link { session: Session::new(config), failover: Failover::new(inputwire::RoutePolicy::Standby), direct, relay };
/// # link.session.add_peer(Instant::ORIGIN, inputwire::PeerConfig::compact(1)).unwrap();
/// # link.drain(Instant::ORIGIN);
/// # let mut bytes = [0; 2_000];
/// # assert_eq!(link.direct.recv(&mut bytes)?, 28);
/// # assert_eq!(link.relay.recv(&mut bytes)?, 28);
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
    /// The usual pause between two datagrams on the direct route: a sliding mean, over four or so.
    pause_us: u64,
    relay_at: Option<Instant>,
    /// Since when the direct route has been well, without a break.
    well_since: Option<Instant>,
    /// How long it must have been before it is trusted.
    trust_us: u64,
    state: State,
    /// The change that led here, and whether the relay was in use as far as we told.
    cause: RouteCause,
    told: bool,
    /// Whether an absence of ours was forgiven since the direct route was heard.
    reprieved: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    /// The direct route alone, since this moment.
    Alone(Instant),
    /// Both routes, for a reason of our own.
    Both,
    /// Both routes, since the peer uses both.
    Asked,
}

impl Failover {
    /// Begins on both routes. It works in a `static`.
    #[must_use]
    pub const fn new(policy: RoutePolicy) -> Self {
        Self {
            policy,
            interrupt_us: 500_000,
            now: Instant::ORIGIN,
            health: Health::Connecting,
            direct_at: None,
            pause_us: 0,
            relay_at: None,
            well_since: None,
            trust_us: TRUST_US,
            state: State::Both,
            cause: RouteCause::Silent,
            told: true,
            reprieved: false,
        }
    }

    /// The silence on the direct route after which the relay is used, too (default 500 ms), but never before 8 times the
    /// pause that is usual between two datagrams there. If the session is interrupted earlier, it is used then.
    #[must_use]
    pub const fn interrupt_after(mut self, silence: Duration) -> Self {
        self.interrupt_us = short_micros(silence);
        self
    }

    // What happens to us.

    /// Takes note that a datagram came over a route, and that the session accepted it.
    pub fn handle_heard(&mut self, now: Instant, route: Route) {
        self.advance(now);
        match route {
            Route::Direct => {
                // An outage tells little of what is usual.
                let most = widen(self.interrupt_us).saturating_mul(2);
                let pause_us = self.direct_at.map_or(0, |at| self.now.since(at).min(most));
                self.pause_us = self.pause_us.saturating_sub(self.pause_us >> 2).saturating_add(pause_us >> 2);
                self.direct_at = Some(self.now);
                self.reprieved = false;
            }
            Route::Relay => {
                self.relay_at = Some(self.now);
                if let State::Alone(since) = self.state
                    && self.now.since(since) >= PATIENCE_US
                {
                    self.use_both(State::Asked, RouteCause::Asked);
                }
            }
        }
        self.judge();
    }

    /// Takes note of the peer's health: what [`Event::Health`](crate::Event::Health) tells.
    pub fn handle_health(&mut self, now: Instant, health: Health) {
        self.advance(now);
        self.health = health;
        self.judge();
    }

    /// Takes note that time has passed, when [`poll_timeout`](Self::poll_timeout) said so or at any other moment.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.advance(now);
    }

    // What we say.

    /// On which routes to send now.
    #[must_use]
    pub const fn routes(&self) -> &'static [Route] {
        if self.uses_relay() { &[Route::Direct, Route::Relay] } else { &[Route::Direct] }
    }

    /// How the routes differ from what was told before, or `None` if they do not.
    pub fn poll_change(&mut self) -> Option<RouteChange> {
        let relay = self.uses_relay();
        let changed = core::mem::replace(&mut self.told, relay) != relay;
        changed.then_some(RouteChange { relay, cause: self.cause })
    }

    /// When to call again: always later than the newest `now`. `None` if time alone will change nothing.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let trusted_at = match self.state {
            State::Alone(_) => None,
            State::Both | State::Asked => self.trusted_at(),
        };
        earlier(self.silent_at(), trusted_at).filter(|due| *due <= Instant::LAST)
    }

    // Inside.

    const fn uses_relay(&self) -> bool {
        match self.policy {
            RoutePolicy::Always => true,
            RoutePolicy::Standby => !matches!(self.state, State::Alone(_)),
        }
    }

    /// How long the direct route may be silent.
    fn silence_us(&self) -> u64 {
        let interrupted = self.health == Health::Interrupted;
        let least = if interrupted { 0 } else { widen(self.interrupt_us) };
        self.pause_us.saturating_mul(PAUSES).max(least)
    }

    /// When the direct route will have been silent for too long, while it is well.
    fn silent_at(&self) -> Option<Instant> {
        self.well_since.and(self.direct_at).map(|at| at.after(self.silence_us()))
    }

    /// When the direct route will have been well for long enough, and the peer have left the relay if it must go first.
    fn trusted_at(&self) -> Option<Instant> {
        let trusted_at = self.well_since?.after(self.trust_us);
        let left_at = self.relay_at.filter(|_| self.state == State::Asked).map(|at| at.after(QUIET_US));
        Some(left_at.map_or(trusted_at, |left_at| left_at.max(trusted_at)))
    }

    /// A clock that goes back is a clock that stood still.
    fn advance(&mut self, now: Instant) {
        if self.policy == RoutePolicy::Always {
            return;
        }
        self.now = self.now.max(now.min(Instant::LAST));
        let late = self.silent_at().map_or(0, |due| self.now.since(due));
        if late >= AWAY_US && !self.reprieved {
            self.direct_at = self.direct_at.map(|at| at.after(late.saturating_add(REPRIEVE_US)));
            self.reprieved = true;
        }
        self.judge();
    }

    /// What is wrong with the direct route now.
    fn fault(&self) -> Option<RouteCause> {
        match self.health {
            Health::Critical => Some(RouteCause::Slow),
            Health::Deaf => Some(RouteCause::Deaf),
            Health::Connecting | Health::Disconnected => Some(RouteCause::Silent),
            Health::Good | Health::Warning | Health::Interrupted => {
                let silent = self.direct_at.is_none_or(|at| self.now.since(at) >= self.silence_us());
                silent.then_some(RouteCause::Silent)
            }
        }
    }

    /// Draws the conclusion of what is known now.
    fn judge(&mut self) {
        if self.policy == RoutePolicy::Always {
            return;
        }
        if let Some(fault) = self.fault() {
            self.well_since = None;
            self.use_both(State::Both, fault);
            return;
        }
        self.well_since.get_or_insert(self.now);
        if self.uses_relay() && self.trusted_at().is_some_and(|at| at <= self.now) {
            self.state = State::Alone(self.now);
            self.cause = RouteCause::Well;
        }
    }

    /// Uses both routes from now on, or goes on to do so for this reason.
    fn use_both(&mut self, state: State, cause: RouteCause) {
        if let State::Alone(since) = self.state {
            let hidden = matches!(cause, RouteCause::Slow | RouteCause::Deaf);
            let again = hidden && self.now.since(since) < STEADY_US;
            self.trust_us = if again { self.trust_us.saturating_mul(2).min(TRUST_MAX_US) } else { TRUST_US };
            self.cause = cause;
        }
        self.state = state;
    }
}

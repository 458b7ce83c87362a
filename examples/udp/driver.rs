//! The loop around a session: the part of this example that is there to be copied.
//!
//! Three things happen to a peer: its game takes a step, a datagram comes in, and time passes. Each is told to the session
//! together with the time, and after each the session is drained: its events first, so that the datagrams acknowledge
//! what we took, and then its datagrams. Then we sleep until the first moment at which one of us wants to be woken.

use std::fs::File;
use std::io::{self, Write};
use std::time::Duration;

use inputwire::{
    DATAGRAM_MAX, Epoch, Event, Failover, Instant, PeerId, PeerStats, PushError, Route, RouteChange, RoutePolicy,
};
use inputwire_record::Recorder;

use crate::game::{self, Book, INPUT};
use crate::options::{Options, Wire};
use crate::say;
use crate::socket::Socket;
use crate::stop::Stop;
use crate::summary::{Summary, float, status};

/// For how long we stay for the peer's sake when our own time is up.
const COMPACT_PATIENCE: Duration = Duration::from_secs(3);
/// Nothing tells when a classic peer has everything; but it asks for what it lacks, and gets it twice a second.
const CLASSIC_PATIENCE: Duration = Duration::from_secs(2);
/// A peer that tells nothing new for this long plays no more.
const QUIET: Duration = Duration::from_secs(1);
/// A game that is later than this does not make up for it: the machine slept, or is too slow.
const LATE: Duration = Duration::from_millis(250);
const SECOND: Duration = Duration::from_secs(1);

/// Plays with one peer until our time is up. Returns whether there was one, and all it told was right.
pub(crate) fn play(options: &Options) -> Result<bool, String> {
    let mut driver = Driver::new(options)?;
    say(format_args!("player {} listens on {} and talks to {}", options.me, options.listen, options.peer));
    driver.run().map_err(|error| format!("the socket failed: {error}"))?;
    let summary = driver.sum_up();
    say(&summary);
    let started_at = driver.started_at;
    driver.session.finish().map_err(|error| format!("the recording failed: {error}"))?;
    match started_at {
        Some(_) => Ok(summary.is_right()),
        None => Err(format!("nobody answered at {}: does the peer run, and send to {}?", options.peer, options.listen)),
    }
}

/// A clock that starts at zero and never goes back.
struct Clock(std::time::Instant);

impl Clock {
    fn now(&self) -> Instant {
        Instant::ORIGIN.saturating_add(self.0.elapsed())
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nobody has answered yet.
    Waiting,
    Playing,
    /// Our time is up: no more inputs, but the peer gets what it lacks, and we take what is left to come.
    Finishing,
    /// We said goodbye.
    Leaving,
}

struct Driver<'a> {
    options: &'a Options,
    /// As good as a `Session`, which it is where nothing is to be recorded.
    session: Recorder<Box<dyn Write>, 1, INPUT>,
    peer: PeerId,
    socket: Socket,
    /// On which routes to send, if there are two.
    failover: Option<Failover>,
    clock: Clock,
    stop: Stop,
    book: Book,
    phase: Phase,
    /// When the present phase ends at the latest.
    until: Option<Instant>,
    /// Whether inputs flow: not before the peer answered, nor while it starts anew.
    connected: bool,
    next_step_at: Instant,
    /// How often the peer held us up.
    stalls: u64,
    started_at: Option<Instant>,
    ended_at: Instant,
    /// When the peer told us something last.
    told_at: Instant,
    next_status_at: Instant,
    last_status: PeerStats,
}

impl<'a> Driver<'a> {
    fn new(options: &'a Options) -> Result<Self, String> {
        let clock = Clock(std::time::Instant::now());
        let now = clock.now();
        let file: Box<dyn Write> = match &options.record {
            Some(name) => Box::new(File::create(name).map_err(|error| format!("{name}: {error}"))?),
            None => Box::new(io::sink()),
        };
        let mut session = Recorder::new(options.config()?, file);
        let peer = session.add_peer(now, options.peer_config()).map_err(|error| error.to_string())?;
        Ok(Self {
            options,
            peer,
            socket: Socket::bind(options)?,
            failover: options.relay.map(|_| Failover::new(RoutePolicy::Standby)),
            clock,
            stop: if options.time.is_some() { Stop::never() } else { Stop::at_enter() },
            book: Book::new(options.peer_player),
            phase: Phase::Waiting,
            until: options.time.map(|time| now.saturating_add(time)),
            connected: false,
            next_step_at: now,
            stalls: 0,
            started_at: None,
            ended_at: now,
            told_at: now,
            next_status_at: now.saturating_add(SECOND),
            last_status: session.stats(peer).ok_or("the peer was just added")?,
            session,
        })
    }

    fn run(&mut self) -> io::Result<()> {
        loop {
            let now = self.clock.now();
            // A late step is made up for. Each is sent by itself: the classic wire repeats no more than the newest few.
            while self.plays() && now >= self.next_step_at {
                self.step(now);
                self.drain(now);
            }
            self.session.handle_timeout(now);
            self.drain(now);

            self.change_phase(now);
            if self.phase == Phase::Leaving && self.session.poll_timeout().is_none() {
                return Ok(());
            }
            if now >= self.next_status_at {
                self.next_status_at = now.saturating_add(SECOND);
                self.show_status();
            }

            let limit = self.wake_at().saturating_since(self.clock.now());
            if let Some((route, datagram)) = self.socket.receive(limit)? {
                let now = self.clock.now();
                // The session counts what it refuses. Nothing else is to be done about it.
                let handled = self.session.handle_datagram(now, self.peer, datagram);
                if let (Ok(()), Some(failover)) = (handled, &mut self.failover) {
                    failover.handle_heard(now, route);
                }
                self.drain(now);
            }
        }
    }

    /// Takes all that the session has to tell, then sends all that it has to say.
    fn drain(&mut self, now: Instant) {
        while let Some(event) = self.session.poll_event() {
            self.handle_event(now, event);
        }
        let routes = self.routes(now);
        let mut buffer = [0; DATAGRAM_MAX];
        while let Some(transmit) = self.session.poll_transmit(&mut buffer) {
            for route in routes {
                self.socket.send(*route, transmit.datagram);
            }
        }
    }

    /// The routes on which to send.
    fn routes(&mut self, now: Instant) -> &'static [Route] {
        let Some(failover) = &mut self.failover else { return &[Route::Direct] };
        failover.handle_timeout(now);
        let change = failover.poll_change().filter(|_| self.phase != Phase::Leaving);
        if let Some(RouteChange { relay, cause, .. }) = change {
            let routes = if relay { "on both routes" } else { "directly" };
            say(format_args!("sending {routes} now: {cause:?}"));
        }
        failover.routes()
    }

    /// The first moment at which something is to be done.
    fn wake_at(&mut self) -> Instant {
        let step = self.plays().then_some(self.next_step_at);
        let routes = self.failover.as_ref().and_then(Failover::poll_timeout);
        let reasons = [self.session.poll_timeout(), routes, step, self.until];
        reasons.into_iter().flatten().fold(self.next_status_at, Instant::min)
    }

    /// One step of the game.
    fn step(&mut self, now: Instant) {
        let (epoch, frame) = (self.session.epoch(), self.session.next_frame());
        match self.session.push_input(now, game::input(self.options.me, epoch, frame)) {
            Ok(_) => {}
            // The peer is away, or far behind. The game stands still, and tries the same frame again.
            Err(PushError::WindowFull(_)) => self.stalls += 1,
            Err(_) => self.begin_epoch(now, next(epoch)),
        }
        // Both ends meet if the one that is ahead takes its time. Nobody hurries: a machine that wakes us late makes either
        // end seem to be behind, and both would play ever faster.
        let interval = SECOND / self.options.fps;
        let interval = self.session.pace(self.peer).map_or(interval, |pace| pace.stretch(interval).max(interval));
        if now.saturating_since(self.next_step_at) > LATE {
            self.next_step_at = now;
        }
        self.next_step_at = self.next_step_at.saturating_add(interval);
    }

    fn handle_event(&mut self, now: Instant, event: Event<INPUT>) {
        let player = self.options.peer_player;
        if let (Event::Health { health, .. }, Some(failover)) = (event, &mut self.failover) {
            failover.handle_health(now, health);
        }
        match event {
            Event::Input { frame, input, .. } => {
                self.told_at = now;
                self.book.tell(frame, input);
            }
            Event::Connected { .. } => {
                say(format_args!("player {player} is there"));
                self.connected = true;
                self.next_step_at = now;
                if self.phase == Phase::Waiting {
                    self.phase = Phase::Playing;
                    self.started_at = Some(now);
                    self.until = self.options.time.map(|time| now.saturating_add(time));
                }
            }
            Event::Restarted { .. } => {
                say(format_args!("player {player} was started anew"));
                self.connected = false;
                self.begin_epoch(now, next(self.session.epoch()));
            }
            Event::PeerAhead { epoch, .. } => self.begin_epoch(now, epoch),
            Event::OutOfStep { .. } => self.begin_epoch(now, next(self.session.epoch())),
            // Without a key this may be forged. A game that minds waits for `Health::Disconnected` instead.
            Event::Left { .. } => {
                say(format_args!("player {player} left"));
                self.leave(now);
            }
            Event::Mismatch { field, ours, theirs, .. } => {
                say(format_args!("player {player} has another {field}: {theirs}, ours is {ours}"));
            }
            // Told at each pause of the game. Only the last one is of interest.
            Event::Flushed { .. } if self.phase != Phase::Finishing => {}
            // Our own goodbye closes the peer. That is no news.
            Event::Health { .. } if self.phase == Phase::Leaving => {}
            Event::Health { health, .. } => say(format_args!("player {player}: {health:?}")),
            Event::Flushed { .. } => say(format_args!("player {player} has everything")),
            Event::Lost { first, count, .. } => {
                say(format_args!("lost for good: {count} inputs, the first is {first}"));
            }
            event => say(format_args!("{event:?}")),
        }
    }

    /// Begins an epoch, unless it has begun.
    fn begin_epoch(&mut self, now: Instant, epoch: Epoch) {
        if self.session.begin_epoch(now, epoch).is_ok() {
            say(format_args!("epoch {epoch} begins"));
            self.book.begin_epoch(epoch);
            self.next_step_at = now;
        }
    }

    fn change_phase(&mut self, now: Instant) {
        let time_is_up = self.until.is_some_and(|until| now >= until);
        match self.phase {
            Phase::Waiting if time_is_up || self.stop.is_wanted() => self.leave(now),
            Phase::Playing if time_is_up || self.stop.is_wanted() => {
                let classic = self.options.wire == Some(Wire::Classic);
                let patience = if classic { CLASSIC_PATIENCE } else { COMPACT_PATIENCE };
                self.phase = Phase::Finishing;
                self.ended_at = now;
                self.until = Some(now.saturating_add(patience));
            }
            Phase::Finishing if time_is_up || self.is_settled(now) => self.leave(now),
            _ => {}
        }
    }

    /// Whether the peer has everything, and we have everything of it, as far as that can be known.
    fn is_settled(&self, now: Instant) -> bool {
        let quiet = now.saturating_since(self.told_at) >= QUIET;
        self.options.wire == Some(Wire::Compact) && self.session.unacked(self.peer) == 0 && quiet
    }

    /// Says goodbye. The loop goes on until the session has nothing more to say.
    fn leave(&mut self, now: Instant) {
        if self.phase == Phase::Leaving {
            return;
        }
        if self.phase == Phase::Playing {
            self.ended_at = now;
        }
        self.show_status();
        self.phase = Phase::Leaving;
        self.until = None;
        self.session.leave(now);
        self.drain(now);
    }

    fn plays(&self) -> bool {
        self.phase == Phase::Playing && self.connected
    }
}

/// What the loop tells of itself.
impl Driver<'_> {
    fn show_status(&mut self) {
        self.socket.keep_relay();
        if let Some(stats) = self.session.stats(self.peer).filter(|_| self.phase != Phase::Leaving) {
            say(status(&self.session, self.peer, &stats, &self.last_status));
            self.last_status = stats;
        }
    }

    fn sum_up(&self) -> Summary {
        let options = self.options;
        let stats = self.session.stats(self.peer).unwrap_or(self.last_status);
        let played = self.started_at.map_or(Duration::ZERO, |start| self.ended_at.saturating_since(start));
        let alive = stats.at.saturating_since(Instant::ORIGIN).as_secs_f64().max(0.001);
        let kbits = float(stats.totals.bytes_sent * 8) / alive / 1_000.0;
        let mut summary = Summary::default();
        summary.add("wire", options.wire.map_or("both", Wire::name));
        summary.add("player", options.me);
        summary.add("connected", self.started_at.is_some());
        summary.add("health", format_args!("{:?}", self.last_status.health));
        summary.add("epoch", self.session.epoch());
        summary.add("seconds", format_args!("{:.1}", played.as_secs_f64()));
        summary.add("pushed", self.session.next_frame());
        summary.add("unacked", stats.unacked);
        summary.add("stalls", self.stalls);
        summary.add("told", self.book.told);
        summary.add("wrong", self.book.wrong);
        summary.add("late", self.book.late);
        summary.add("missing", self.book.missing());
        summary.add("lost", stats.lost_inputs);
        summary.add("gaps", stats.gaps);
        summary.add("sent", stats.totals.packets_sent);
        summary.add("dropped", self.socket.dropped);
        summary.add("relayed", self.socket.relayed);
        summary.add("unsent", self.socket.unsent);
        summary.add("received", stats.totals.packets_received);
        summary.add("refused", stats.totals.refused.total());
        summary.add("strangers", self.socket.strangers);
        summary.add_known("inbound_lost", stats.inbound_lost);
        summary.add("bytes_sent", stats.totals.bytes_sent);
        summary.add("kbit_per_s", format_args!("{kbits:.1}"));
        summary.add_known("rtt_us", stats.rtt.map(|rtt| rtt.smoothed.as_micros()));
        summary.add_known("rtt_min_us", stats.rtt.map(|rtt| rtt.min.as_micros()));
        summary.add_known("jitter_us", stats.jitter.map(|jitter| jitter.as_micros()));
        summary
    }
}

/// The epoch after this one.
fn next(epoch: Epoch) -> Epoch {
    Epoch::new(epoch.get().saturating_add(1))
}

//! The loop around a session: the part of this example to copy.
//!
//! Three things can happen: a frame of the game is due, a datagram arrives, or time passes. Each is passed to the session with
//! the current time. After each, the session is drained: first its events, so that the datagrams acknowledge the inputs
//! among them, then its datagrams. Then the loop sleeps until the earliest time at which anything is due.

use std::fs::File;
use std::io::{self, Write};
use std::time::Duration;

use inputwire::{
    Endpoint, Epoch, Event, Instant, MAX_DATAGRAM_SIZE, Pace, PeerEvent, PeerId, PeerRef, PeerStats, PushError,
};
use inputwire_failover::{Failover, Route, RouteChange, RoutePolicy};
use inputwire_record::Recorder;

use crate::game::{self, Checker, INPUT_LEN};
use crate::options::{Options, Wire};
use crate::print_line;
use crate::socket::Socket;
use crate::stop::Stop;
use crate::summary::{Summary, float, status};

/// How long to stay for the peer's sake after the last local frame.
const COMPACT_LINGER: Duration = Duration::from_secs(3);
/// The classic wire has no acknowledgement; but the peer requests missing inputs, up to twice a second.
const CLASSIC_LINGER: Duration = Duration::from_secs(2);
/// A peer without a new input for this long has stopped playing.
const QUIET: Duration = Duration::from_secs(1);
/// A game that is later than this does not catch up: the machine slept or is too slow.
const LATE: Duration = Duration::from_millis(250);
const SECOND: Duration = Duration::from_secs(1);

/// Plays against one peer until the time is up. Returns whether every check passed.
pub(crate) fn play(options: &Options) -> Result<bool, String> {
    let mut driver = Driver::new(options)?;
    print_line(format_args!("player {} listens on {} and sends to {}", options.me, options.listen, options.peer));
    driver.run().map_err(|error| format!("the socket failed: {error}"))?;
    let summary = driver.summary();
    print_line(&summary);
    let started_at = driver.started_at;
    driver.session.finish().map_err(|error| format!("the recording failed: {error}"))?;
    match started_at {
        Some(_) => Ok(summary.is_right()),
        None => {
            Err(format!("no connection to {}: is the peer running, and sending to {}?", options.peer, options.listen))
        }
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
    /// The peer has not responded yet.
    Waiting,
    Playing,
    /// No more local inputs; the last ones are still exchanged.
    Finishing,
    /// The session is closed.
    Closing,
}

struct Driver<'a> {
    options: &'a Options,
    /// A session that may be recorded. Without `--record`, a plain `Session` would do.
    session: Recorder<Box<dyn Write>, 1, INPUT_LEN>,
    peer: PeerId,
    socket: Socket,
    /// Chooses the routes, if there are two.
    failover: Option<Failover>,
    clock: Clock,
    stop: Stop,
    checker: Checker,
    phase: Phase,
    /// When the current phase ends at the latest.
    until: Option<Instant>,
    /// Whether inputs flow: not before the peer has responded, and not while it restarts.
    connected: bool,
    next_frame_at: Instant,
    /// How often a full window stopped the game.
    stalls: u64,
    started_at: Option<Instant>,
    ended_at: Instant,
    /// When the last remote input was delivered.
    input_at: Instant,
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
            checker: Checker::new(options.peer_player),
            phase: Phase::Waiting,
            until: options.time.map(|time| now.saturating_add(time)),
            connected: false,
            next_frame_at: now,
            stalls: 0,
            started_at: None,
            ended_at: now,
            input_at: now,
            next_status_at: now.saturating_add(SECOND),
            last_status: session.peer(peer).map(PeerRef::stats).ok_or("the peer was just added")?,
            session,
        })
    }

    fn run(&mut self) -> io::Result<()> {
        loop {
            let now = self.clock.now();
            // Catches up on late frames. Each is sent by itself, because the classic wire repeats only the last few.
            while self.is_playing() && now >= self.next_frame_at {
                self.play_frame(now);
                self.drain(now);
            }
            self.session.handle_timeout(now);
            self.drain(now);

            self.change_phase(now);
            if self.phase == Phase::Closing && self.session.is_closed() {
                return Ok(());
            }
            if now >= self.next_status_at {
                self.next_status_at = now.saturating_add(SECOND);
                self.print_status();
            }

            let limit = self.wake_at().saturating_since(self.clock.now());
            if let Some((route, datagram)) = self.socket.receive(limit)? {
                let now = self.clock.now();
                // The session counts refused datagrams. The application need not act on them.
                let handled = self.session.handle_datagram(now, self.peer, datagram);
                if let (Ok(()), Some(failover)) = (handled, &mut self.failover) {
                    failover.handle_heard(now, route);
                    let unacked = self.session.peer(self.peer).map_or(0, PeerRef::unacked);
                    failover.handle_acked(now, self.session.next_frame(), unacked);
                }
                self.drain(now);
            }
        }
    }

    /// Handles all events, then sends all datagrams.
    fn drain(&mut self, now: Instant) {
        while let Some(event) = self.session.poll_event() {
            self.handle_event(now, event);
        }
        self.watch_routes(now);
        let mut buf = [0; MAX_DATAGRAM_SIZE];
        while let Some(transmit) = self.session.poll_transmit(&mut buf) {
            let next = self.session.next_frame();
            let routes = self.failover.as_mut().map_or(&[Route::Direct][..], |failover| failover.routes_for(next));
            for route in routes {
                self.socket.send(*route, transmit.datagram);
            }
        }
    }

    /// Prints when the routes to send on change.
    fn watch_routes(&mut self, now: Instant) {
        let Some(failover) = &mut self.failover else { return };
        failover.handle_timeout(now);
        let change = failover.poll_change().filter(|_| self.phase != Phase::Closing);
        if let Some(RouteChange { relay, cause, .. }) = change {
            let routes = if relay { "on both routes" } else { "directly" };
            print_line(format_args!("now sending {routes}: {cause:?}"));
        }
    }

    /// Returns the earliest time at which anything is due.
    fn wake_at(&mut self) -> Instant {
        let frame = self.is_playing().then_some(self.next_frame_at);
        let routes = self.failover.as_ref().and_then(Failover::poll_timeout);
        let deadlines = [self.session.poll_timeout(), routes, frame, self.until];
        deadlines.into_iter().flatten().fold(self.next_status_at, Instant::min)
    }

    /// Plays one frame of the game.
    fn play_frame(&mut self, now: Instant) {
        let (epoch, frame) = (self.session.epoch(), self.session.next_frame());
        match self.session.push_input(now, game::input(self.options.me, epoch, frame)) {
            Ok(_) => {}
            // The peer is silent or far behind: the game stops and tries the same frame again.
            Err(PushError::WindowFull(_)) => self.stalls += 1,
            Err(_) => self.begin_next_epoch(now),
        }
        // The player who is ahead slows down. The other does not speed up: a machine that wakes late makes both seem to be
        // behind, and both would play faster and faster.
        let interval = self.options.frame_interval();
        let interval = self.pace().map_or(interval, |pace| pace.stretch(interval).max(interval));
        if now.saturating_since(self.next_frame_at) > LATE {
            self.next_frame_at = now;
        }
        self.next_frame_at = self.next_frame_at.saturating_add(interval);
    }

    fn pace(&self) -> Option<Pace> {
        self.session.peer(self.peer)?.pace()
    }

    fn handle_event(&mut self, now: Instant, event: Event<INPUT_LEN>) {
        match event {
            Event::Input { frame, input, .. } => {
                self.input_at = now;
                self.checker.check(frame, input);
            }
            Event::Peer { event, .. } => self.handle_peer_event(now, event),
            event => print_line(format_args!("{event:?}")),
        }
    }

    fn handle_peer_event(&mut self, now: Instant, event: PeerEvent) {
        let player = self.options.peer_player;
        if let (PeerEvent::Health { health, .. }, Some(failover)) = (event, &mut self.failover) {
            failover.handle_health(now, health);
        }
        match event {
            PeerEvent::Connected => {
                print_line(format_args!("player {player} is connected"));
                self.connected = true;
                self.next_frame_at = now;
                if self.phase == Phase::Waiting {
                    self.phase = Phase::Playing;
                    self.started_at = Some(now);
                    self.until = self.options.time.map(|time| now.saturating_add(time));
                }
            }
            PeerEvent::Restarted => {
                print_line(format_args!("player {player} has restarted"));
                self.connected = false;
                self.begin_next_epoch(now);
            }
            PeerEvent::EpochAhead { epoch } => self.begin_epoch(now, epoch),
            PeerEvent::OutOfSync => self.begin_next_epoch(now),
            PeerEvent::PeerClosed { epoch, end } => {
                print_line(format_args!("player {player} has left in epoch {epoch}, before frame {end}"));
                self.close(now);
            }
            PeerEvent::WrongPlayers { sender, receiver } => print_line(format_args!(
                "a hello from player {sender} to player {receiver} arrived: does --peer lead to somebody else, \
                 or are --me and --peer-player wrong?"
            )),
            PeerEvent::Unreadable => print_line(format_args!(
                "hellos of player {player} are unreadable: session id or key differ, compare --session and --key"
            )),
            // Reported at each pause of the game; only the last one matters.
            PeerEvent::Flushed if self.phase != Phase::Finishing => {}
            // A result of closing the session.
            PeerEvent::Health { .. } if self.phase == Phase::Closing => {}
            event => print_line(format_args!("player {player}: {event}")),
        }
    }

    /// Begins an epoch that is new to both players.
    fn begin_next_epoch(&mut self, now: Instant) {
        match self.session.next_epoch() {
            Some(epoch) => self.begin_epoch(now, epoch),
            None => print_line("no epoch is left: start both players anew"),
        }
    }

    /// Begins an epoch, unless it has begun already.
    fn begin_epoch(&mut self, now: Instant, epoch: Epoch) {
        if self.session.begin_epoch(now, epoch).is_ok() {
            print_line(format_args!("epoch {epoch} begins"));
            self.checker.begin_epoch(epoch);
            self.next_frame_at = now;
        }
    }

    fn change_phase(&mut self, now: Instant) {
        let time_is_up = self.until.is_some_and(|until| now >= until);
        match self.phase {
            Phase::Waiting if time_is_up || self.stop.is_requested() => self.close(now),
            Phase::Playing if time_is_up || self.stop.is_requested() => {
                let classic = self.options.wire == Some(Wire::Classic);
                let linger = if classic { CLASSIC_LINGER } else { COMPACT_LINGER };
                self.phase = Phase::Finishing;
                self.ended_at = now;
                self.until = Some(now.saturating_add(linger));
            }
            Phase::Finishing if time_is_up || self.is_settled(now) => self.close(now),
            _ => {}
        }
    }

    /// Whether both players have every input, as far as that can be known.
    fn is_settled(&self, now: Instant) -> bool {
        let quiet = now.saturating_since(self.input_at) >= QUIET;
        let unacked = self.session.peer(self.peer).map_or(0, PeerRef::unacked);
        self.options.wire == Some(Wire::Compact) && unacked == 0 && quiet
    }

    /// Closes the session. The loop continues until nothing more is due.
    fn close(&mut self, now: Instant) {
        if self.phase == Phase::Closing {
            return;
        }
        if self.phase == Phase::Playing {
            self.ended_at = now;
        }
        self.print_status();
        self.phase = Phase::Closing;
        self.until = None;
        self.session.close(now);
        self.drain(now);
    }

    fn is_playing(&self) -> bool {
        self.phase == Phase::Playing && self.connected
    }
}

/// The output of the loop.
impl Driver<'_> {
    fn print_status(&mut self) {
        self.socket.keep_relay();
        if let Some(peer) = self.session.peer(self.peer).filter(|_| self.phase != Phase::Closing) {
            print_line(status(self.session.next_frame(), peer, &self.last_status));
            self.last_status = peer.stats();
        }
    }

    fn summary(&self) -> Summary {
        let options = self.options;
        let stats = self.session.peer(self.peer).map_or(self.last_status, PeerRef::stats);
        let played = self.started_at.map_or(Duration::ZERO, |start| self.ended_at.saturating_since(start));
        let elapsed = stats.at.saturating_since(Instant::ORIGIN).as_secs_f64().max(0.001);
        let kbits = float(stats.totals.bytes_sent * 8) / elapsed / 1_000.0;
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
        summary.add("delivered", self.checker.delivered);
        summary.add("wrong", self.checker.wrong);
        summary.add("late", self.checker.late);
        summary.add("undelivered", self.checker.undelivered());
        summary.add("lost", stats.lost_inputs);
        summary.add("missing", stats.missing);
        summary.add("sent", stats.totals.packets_sent);
        summary.add("dropped", self.socket.dropped);
        summary.add("relayed", self.socket.relayed);
        summary.add("unsent", self.socket.unsent);
        summary.add("received", stats.totals.packets_received);
        summary.add("refused", stats.totals.refused.total());
        summary.add("strangers", self.socket.strangers);
        summary.add_option("inbound_lost", stats.inbound_lost);
        summary.add("bytes_sent", stats.totals.bytes_sent);
        summary.add("kbit_per_s", format_args!("{kbits:.1}"));
        summary.add_option("rtt_us", stats.rtt.map(|rtt| rtt.smoothed.as_micros()));
        summary.add_option("rtt_min_us", stats.rtt.map(|rtt| rtt.min.as_micros()));
        summary.add_option("jitter_us", stats.jitter.map(|jitter| jitter.as_micros()));
        summary
    }
}

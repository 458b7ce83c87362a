//! Two games that play with each other over a [`Network`], and the record of how old each input was.
//!
//! Each game pushes an input a frame, unless it is too far ahead of what it knows of the other one. Both are driven as a session
//! wants it: at each arrival, at each deadline and at each frame, and drained each time; or only now and then.
//!
//! ```
//! use inputwire_sim::duel::{Duel, Player};
//! use inputwire_sim::inputs::Inputs;
//! use inputwire_sim::network::Faults;
//!
//! let mut duel = Duel::new(7, [0, 1].map(|number| Player::<4>::new(number, Inputs::walk(number.into(), 3))));
//! for (from, to) in [(0, 1), (1, 0)] {
//!     duel.network.set_faults(from, to, Faults { delay_us: 30_000, ..Faults::default() });
//! }
//! duel.run_until(10_000_000);
//! let ages = duel.ages(1_000_000..10_000_000);
//! assert!(ages.iter().all(|age| *age == 30_000) && ages.len() > 1_000);
//! ```

use std::ops::Range;

use inputwire::{
    Config, Event, Instant, MAX_DATAGRAM_SIZE, PeerConfig, PeerEvent, PeerId, PeerRef, PushError, Session,
};

use super::bottleneck::HEADERS;
use super::inputs::Inputs;
use super::network::Network;

/// The default frame interval, in microseconds.
pub const FRAME_US: u64 = 16_667;

/// One of the two players, before the start.
#[derive(Clone, Debug)]
pub struct Player<const N: usize> {
    /// The settings of the session.
    pub config: Config,
    /// The other player and the wire.
    pub peer: PeerConfig<N>,
    /// What is pressed.
    pub inputs: Inputs<N>,
    /// How long a frame takes on this machine, in microseconds: longer than the one agreed on if it is slow.
    pub frame_us: u64,
    /// When the first frame begins.
    pub start_us: u64,
    /// How many frames the game runs ahead of the other one's inputs at most: how many it predicts.
    pub limit: Option<u32>,
    /// The input delay: the first push is of this many frames at once.
    pub delay: u32,
    /// Whether each frame is stretched as the session recommends.
    pub follows_pace: bool,
    /// The game calls its session only each so many microseconds: it then handles what has arrived, plays the frames that are due,
    /// and sends. `None` is at each arrival, deadline and frame.
    pub called_every: Option<u64>,
}

impl<const N: usize> Player<N> {
    /// Player 0 or 1 on the compact wire, 60 frames a second, without a limit and without a delay. Player 1 begins 10 ms later.
    ///
    /// # Panics
    ///
    /// If the number is another one.
    #[must_use]
    pub fn new(number: u16, inputs: Inputs<N>) -> Self {
        assert!(number < 2, "player {number} of two");
        let config =
            Config::builder().session_id(7).local_player(number).incarnation(0x5eed_0000_0000 + u64::from(number));
        Self {
            config: config.build().expect("valid settings"),
            peer: PeerConfig::compact(1 - number),
            inputs,
            frame_us: FRAME_US,
            start_us: u64::from(number) * 10_000,
            limit: None,
            delay: 0,
            follows_pace: false,
            called_every: None,
        }
    }
}

/// A frame of a game.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tick {
    /// When.
    pub at: u64,
    /// Why nothing was pushed.
    pub refused: Option<Refused>,
    /// How old the newest input of the other player is that is known, without a missing one: since its push.
    pub known_age: Option<u64>,
    /// How many inputs the other end has not acknowledged.
    pub unacked: u32,
}

/// Why a game stood still for a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It would have run too far ahead.
    Limit,
    /// The session's window was full.
    Full,
}

/// One of the two ends.
#[derive(Debug)]
#[non_exhaustive]
pub struct End<const N: usize> {
    /// How it is set up. A change counts from the next frame on.
    pub player: Player<N>,
    /// The session, to be looked at.
    pub session: Session<1, N>,
    /// When each input was pushed.
    pub pushed: Vec<u64>,
    /// When each input of the other end became known.
    pub known: Vec<u64>,
    /// Every frame so far.
    pub ticks: Vec<Tick>,
    /// What was reported, except inputs.
    pub events: Vec<(u64, PeerEvent)>,
    /// When each datagram was sent, and its bytes with the headers of IP and UDP.
    pub sent: Vec<(u64, usize)>,
    /// Whether it is there at all: one that is not handles, plays and sends nothing.
    pub is_alive: bool,
    /// Whether inputs are pushed.
    pub plays: bool,
    /// What has arrived since the last call.
    inbox: Vec<Vec<u8>>,
    next_call: u64,
    id: PeerId,
    /// The input that was refused, for the next frame.
    pending: Option<[u8; N]>,
    next_tick: u64,
}

impl<const N: usize> End<N> {
    fn new(player: Player<N>) -> Self {
        let mut session = Session::new(player.config);
        let id = session.add_peer(Instant::ORIGIN, player.peer).expect("room for one");
        session.set_input_delay(player.delay);
        let next_tick = player.start_us;
        Self {
            player,
            session,
            pushed: Vec::new(),
            known: Vec::new(),
            ticks: Vec::new(),
            events: Vec::new(),
            sent: Vec::new(),
            is_alive: true,
            plays: true,
            inbox: Vec::new(),
            next_call: 0,
            id,
            pending: None,
            next_tick,
        }
    }

    /// The other end, as this session sees it.
    ///
    /// # Panics
    ///
    /// Never: it is not removed.
    #[must_use]
    pub fn peer(&self) -> PeerRef<'_, N> {
        self.session.peer(self.id).expect("a peer")
    }

    /// How many frames the game has played, its input delay not counted.
    #[must_use]
    pub fn played(&self) -> u32 {
        self.session.next_frame().get().saturating_sub(self.player.delay)
    }

    /// The bytes that were sent in this time, with headers.
    #[must_use]
    pub fn bytes(&self, times: &Range<u64>) -> usize {
        self.sent.iter().filter(|(at, _)| times.contains(at)).map(|(_, bytes)| bytes).sum()
    }

    fn known_end(&self) -> u32 {
        self.peer().last_frame().map_or(0, |frame| frame.get() + 1)
    }

    /// Pushes the input of a frame, and those that the input delay asks for before the first one.
    fn push(&mut self, now: u64) -> Option<Refused> {
        let ahead = self.player.limit.is_some_and(|limit| self.played() >= self.known_end().saturating_add(limit));
        if ahead {
            return Some(Refused::Limit);
        }
        let count = if self.pushed.is_empty() { self.player.delay + 1 } else { 1 };
        for _ in 0..count {
            let input = *self.pending.get_or_insert_with(|| self.player.inputs.take());
            match self.session.push_input(Instant::from_micros(now), input) {
                Ok(_) => {
                    self.pending = None;
                    self.pushed.push(now);
                }
                Err(PushError::WindowFull(_)) => return Some(Refused::Full),
                Err(other) => panic!("{other}"),
            }
        }
        None
    }

    /// When it is to be called next.
    fn wakes(&self, now: u64) -> [Option<u64>; 2] {
        if !self.is_alive {
            return [None; 2];
        }
        if self.player.called_every.is_some() {
            return [Some(self.next_call), None];
        }
        let due = self.session.poll_timeout().map(Instant::as_micros);
        assert!(due.is_none_or(|due| due > now) || now == 0, "a deadline that has passed");
        [due, self.plays.then_some(self.next_tick)]
    }

    /// Whether it is called now.
    fn is_called(&mut self, now: u64) -> bool {
        let called = self.is_alive && self.next_call <= now;
        if called && let Some(every) = self.player.called_every {
            self.next_call = now + every;
        }
        called
    }

    fn take_events(&mut self, now: u64) {
        while let Some(event) = self.session.poll_event() {
            if let Event::Peer { event, .. } = event {
                self.events.push((now, event));
            }
        }
        let known = usize::try_from(self.known_end()).expect("small");
        self.known.resize(known.max(self.known.len()), now);
    }

    fn tick(&mut self, now: u64, other_pushed: &[u64]) {
        let refused = self.push(now);
        let known = self.known.len().checked_sub(1).and_then(|newest| other_pushed.get(newest));
        let known_age = known.map(|pushed| now - pushed);
        self.ticks.push(Tick { at: now, refused, known_age, unacked: self.peer().unacked() });
        let nominal = self.player.config.frame_interval();
        let pace = self.peer().pace().filter(|_| self.player.follows_pace);
        let stretched = pace.map_or(nominal, |pace| pace.stretch(nominal));
        let frame_us = u128::from(self.player.frame_us) * stretched.as_nanos() / nominal.as_nanos().max(1);
        self.next_tick += u64::try_from(frame_us).expect("a frame");
    }
}

/// Two games, in virtual time. The [module](self) shows its use.
#[derive(Debug)]
pub struct Duel<const N: usize> {
    /// The time, in microseconds.
    pub now: u64,
    /// The network between ends 0 and 1.
    pub network: Network,
    /// Both ends.
    pub ends: [End<N>; 2],
}

impl<const N: usize> Duel<N> {
    /// Starts both games, with a network without faults.
    ///
    /// # Panics
    ///
    /// If the settings of a player do not fit its peer, such as no incarnation on the compact wire.
    #[must_use]
    pub fn new(seed: u64, players: [Player<N>; 2]) -> Self {
        Self { now: 0, network: Network::new(2, seed), ends: players.map(End::new) }
    }

    /// Plays up to a time.
    ///
    /// # Panics
    ///
    /// If a session asks to be called again at once.
    pub fn run_until(&mut self, until: u64) {
        loop {
            let wakes = self.ends.iter().flat_map(|end| end.wakes(self.now));
            let next = wakes.chain([self.network.next_arrival()]).flatten().min().unwrap_or(u64::MAX);
            if next >= until {
                self.now = until;
                return;
            }
            self.now = next;
            self.step();
        }
    }

    fn step(&mut self) {
        let now = self.now;
        while let Some(datagram) = self.network.deliver(now) {
            self.ends[datagram.to].inbox.push(datagram.bytes);
        }
        for index in 0..2 {
            let [zero, one] = &mut self.ends;
            let (end, other) = if index == 0 { (zero, one) } else { (one, zero) };
            if !end.is_called(now) {
                continue;
            }
            for datagram in std::mem::take(&mut end.inbox) {
                // An input that overtakes the hello is refused, and resent.
                let _ = end.session.handle_datagram(Instant::from_micros(now), end.id, &datagram);
            }
            end.take_events(now);
            end.session.handle_timeout(Instant::from_micros(now));
            while end.plays && end.next_tick <= now {
                end.tick(now, &other.pushed);
            }
            end.take_events(now);
            self.send(index);
        }
    }

    fn send(&mut self, index: usize) {
        let mut buf = [0; MAX_DATAGRAM_SIZE];
        let end = &mut self.ends[index];
        while let Some(transmit) = end.session.poll_transmit(&mut buf) {
            end.sent.push((self.now, transmit.datagram.len() + HEADERS));
            self.network.send(self.now, index, 1 - index, transmit.datagram);
        }
    }

    /// The age of each input of either player when it became known, for those pushed in this time that are known by now.
    #[must_use]
    pub fn ages(&self, pushed: Range<u64>) -> Vec<u64> {
        self.ages_of(pushed).concat()
    }

    /// The same for the inputs of each player.
    #[must_use]
    pub fn ages_of(&self, pushed: Range<u64>) -> [Vec<u64>; 2] {
        [0, 1].map(|index| {
            let (times, known) = (&self.ends[index].pushed, &self.ends[1 - index].known);
            let first = times.partition_point(|at| *at < pushed.start);
            let end = times.partition_point(|at| *at < pushed.end).max(first);
            let known = known.get(first..end.min(known.len())).unwrap_or(&[]);
            known.iter().zip(&times[first..end]).map(|(known, pushed)| known - pushed).collect()
        })
    }

    /// How old the newest known input was at each frame of either game in this time.
    #[must_use]
    pub fn known_ages(&self, times: &Range<u64>) -> Vec<u64> {
        let ticks = self.ends.iter().flat_map(|end| &end.ticks);
        ticks.filter(|tick| times.contains(&tick.at)).filter_map(|tick| tick.known_age).collect()
    }

    /// In how many frames in this time a game stood still, of how many.
    #[must_use]
    pub fn refused(&self, times: &Range<u64>) -> (usize, usize) {
        let ticks = self.ends.iter().flat_map(|end| &end.ticks).filter(|tick| times.contains(&tick.at));
        ticks.fold((0, 0), |(refused, all), tick| (refused + usize::from(tick.refused.is_some()), all + 1))
    }
}

/// Returns the value that `permille` thousandths of the values are not above; 0 without values.
#[must_use]
pub fn quantile(mut values: Vec<u64>, permille: usize) -> u64 {
    values.sort_unstable();
    let place = (values.len() * permille / 1_000).min(values.len().saturating_sub(1));
    values.get(place).copied().unwrap_or(0)
}

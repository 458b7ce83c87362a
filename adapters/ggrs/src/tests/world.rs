//! Ends of a game over a network in virtual time, and the laws that they keep.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use inputwire_sim::network::{Faults, Network};
use inputwire_sim::rng::Rng;

use super::game::{Game, Pad, State};
use crate::api::{Config, GgrsEvent, InputStatus, NonBlockingSocket, PlayerType, SessionState};
use crate::builder::SessionBuilder;
use crate::clock;
use crate::message::Message;
use crate::p2p::P2PSession;

/// One frame, in microseconds.
pub(crate) const FRAME_US: u64 = 16_667;

/// What is on the way into a session and out of it.
#[derive(Default)]
struct Buffers {
    arrived: Vec<(usize, Message)>,
    sent: Vec<(usize, Vec<u8>)>,
}

/// The socket of an end; clones are the same one.
#[derive(Clone, Default)]
pub(crate) struct Socket(Arc<Mutex<Buffers>>);

impl Socket {
    pub(crate) fn arrive(&self, from: usize, bytes: &[u8]) {
        self.0.lock().expect("one thread").arrived.push((from, Message::new(bytes)));
    }

    pub(crate) fn take_sent(&self) -> Vec<(usize, Vec<u8>)> {
        std::mem::take(&mut self.0.lock().expect("one thread").sent)
    }
}

impl NonBlockingSocket<usize> for Socket {
    fn send_to(&mut self, msg: &Message, addr: &usize) {
        self.0.lock().expect("one thread").sent.push((*addr, msg.bytes().to_vec()));
    }

    fn receive_all_messages(&mut self) -> Vec<(usize, Message)> {
        std::mem::take(&mut self.0.lock().expect("one thread").arrived)
    }
}

/// The inputs that local players gave, by the rules: the first one given for a frame stays, gaps repeat the one before.
#[derive(Default)]
pub(crate) struct Given {
    inputs: Vec<Pad>,
}

impl Given {
    fn give(&mut self, frame: usize, pad: Pad) {
        let last = self.inputs.last().copied().unwrap_or_default();
        if self.inputs.len() <= frame {
            self.inputs.resize(frame, last);
            self.inputs.push(pad);
        }
    }
}

/// A local player of an end.
pub(crate) struct Person {
    pub(crate) handle: usize,
    pub(crate) delay: usize,
    pad: Pad,
}

/// One end of a game.
pub(crate) struct End<C: Config<Input = Pad, State = State, Address = usize>> {
    pub(crate) session: P2PSession<C>,
    pub(crate) socket: Socket,
    pub(crate) game: Game,
    pub(crate) people: Vec<Person>,
    /// When its next frame is due.
    pub(crate) next_at: u64,
    /// Its frame, in microseconds: no two clocks are alike.
    pub(crate) frame_us: u64,
    /// Whether it polls whenever something arrives, or once a frame.
    pub(crate) is_eager: bool,
    pub(crate) is_alive: bool,
    pub(crate) events: Vec<GgrsEvent<C>>,
    /// The hashes after the frames that it called confirmed, when it did.
    settled: Vec<u64>,
}

/// How an end is set up.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    pub(crate) delays: Vec<usize>,
    pub(crate) window: usize,
    pub(crate) is_sparse: bool,
    pub(crate) is_eager: bool,
    pub(crate) frame_us: u64,
    pub(crate) start_us: u64,
}

/// Everything.
pub(crate) struct World<C: Config<Input = Pad, State = State, Address = usize>> {
    pub(crate) now: u64,
    pub(crate) network: Network,
    pub(crate) ends: Vec<End<C>>,
    /// By handle.
    pub(crate) given: Vec<Given>,
    /// Addresses of spectators, at end 0.
    pub(crate) watching: Vec<(usize, Socket)>,
    rng: Rng,
    /// One in so many frames, an input changes.
    pub(crate) changes: u64,
}

impl<C: Config<Input = Pad, State = State, Address = usize>> World<C> {
    pub(crate) fn new(
        seed: u64,
        setups: &[Setup],
        spectators: usize,
        settings: impl Fn(SessionBuilder<C>) -> SessionBuilder<C>,
    ) -> Self {
        clock::imp::set(0);
        let owners: Vec<usize> =
            setups.iter().enumerate().flat_map(|(end, setup)| setup.delays.iter().map(move |_| end)).collect();
        let num_players = owners.len();
        let mut ends = Vec::new();
        for (me, setup) in setups.iter().enumerate() {
            let mut builder = settings(SessionBuilder::new().with_num_players(num_players).expect("players"))
                .with_max_prediction_window(setup.window)
                .with_sparse_saving_mode(setup.is_sparse);
            for (handle, owner) in owners.iter().enumerate() {
                let place = if *owner == me { PlayerType::Local } else { PlayerType::Remote(*owner) };
                builder = builder.add_player(place, handle).expect("a free handle");
            }
            for number in 0..spectators {
                if me == 0 {
                    let place = PlayerType::Spectator(setups.len() + number);
                    builder = builder.add_player(place, num_players + number).expect("a free handle");
                }
            }
            let socket = Socket::default();
            let mut session = builder.start_p2p_session(socket.clone()).expect("valid settings");
            let handles = owners.iter().enumerate().filter(|(_, owner)| **owner == me).map(|(handle, _)| handle);
            let people: Vec<Person> = handles
                .zip(&setup.delays)
                .map(|(handle, delay)| Person { handle, delay: *delay, pad: Pad::new(0) })
                .collect();
            for person in &people {
                session.set_input_delay(person.handle, person.delay).expect("a local player");
            }
            ends.push(End {
                session,
                socket,
                game: Game::default(),
                people,
                next_at: setup.start_us,
                frame_us: setup.frame_us,
                is_eager: setup.is_eager,
                is_alive: true,
                events: Vec::new(),
                settled: Vec::new(),
            });
        }
        Self {
            now: 0,
            network: Network::new(setups.len() + spectators, seed),
            watching: (0..spectators).map(|number| (setups.len() + number, Socket::default())).collect(),
            ends,
            given: (0..num_players).map(|_| Given::default()).collect(),
            rng: Rng::new(seed ^ 0x6767),
            changes: 9,
        }
    }

    pub(crate) fn set_faults(&mut self, faults: Faults) {
        for from in 0..self.network.endpoints() {
            for to in 0..self.network.endpoints() {
                self.network.set_faults(from, to, faults);
            }
        }
    }

    /// Plays until this time.
    pub(crate) fn run(&mut self, until: u64, mut frame: impl FnMut(&mut Self, usize)) {
        loop {
            let due = self.ends.iter().enumerate().filter(|(_, end)| end.is_alive);
            let due = due.map(|(me, end)| (end.next_at, me)).min();
            let arrival = self.network.next_arrival();
            let (at, me) = match (due, arrival) {
                (Some((at, me)), arrival) if arrival.is_none_or(|arrival| at <= arrival) => (at, Some(me)),
                (_, Some(arrival)) => (arrival, None),
                _ => return,
            };
            if at >= until {
                self.set_now(until);
                return;
            }
            self.set_now(at);
            match me {
                Some(me) => {
                    self.frame(me);
                    frame(self, me);
                }
                None => self.deliver(),
            }
        }
    }

    fn set_now(&mut self, now: u64) {
        self.now = self.now.max(now);
        clock::imp::set(self.now);
    }

    fn deliver(&mut self) {
        while let Some(datagram) = self.network.deliver(self.now) {
            let to = datagram.to;
            if let Some((_, socket)) = self.watching.iter().find(|(address, _)| *address == to) {
                socket.arrive(datagram.from, &datagram.bytes);
                continue;
            }
            let end = &mut self.ends[to];
            if end.is_alive {
                end.socket.arrive(datagram.from, &datagram.bytes);
                if end.is_eager {
                    end.session.poll_remote_clients();
                    self.send(to);
                }
            }
        }
    }

    /// Puts what an end has sent on its way.
    pub(crate) fn send(&mut self, me: usize) {
        for (to, bytes) in self.ends[me].socket.take_sent() {
            self.network.send(self.now, me, to, &bytes);
        }
    }

    /// Plays a frame at an end.
    fn frame(&mut self, me: usize) {
        let (changes, now) = (self.changes, self.now);
        let end = &mut self.ends[me];
        let slow = if end.session.frames_ahead() > 0 { end.frame_us / 10 } else { 0 };
        end.next_at = now + end.frame_us + slow;
        end.session.poll_remote_clients();
        end.events.extend(end.session.events());
        if end.session.current_state() == SessionState::Running {
            let before = end.session.current_frame();
            for person in &mut end.people {
                if self.rng.one_in(changes) {
                    person.pad = Pad::new(self.rng.below(256) as u8);
                }
                end.session.add_local_input(person.handle, person.pad).expect("a local player");
                self.given[person.handle].give(before as usize + person.delay, person.pad);
            }
            let requests = end.session.advance_frame().expect("it runs, and has all inputs");
            end.game.run(requests);
            let (current, confirmed) = (end.session.current_frame(), end.session.confirmed_frame());
            assert!(current == before || current == before + 1, "a frame at a time");
            assert_eq!(end.game.state.frame, current, "the game is where the session is");
            let window = end.session.max_prediction() as i32;
            assert!(current - confirmed.max(0) <= window.max(1), "{current} is too far ahead of {confirmed}");
            for frame in end.settled.len() as i32..=confirmed.min(current - 1) {
                end.settled.push(end.game.played[frame as usize].hash);
            }
        }
        self.send(me);
    }

    /// How many frames an end has confirmed and played.
    pub(crate) fn settled(&self, me: usize) -> usize {
        self.ends[me].settled.len()
    }

    /// What a game that knew all inputs would do: `last` says how many frames a player took part in, if it left.
    pub(crate) fn truth(&self, frames: usize, last: &BTreeMap<usize, usize>) -> Vec<u64> {
        let mut state = State::FIRST;
        let mut hashes = Vec::new();
        for frame in 0..frames {
            state.play(self.given.iter().enumerate().map(|(handle, given)| match last.get(&handle) {
                Some(end) if frame >= *end => (Pad::default(), true),
                _ => (given.inputs[frame], false),
            }));
            hashes.push(state.hash);
        }
        hashes
    }

    /// What was confirmed stays, is the same everywhere, and is what a game that knew all inputs would have done.
    pub(crate) fn check(&self, ends: &[usize], last: &BTreeMap<usize, usize>) {
        let most = ends.iter().map(|me| self.settled(*me)).max().unwrap_or(0);
        let truth = self.truth(most, last);
        for me in ends {
            let end = &self.ends[*me];
            for (frame, hash) in end.settled.iter().enumerate() {
                let played = &end.game.played[frame];
                assert_eq!(played.hash, *hash, "end {me}: frame {frame} was confirmed, and changed");
                assert_eq!(*hash, truth[frame], "end {me}: frame {frame} is not what was played elsewhere");
                for (handle, (pad, status)) in played.inputs.iter().enumerate() {
                    let is_gone = last.get(&handle).is_some_and(|end| frame >= *end);
                    assert_eq!(*status == InputStatus::Disconnected, is_gone, "end {me}, frame {frame}: {status}");
                    if *status == InputStatus::Confirmed {
                        assert_eq!(*pad, self.given[handle].inputs[frame], "end {me}, frame {frame}, player {handle}");
                    }
                }
            }
        }
    }

    /// How many frames an end gave to a player before it left.
    pub(crate) fn end_of(&self, me: usize, handle: usize) -> Option<usize> {
        let gone = |played: &super::game::Played| played.inputs[handle].1 == InputStatus::Disconnected;
        self.ends[me].game.played.iter().position(gone)
    }
}

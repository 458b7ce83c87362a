//! The rollback driver of two honest players, and a third one that says whatever it likes.

use inputwire::{Epoch, Frame, MAX_DATAGRAM_SIZE, PeerConfig, Session};
use inputwire_rollback::{Inputs, Rollback, RollbackEvent, Step};
use inputwire_sim::rng::Rng;

use crate::support::forge::Seal;
use crate::support::{MS, T, Wire, at, byte, incarnation};

type Driver = Rollback<u64, Session<2, 1>, 2, 1>;

const PLAYERS: [u16; 3] = [0, 1, 2];

/// The game: its state depends on every input so far.
fn advance(state: &mut u64, inputs: [u8; 3]) {
    for input in inputs {
        *state = state.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(u64::from(input) + 1).rotate_left(17);
    }
}

fn play(state: &mut u64, inputs: &Inputs<'_, 1>) {
    advance(state, PLAYERS.map(|player| inputs.input(player)[0]));
}

/// An honest player, with its game played once more from the confirmed inputs.
struct Honest {
    driver: Driver,
    player: u16,
    twin: u64,
    /// The frames that the twin has played in this epoch.
    played: u32,
    steps: u32,
}

impl Honest {
    fn new(wire: Wire, player: u16) -> Self {
        let mut session = Session::new(wire.settings(player).build().expect("settings"));
        for other in PLAYERS.into_iter().filter(|other| *other != player) {
            let other = PeerConfig::compact(other).incarnation(incarnation(other));
            session.add_peer(at(0), other).expect("room");
        }
        Self { driver: Rollback::new(session, 7), player, twin: 7, played: 0, steps: 0 }
    }

    /// A frame: events, a step, and the twin. Returns what is sent.
    fn frame(&mut self, now: u64, seed: u64) -> Vec<(u16, Vec<u8>)> {
        self.driver.handle_timeout(at(now));
        while let Some(event) = self.driver.poll_event() {
            if let RollbackEvent::EpochBegun { .. } = event {
                (self.twin, self.played) = (7, 0);
            }
        }
        let epoch = self.driver.session().epoch();
        let step = self.driver.step(at(now), [u8::try_from(now / T % 250).expect("a byte")], play);
        self.steps += u32::from(matches!(step, Step::Advanced { .. }));
        if self.driver.session().epoch() != epoch {
            (self.twin, self.played) = (7, 0);
        }
        while let Some(confirmed) = self.driver.confirmed_frame().filter(|frame| frame.get() >= self.played) {
            let frame = Frame::new(self.played);
            let inputs = PLAYERS.map(|player| self.driver.confirmed_input(player, frame).expect("in the window")[0]);
            advance(&mut self.twin, inputs);
            self.played += 1;
            if frame == confirmed {
                let (_, state) = self.driver.confirmed_state().expect("a frame is confirmed");
                assert_eq!(*state, self.twin, "seed {seed}: player {} after frame {frame}", self.player);
            }
        }
        let mut buf = [0; MAX_DATAGRAM_SIZE];
        let mut sent = Vec::new();
        while let Some(transmit) = self.driver.poll_transmit(&mut buf) {
            let to = self.driver.session().peer(transmit.peer).expect("a peer").player();
            sent.push((to, transmit.datagram.to_vec()));
        }
        sent
    }

    fn receive(&mut self, now: u64, from: u16, datagram: &[u8]) {
        if let Some(id) = self.driver.session().peer_of(from) {
            let _ = self.driver.handle_datagram(at(now), id, datagram);
        }
    }
}

/// What the third player tells one of the others.
fn lie(rng: &mut Rng, wire: Wire, to: u16, (epoch, next): (Epoch, u32), end: &mut u32, number: &mut u32) -> Vec<u8> {
    let seal = Seal { epoch: epoch.get(), ..Seal::new(wire, 2, to) };
    match rng.below(40) {
        0..30 => {
            let ahead = if rng.one_in(20) { rng.below(119) } else { rng.below(3) };
            // Beyond the window of what is played, its own inputs are lost to the games, and only they.
            let count = if *end > next + 60 { 0 } else { u8::try_from(ahead.min(50)).expect("small") };
            *end += u32::from(count);
            let body: Vec<u8> = (0..rng.index(3)).map(|_| byte(rng) | 0x80).collect();
            seal.inputs(count, *end, 0, &body)
        }
        30..33 => {
            *number += 1;
            seal.playing(*number, 1).hello()
        }
        33 if rng.one_in(8) => {
            *number += 1;
            let later = epoch.get() + 1 + u32::try_from(rng.below(3)).expect("small");
            Seal { epoch: later, ..seal }.playing(*number, 1).hello()
        }
        34 if rng.one_in(20) => seal.bye(*end),
        35 if rng.one_in(20) => seal.bye(end.saturating_sub(1)),
        36 => seal.checksums(&[&[0; 4][..], &end.to_be_bytes(), &[1; 8]].concat()),
        _ => (0..rng.below(40)).map(|_| byte(rng)).collect(),
    }
}

#[test]
fn whatever_a_third_player_says_no_confirmed_state_is_wrong_and_the_others_play_on_when_it_is_gone() {
    let seeds = if cfg!(debug_assertions) { 60 } else { 1_000 };
    for seed in 0..seeds {
        let mut rng = Rng::new(seed);
        let wire = Wire::COMPACT[rng.index(2)];
        let mut honest = [Honest::new(wire, 0), Honest::new(wire, 1)];
        let (mut ends, mut numbers, mut epochs) = ([0; 2], [1; 2], [Epoch::new(0); 2]);
        let mut flying: Vec<(u64, u16, u16, Vec<u8>)> = Vec::new();
        let (mut now, mut steps) = (0, [0; 2]);
        for frame in 0..900 {
            let (arrived, rest): (Vec<_>, Vec<_>) = flying.into_iter().partition(|(due, ..)| *due <= now);
            flying = rest;
            for (_, from, to, datagram) in arrived {
                honest[usize::from(to)].receive(now, from, &datagram);
            }
            for to in 0..2_u16 {
                let place = usize::from(to);
                let session = honest[place].driver.session();
                let (epoch, next) = (session.epoch(), session.next_frame().get());
                if std::mem::replace(&mut epochs[place], epoch) != epoch {
                    ends[place] = 0;
                }
                // It is gone in the end.
                if frame < 250 {
                    let said = lie(&mut rng, wire, to, (epoch, next), &mut ends[place], &mut numbers[place]);
                    honest[place].receive(now, 2, &said);
                }
                for (other, datagram) in honest[place].frame(now, seed) {
                    if other < 2 {
                        flying.push((now + 20 * MS + rng.below(20 * MS), to, other, datagram));
                    }
                }
            }
            if frame == 800 {
                steps = [0, 1].map(|player: usize| honest[player].steps);
            }
            now += T;
        }
        for (player, before) in steps.into_iter().enumerate() {
            let after = honest[player].steps - before;
            assert!(after >= 90, "seed {seed}: player {player} played {after} of 99 frames");
        }
        assert_eq!(honest[0].driver.session().epoch(), honest[1].driver.session().epoch(), "seed {seed}");
    }
}

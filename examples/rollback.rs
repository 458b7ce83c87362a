//! A rollback engine by hand: predict, compare, roll back, check. Two engines play 10 seconds at 20 % loss.
//!
//! It shows how an engine uses a session. For a game, take `crates/rollback`, which does all of this and more.
//!
//! `cargo run --example rollback`

use inputwire::{Config, Event, Frame, Instant, MAX_DATAGRAM_SIZE, PeerConfig, PeerEvent, PeerId, PeerRef, Session};

/// How many frames an engine predicts. Beyond it, the game waits for the peer.
const PREDICTION: u32 = 8;

struct Engine {
    session: Session<1, 1>,
    peer: PeerId,
    /// `states[f % 16]` is the state before frame f.
    states: [u64; 16],
    /// `used[f % 16]` is the peer's input, known or predicted, with which frame f was simulated.
    used: [u8; 16],
    /// The first frame simulated with a wrong prediction.
    wrong: Option<Frame>,
    /// The next frame to hash.
    unhashed: u32,
    rollbacks: u32,
}

impl Engine {
    fn new(player: u16) -> Self {
        // A program that talks to others draws the incarnation at random, anew at each start.
        let config = Config::builder().local_player(player).incarnation(0x5eed_0000_0001);
        let config = config.build().expect("the settings are valid");
        let mut session = Session::new(config);
        let peer = session.add_peer(Instant::ORIGIN, PeerConfig::compact(1 - player)).expect("there is room for one");
        Self { session, peer, states: [1; 16], used: [0; 16], wrong: None, unhashed: 0, rollbacks: 0 }
    }

    fn drain_events(&mut self) {
        while let Some(event) = self.session.poll_event() {
            match event {
                Event::Input { frame, input: [input], .. } => {
                    let is_simulated = frame < self.session.next_frame();
                    if is_simulated && self.used[slot(frame.get())] != input {
                        self.wrong = Some(self.wrong.map_or(frame, |wrong| wrong.min(frame)));
                    }
                }
                Event::Peer { event: PeerEvent::Desync { frame, .. }, .. } => panic!("the games differ after {frame}"),
                _ => {}
            }
        }
    }

    /// Once a frame. Returns false if the game must wait: it would have to predict too much.
    fn step(&mut self, now: Instant, buttons: u8) -> bool {
        self.drain_events();
        let next = self.session.next_frame().get();
        if let Some(wrong) = self.wrong.take() {
            self.rollbacks += 1;
            (wrong.get()..next).for_each(|frame| self.simulate(frame));
        }
        self.push_checksums(now);
        let known = self.session.peer(self.peer).and_then(PeerRef::last_frame).map_or(0, Frame::get);
        if next.saturating_sub(known) > PREDICTION || self.session.push_input(now, [buttons]).is_err() {
            return false;
        }
        self.simulate(next);
        true
    }

    fn simulate(&mut self, number: u32) {
        let frame = Frame::new(number);
        let local = self.session.local_input(frame).expect("the window is longer than a prediction")[0];
        let peer = self.session.peer(self.peer).expect("it is never removed");
        // Predicts that the peer goes on doing what it did last.
        let predicted = || peer.latest_input().map(|(_, input)| input);
        let remote = peer.remote_input(frame).or_else(predicted).map_or(0, |[input]| input);
        let inputs = if peer.player() == 1 { [local, remote] } else { [remote, local] };
        self.used[slot(number)] = remote;
        // The game: a hash of all inputs.
        let hash = |state: u64, input| (state ^ u64::from(input)).wrapping_mul(0x0100_0000_01b3);
        self.states[slot(number + 1)] = inputs.into_iter().fold(self.states[slot(number)], hash);
    }

    /// Has the session compare the state after every tenth frame, once no rollback can change it.
    fn push_checksums(&mut self, now: Instant) {
        let confirmed = self.session.confirmed_frame().map_or(0, |frame| frame.get() + 1);
        while self.unhashed < confirmed.min(self.session.next_frame().get()) {
            if self.unhashed.is_multiple_of(10) {
                let hash = self.states[slot(self.unhashed + 1)];
                self.session.push_checksum(now, Frame::new(self.unhashed), hash).expect("16 of them can wait");
            }
            self.unhashed += 1;
        }
    }
}

fn slot(frame: u32) -> usize {
    frame as usize % 16
}

fn main() {
    let mut engines = [0, 1].map(Engine::new);
    let mut in_flight: Vec<(u64, usize, Vec<u8>)> = Vec::new();
    let mut buf = [0; MAX_DATAGRAM_SIZE];
    let mut random = 99_u32;
    let mut steps = [0; 2];
    for ms in 0..10_000 {
        let now = Instant::from_micros(ms * 1_000);
        for (_, to, datagram) in in_flight.extract_if(.., |(at, ..)| *at <= ms) {
            let peer = engines[to].peer;
            let _ = engines[to].session.handle_datagram(now, peer, &datagram);
        }
        for (player, engine) in engines.iter_mut().enumerate() {
            engine.session.handle_timeout(now);
            engine.drain_events();
            let [buttons, ..] = (ms / 150 * (3 + player as u64)).to_le_bytes();
            if ms % 16 == 0 && engine.step(now, buttons) {
                steps[player] += 1;
            }
            while let Some(transmit) = engine.session.poll_transmit(&mut buf) {
                random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                if random >> 16 & 0xff >= 51 {
                    in_flight.push((ms + 40, 1 - player, transmit.datagram.to_vec()));
                }
            }
        }
    }
    for (engine, steps) in engines.iter().zip(steps) {
        println!("{steps} frames, {} rollbacks, equal up to frame {}", engine.rollbacks, engine.unhashed);
        assert!(steps > 560 && engine.unhashed > 500, "the game hardly moved");
    }
}

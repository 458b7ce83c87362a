//! Lockstep with two players at each end, and an input delay that changes during the game.
//!
//! Players at one end are one player to the session: `INPUT_LEN` is the sum of their inputs.
//!
//! The game simulates frame f with the inputs pushed for frame f, and pushes for frame f + delay. It changes the delay by
//! pushing once more or once less:
//!
//! - *longer by one*: push the same input twice in one frame, so that the next push is for a later frame;
//! - *shorter by one*: do not push in one frame; earlier pushes are played until the next one.
//!
//! Every frame still has exactly one input, so the other end needs no notice of the change.
//!
//! `cargo run --example delay`

use inputwire::{Config, Event, Frame, Instant, MAX_DATAGRAM_SIZE, PeerConfig, PeerEvent, PeerId, PeerRef, Session};

/// Two players of one byte each.
type Inputs = [u8; 2];

/// How many frames are simulated, and how long each is.
const FRAMES: u32 = 600;
const FRAME_US: u64 = 16_667;

/// One end: its session, and the game.
struct Endpoint {
    session: Session<1, 2>,
    peer: PeerId,
    /// The next frame to simulate.
    simulated: u32,
    /// A hash of everything simulated so far.
    state: u64,
    waited: u32,
}

impl Endpoint {
    fn new(player: u16) -> Self {
        // A program that talks to others draws the incarnation at random, anew at each start.
        let config = Config::builder().session_id(0xde1a).local_player(player).incarnation(0x5eed_0000_0001);
        let config = config.build().expect("the settings are valid");
        let mut session = Session::new(config);
        let peer = session.add_peer(Instant::ORIGIN, PeerConfig::compact(1 - player)).expect("there is room for one");
        Self { session, peer, simulated: 0, state: 0, waited: 0 }
    }

    fn player(&self) -> u16 {
        self.session.config().local_player()
    }

    /// Reads the controls of both players at this end.
    fn read_controls(&self, number: u32) -> Inputs {
        let player = u32::from(self.player());
        [number / 7 + player, number / 11 + 3 * player].map(|value| value.to_le_bytes()[0])
    }

    /// Pushes as many inputs as the delay asks for, then simulates the next frame if all its inputs are known.
    fn step(&mut self, now: Instant, number: u32, delay: u32) {
        let input = self.read_controls(number);
        // The first push is for frame 0: the first `delay` frames repeat it.
        while self.session.next_frame().get() <= self.simulated + delay {
            self.session.push_input(now, input).expect("the delay is shorter than the window");
        }
        let frame = Frame::new(self.simulated);
        let remote = self.session.peer(self.peer).and_then(|peer| peer.remote_input(frame));
        let (Some(local), Some(remote)) = (self.session.local_input(frame), remote) else {
            self.waited += 1;
            return;
        };
        let (first, second) = if self.player() == 0 { (local, remote) } else { (remote, local) };
        for byte in first.into_iter().chain(second) {
            self.state = (self.state ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        self.simulated += 1;
    }
}

fn main() {
    let mut endpoints = [Endpoint::new(0), Endpoint::new(1)];
    let mut in_flight: Vec<(u64, usize, Vec<u8>)> = Vec::new();
    let mut buf = [0; MAX_DATAGRAM_SIZE];
    let mut number = 0;
    while endpoints.iter().any(|endpoint| endpoint.simulated < FRAMES) {
        let now_us = u64::from(number) * FRAME_US;
        let now = Instant::from_micros(now_us);
        for (_, to, datagram) in in_flight.extract_if(.., |(at, ..)| *at <= now_us) {
            let peer = endpoints[to].peer;
            // Inputs before the handshake are refused, and resent.
            let _ = endpoints[to].session.handle_datagram(now, peer, &datagram);
        }
        for (index, endpoint) in endpoints.iter_mut().enumerate() {
            // A real game may follow `suggested_delay`.
            let delay = match endpoint.simulated {
                0..200 => 5,
                200..400 => 8,
                _ => 4,
            };
            if endpoint.simulated < FRAMES {
                endpoint.step(now, number, delay);
            }
            while let Some(event) = endpoint.session.poll_event() {
                if let Event::Peer { event: PeerEvent::Desync { .. } | PeerEvent::Lost { .. }, .. } = event {
                    panic!("{event:?}");
                }
            }
            while let Some(transmit) = endpoint.session.poll_transmit(&mut buf) {
                in_flight.push((now_us + 3 * FRAME_US, 1 - index, transmit.datagram.to_vec()));
            }
        }
        number += 1;
    }
    for endpoint in &endpoints {
        let suggested = endpoint.session.peer(endpoint.peer).and_then(PeerRef::suggested_delay);
        let Endpoint { simulated, waited, state, .. } = endpoint;
        println!("player {}: {simulated} frames, waited {waited} times, state {state:016x}", endpoint.player());
        println!("suggested delay: {suggested:?}");
    }
    assert_eq!(endpoints[0].state, endpoints[1].state, "both ends have simulated the same game");
}

//! Two players at each end, and an input delay that changes in the middle of the game.
//!
//! Several players at one end are one player to the protocol: `INPUT` is the sum of their inputs.
//!
//! A game that simulates frame f with what was pushed for frame f, and pushes for frame f + delay, changes its delay by
//! pushing once more or once less:
//!
//! - *longer by one*: push the same input twice in one frame, so that the next push is for a frame further ahead;
//! - *shorter by one*: do not push in one frame; what was pushed before is played until the next push.
//!
//! Every frame still has exactly one input, and the other end need not be told: it simulates what it gets.

use inputwire::{Config, DATAGRAM_MAX, Event, Frame, Instant, PeerConfig, PeerId, Session};

/// Two players of one byte each.
type Inputs = [u8; 2];

/// Frames a game is simulated, and their length.
const FRAMES: u32 = 600;
const FRAME_US: u64 = 16_667;

/// One end: its session, and the game that plays on it.
struct End {
    session: Session<1, 2>,
    peer: PeerId,
    /// The next frame to simulate, and a hash of everything simulated so far.
    simulated: u32,
    state: u64,
    waited: u32,
}

impl End {
    fn new(player: u16) -> Self {
        let config = Config::builder().session(0xde1a).player(player).build().expect("the defaults are valid");
        let mut session = Session::new(config);
        let peer = session.add_peer(Instant::ORIGIN, PeerConfig::compact(1 - player)).expect("there is room for one");
        Self { session, peer, simulated: 0, state: 0, waited: 0 }
    }

    /// What both players at this end do now.
    fn read_pads(&self, number: u32) -> Inputs {
        let player = u32::from(self.session.config().player() == 1);
        [number / 7 + player, number / 11 + 3 * player].map(|value| value.to_le_bytes()[0])
    }

    /// One frame of the game: pushes as many inputs as the delay asks for, then simulates the next frame if both ends'
    /// inputs are there.
    fn step(&mut self, now: Instant, number: u32, delay: u32) {
        let input = self.read_pads(number);
        // The first input is for frame 0, so the first frames of a game repeat it.
        while self.session.next_frame().get() <= self.simulated + delay {
            self.session.push_input(now, input).expect("the way is short and nothing is lost");
        }
        let frame = Frame::new(self.simulated);
        let (Some(ours), Some(theirs)) = (self.session.own_input(frame), self.session.input(self.peer, frame)) else {
            self.waited += 1;
            return;
        };
        let (first, second) = if self.session.config().player() == 0 { (ours, theirs) } else { (theirs, ours) };
        for byte in first.into_iter().chain(second) {
            self.state = (self.state ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        self.simulated += 1;
    }
}

fn main() {
    let mut ends = [End::new(0), End::new(1)];
    let mut flying: Vec<(u64, usize, Vec<u8>)> = Vec::new();
    let mut buf = [0; DATAGRAM_MAX];
    let mut number = 0;
    while ends.iter().any(|end| end.simulated < FRAMES) {
        let now_us = u64::from(number) * FRAME_US;
        let now = Instant::from_micros(now_us);
        for (_, to, datagram) in flying.extract_if(.., |(at, ..)| *at <= now_us) {
            let peer = ends[to].peer;
            // Inputs before the first greeting are refused, and come again.
            let _ = ends[to].session.handle_datagram(now, peer, &datagram);
        }
        for (index, end) in ends.iter_mut().enumerate() {
            // From 5 frames to 8, and down to 4. What the session suggests may be a guide.
            let delay = match end.simulated {
                0..200 => 5,
                200..400 => 8,
                _ => 4,
            };
            if end.simulated < FRAMES {
                end.step(now, number, delay);
            }
            while let Some(event) = end.session.poll_event() {
                if let Event::Desync { .. } | Event::Lost { .. } = event {
                    panic!("{event:?}");
                }
            }
            while let Some(transmit) = end.session.poll_transmit(&mut buf) {
                flying.push((now_us + 3 * FRAME_US, 1 - index, transmit.datagram.to_vec()));
            }
        }
        number += 1;
    }
    for end in &ends {
        println!(
            "player {}: {} frames, {} waited for, state {:016x}, suggested delay {:?}",
            end.session.config().player(),
            end.simulated,
            end.waited,
            end.state,
            end.session.suggested_delay(end.peer),
        );
    }
    assert_eq!(ends[0].state, ends[1].state, "both ends have simulated the same game");
}

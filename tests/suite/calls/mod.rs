//! Any order of calls is legal, and the answers are those of a model that is too simple to be wrong.

mod forge;
mod model;

use std::time::Duration;

use inputwire::{Config, DATAGRAM_MAX, Epoch, Event, Frame, Instant, PeerConfig, PeerId, Session};
use proptest::prelude::*;

use forge::{FIRST, FRAME_US, INPUT, ME, PEERS, SESSION, Speaker, WINDOW};
use model::Model;

const WINDOW_SIZE: usize = 4;

/// One call, with arguments near what matters; peers are named by number, of which only some exist.
#[derive(Clone, Debug)]
enum Call {
    Push([u8; INPUT]),
    /// Frames from `want` - 4 + `base` on, with an acknowledgement of `next` - `behind`.
    Inputs {
        peer: u32,
        base: u32,
        inputs: Vec<[u8; INPUT]>,
        behind: u32,
    },
    Hello {
        peer: u32,
        newer: i8,
    },
    Garbage {
        peer: u32,
        bytes: Vec<u8>,
    },
    Event,
    Events,
    Transmits,
    Epoch(u32),
    Add(u16),
    Remove(u32),
    Close(u32),
    Open(u32),
    Time(u64),
}

fn call() -> impl Strategy<Value = Call> {
    let peer = 0_u32..4;
    let inputs = prop::collection::vec(any::<[u8; INPUT]>(), 0..6);
    prop_oneof![
        6 => any::<[u8; INPUT]>().prop_map(Call::Push),
        8 => (peer.clone(), 0_u32..7, inputs, 0_u32..6)
            .prop_map(|(peer, base, inputs, behind)| Call::Inputs { peer, base, inputs, behind }),
        1 => (peer.clone(), -1_i8..=1).prop_map(|(peer, newer)| Call::Hello { peer, newer }),
        1 => (peer.clone(), prop::collection::vec(any::<u8>(), 0..40)).prop_map(|(peer, bytes)| Call::Garbage { peer, bytes }),
        2 => Just(Call::Event),
        3 => Just(Call::Events),
        3 => Just(Call::Transmits),
        1 => (0_u32..3).prop_map(Call::Epoch),
        2 => (0_u16..5).prop_map(Call::Add),
        1 => peer.clone().prop_map(Call::Remove),
        1 => peer.clone().prop_map(Call::Close),
        1 => peer.prop_map(Call::Open),
        3 => (0_u64..400_000).prop_map(Call::Time),
    ]
}

/// The session, the model beside it, and the time.
struct Pair {
    session: Session<PEERS, INPUT, WINDOW_SIZE>,
    model: Model,
    now: Instant,
}

impl Pair {
    fn new() -> Self {
        let config = Config::builder()
            .session(SESSION)
            .player(ME)
            .first_frame(Frame::new(FIRST))
            .frame_interval(Duration::from_micros(u64::from(FRAME_US)));
        Self { session: Session::new(config.build().expect("valid")), model: Model::new(), now: Instant::ORIGIN }
    }

    /// Peer 0 or 1 by its place, if there is one there; else a number that perhaps nobody has.
    fn id(&self, peer: u32) -> PeerId {
        let places = self.model.peers.iter().zip(0..);
        places.filter(|(_, place)| *place == peer).map(|(peer, _)| peer.id).next().unwrap_or(PeerId::new(peer))
    }

    /// Makes a call of both, and compares the answers.
    fn make(&mut self, call: &Call) -> Result<(), TestCaseError> {
        let now = self.now;
        match call {
            Call::Push(input) => prop_assert_eq!(self.session.push_input(now, *input), self.model.push(*input)),
            Call::Inputs { peer, base, inputs, behind } => {
                self.handle_inputs(self.id(*peer), *base, inputs, *behind)?;
            }
            Call::Hello { peer, newer } => {
                let id = self.id(*peer);
                let (player, incarnation) = self.model.peer(id).map_or((9, 1), |peer| (peer.player, peer.incarnation));
                let speaker = Speaker {
                    player,
                    incarnation: incarnation.saturating_add_signed((*newer).into()),
                    epoch: self.model.epoch,
                };
                let expected = self.model.hello(id, speaker.incarnation);
                prop_assert_eq!(self.session.handle_datagram(now, id, &speaker.hello()), expected);
            }
            Call::Garbage { peer, bytes } => {
                let before = self.session.clone();
                // Once in 65,536 times the check lets it pass; then nothing can be said.
                prop_assume!(self.session.handle_datagram(now, self.id(*peer), bytes).is_err());
                let (mut one, mut other) = (before, self.session.clone());
                one.handle_timeout(now);
                one.clear_counters();
                other.clear_counters();
                prop_assert_eq!(one, other);
            }
            Call::Event => drop(self.event()?),
            Call::Events => {
                while self.event()? {}
                prop_assert!(self.model.peers.iter().all(|peer| peer.told == peer.want), "an input is not told");
            }
            Call::Transmits => self.transmit()?,
            Call::Epoch(by) => {
                let epoch = Epoch::new(self.model.epoch + by);
                prop_assert_eq!(self.session.begin_epoch(now, epoch), self.model.begin(epoch));
            }
            Call::Add(player) => {
                let peer = PeerConfig::compact(*player).incarnation(5);
                prop_assert_eq!(self.session.add_peer(now, peer), self.model.add(*player, 5));
            }
            Call::Remove(peer) => {
                let id = self.id(*peer);
                self.session.remove_peer(now, id);
                self.model.remove(id);
            }
            Call::Close(peer) => {
                let id = self.id(*peer);
                self.session.close_peer(now, id);
                self.model.peer(id).into_iter().for_each(|peer| peer.open = false);
            }
            Call::Open(peer) => {
                let id = self.id(*peer);
                self.session.open_peer(now, id);
                self.model.peer(id).into_iter().for_each(|peer| peer.open = true);
            }
            Call::Time(us) => {
                self.now = now.saturating_add(Duration::from_micros(*us));
                self.session.handle_timeout(self.now);
            }
        }
        self.compare()
    }

    fn handle_inputs(
        &mut self,
        id: PeerId,
        base: u32,
        inputs: &[[u8; INPUT]],
        behind: u32,
    ) -> Result<(), TestCaseError> {
        let peer = self.model.peer(id).map_or((9, 1, FIRST), |peer| (peer.player, peer.incarnation, peer.want));
        let speaker = Speaker { player: peer.0, incarnation: peer.1, epoch: self.model.epoch };
        let base = (peer.2 + base).saturating_sub(4);
        let ack = self.model.next.saturating_sub(behind);
        let datagram = speaker.inputs(base, inputs, ack);
        let expected = self.model.inputs(id, base, inputs, ack);
        prop_assert_eq!(self.session.handle_datagram(self.now, id, &datagram), expected);
        Ok(())
    }

    /// Takes one event; false if there is none.
    fn event(&mut self) -> Result<bool, TestCaseError> {
        let Some(event) = self.session.poll_event() else { return Ok(false) };
        if let Event::Input { peer, frame, input } = event {
            prop_assert_eq!(Some((frame, input)), self.model.tell(peer));
        }
        Ok(true)
    }

    /// Takes all datagrams; one with inputs carries all that is not acknowledged, and only who is there gets any.
    fn transmit(&mut self) -> Result<(), TestCaseError> {
        let mut buf = [0; DATAGRAM_MAX];
        let mut datagrams = 0;
        while let Some(transmit) = self.session.poll_transmit(&mut buf) {
            datagrams += 1;
            prop_assert!(datagrams <= 2 * PEERS, "more than a hello and an input datagram to each");
            let next = self.model.next;
            let peer = self.model.peer(transmit.peer);
            prop_assert!(peer.as_ref().is_some_and(|peer| peer.open), "to nobody, or to a closed peer");
            let Some(peer) = peer else { return Ok(()) };
            if let &[tag, end, ack, ..] = transmit.datagram
                && tag >= 0x80
            {
                prop_assert!(!peer.halted);
                let said = (u32::from(tag & 15), u32::from(end), u32::from(ack));
                prop_assert_eq!(said, (next - peer.acked, next % 256, peer.want % 256));
            }
        }
        Ok(())
    }

    /// Everything that can be asked.
    fn compare(&self) -> Result<(), TestCaseError> {
        let (session, model) = (&self.session, &self.model);
        prop_assert_eq!(session.epoch().get(), model.epoch);
        prop_assert_eq!(session.next_frame().get(), model.next);
        prop_assert_eq!(session.confirmed(), model.confirmed());
        let ids: Vec<PeerId> = model.peers.iter().map(|peer| peer.id).collect();
        prop_assert_eq!(session.peers().collect::<Vec<_>>(), ids);
        for frame in 0..model.next + 2 * WINDOW {
            prop_assert_eq!(session.own_input(Frame::new(frame)), model.own_input(frame), "own {}", frame);
        }
        for id in (0..12).map(PeerId::new) {
            prop_assert_eq!(session.known(id), model.known(id));
            prop_assert_eq!(session.unacked(id), model.unacked(id));
            prop_assert_eq!(
                session.stats(id).map(|stats| stats.unacked),
                model.peers.iter().find(|peer| peer.id == id).map(|_| model.unacked(id))
            );
            for frame in 0..30 {
                prop_assert_eq!(session.input(id, Frame::new(frame)), model.input(id, frame), "{} {}", id, frame);
            }
        }
        prop_assert!(session.poll_timeout().is_none_or(|due| due > self.now));
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn any_order_of_calls_gives_the_answers_of_the_model(calls in prop::collection::vec(call(), 1..120)) {
        let mut pair = Pair::new();
        pair.make(&Call::Add(1))?;
        pair.make(&Call::Add(2))?;
        for call in &calls {
            pair.make(call)?;
        }
    }
}

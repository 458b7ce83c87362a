//! Any order of calls is legal, and gives the answers of a model too simple to be wrong.

mod forge;
mod model;

use std::time::Duration;

use inputwire::{Config, Epoch, Event, Frame, Instant, MAX_DATAGRAM_SIZE, PeerConfig, PeerId, PeerRef, Session};
use proptest::prelude::*;

use forge::{FIRST, FRAME_US, INPUT_LEN, LOCAL_PLAYER, MAX_PEERS, SESSION_ID, Sender, WINDOW};
use model::Model;

const WINDOW_SIZE: usize = 4;

/// One call, with arguments near the interesting values; peers are numbers, of which only some exist.
#[derive(Clone, Debug)]
enum Call {
    Push([u8; INPUT_LEN]),
    /// Frames from `recv_next` - 4 + `base` on, with an acknowledgement of `next` - `behind`.
    Inputs {
        peer: u32,
        base: u32,
        inputs: Vec<[u8; INPUT_LEN]>,
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
    let inputs = prop::collection::vec(any::<[u8; INPUT_LEN]>(), 0..6);
    prop_oneof![
        6 => any::<[u8; INPUT_LEN]>().prop_map(Call::Push),
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
    session: Session<MAX_PEERS, INPUT_LEN, WINDOW_SIZE>,
    model: Model,
    now: Instant,
}

impl Pair {
    fn new() -> Self {
        let config = Config::builder()
            .session_id(SESSION_ID)
            .local_player(LOCAL_PLAYER)
            .first_frame(Frame::new(FIRST))
            .frame_interval(Duration::from_micros(u64::from(FRAME_US)));
        Self { session: Session::new(config.build().expect("valid")), model: Model::new(), now: Instant::ORIGIN }
    }

    /// The peer in place 0 or 1, if there is one; otherwise a number that perhaps no peer has.
    fn id(&self, peer: u32) -> PeerId {
        let places = self.model.peers.iter().zip(0..);
        places.filter(|(_, place)| *place == peer).map(|(peer, _)| peer.id).next().unwrap_or(PeerId::new(peer))
    }

    /// Makes a call on both, and compares the answers.
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
                let sender = Sender {
                    player,
                    incarnation: incarnation.saturating_add_signed((*newer).into()),
                    epoch: self.model.epoch,
                };
                let expected = self.model.hello(id, sender.incarnation);
                prop_assert_eq!(self.session.handle_datagram(now, id, &sender.hello()), expected);
            }
            Call::Garbage { peer, bytes } => {
                let before = self.session.clone();
                // Once in 65,536 times the tag is right by chance, and the model has no answer.
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
                prop_assert!(
                    self.model.peers.iter().all(|peer| peer.delivered == peer.recv_next),
                    "an input is not delivered"
                );
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
                self.session.handle_transport_closed(now, id);
                self.model.peer(id).into_iter().for_each(|peer| peer.open = false);
            }
            Call::Open(peer) => {
                let id = self.id(*peer);
                self.session.handle_transport_opened(now, id);
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
        inputs: &[[u8; INPUT_LEN]],
        behind: u32,
    ) -> Result<(), TestCaseError> {
        let peer = self.model.peer(id).map_or((9, 1, FIRST), |peer| (peer.player, peer.incarnation, peer.recv_next));
        let sender = Sender { player: peer.0, incarnation: peer.1, epoch: self.model.epoch };
        let base = (peer.2 + base).saturating_sub(4);
        let ack = self.model.next.saturating_sub(behind);
        let datagram = sender.inputs(base, inputs, ack);
        let expected = self.model.inputs(id, base, inputs, ack);
        prop_assert_eq!(self.session.handle_datagram(self.now, id, &datagram), expected);
        Ok(())
    }

    /// Polls one event; false if there is none.
    fn event(&mut self) -> Result<bool, TestCaseError> {
        let Some(event) = self.session.poll_event() else { return Ok(false) };
        if let Event::Input { peer, frame, input } = event {
            prop_assert_eq!(Some((frame, input)), self.model.deliver(peer));
        }
        Ok(true)
    }

    /// Polls all datagrams. An input datagram carries everything unacknowledged, and only open peers are sent anything.
    fn transmit(&mut self) -> Result<(), TestCaseError> {
        let mut buf = [0; MAX_DATAGRAM_SIZE];
        let mut datagrams = 0;
        while let Some(transmit) = self.session.poll_transmit(&mut buf) {
            datagrams += 1;
            prop_assert!(datagrams <= 2 * MAX_PEERS, "more than a hello and an input datagram to each");
            let next = self.model.next;
            let peer = self.model.peer(transmit.peer);
            prop_assert!(peer.as_ref().is_some_and(|peer| peer.open), "to no peer, or to a closed one");
            let Some(peer) = peer else { return Ok(()) };
            if let &[kind, end, ack, ..] = transmit.datagram
                && kind >= 0x80
            {
                prop_assert!(!peer.halted);
                let sent = (u32::from(kind & 15), u32::from(end), u32::from(ack));
                prop_assert_eq!(sent, (next - peer.acked, next % 256, peer.recv_next % 256));
            }
        }
        Ok(())
    }

    /// Compares the answers of every getter.
    fn compare(&self) -> Result<(), TestCaseError> {
        let (session, model) = (&self.session, &self.model);
        prop_assert_eq!(session.epoch().get(), model.epoch);
        prop_assert_eq!(session.next_frame().get(), model.next);
        prop_assert_eq!(session.confirmed_frame(), model.confirmed_frame());
        let ids: Vec<PeerId> = model.peers.iter().map(|peer| peer.id).collect();
        prop_assert_eq!(session.peers().collect::<Vec<_>>(), ids);
        for frame in 0..model.next + 2 * WINDOW {
            prop_assert_eq!(session.local_input(Frame::new(frame)), model.local_input(frame), "local {}", frame);
        }
        for id in (0..12).map(PeerId::new) {
            let peer = session.peer(id);
            let unacked = model.peers.iter().find(|peer| peer.id == id).map(|_| model.unacked(id));
            prop_assert_eq!(peer.map(PeerRef::unacked), unacked);
            prop_assert_eq!(peer.map(|peer| peer.stats().unacked), unacked);
            prop_assert_eq!(peer.and_then(PeerRef::last_frame), model.last_frame(id));
            for number in 0..30 {
                let input = peer.and_then(|peer| peer.remote_input(Frame::new(number)));
                prop_assert_eq!(input, model.remote_input(id, number), "{} {}", id, number);
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

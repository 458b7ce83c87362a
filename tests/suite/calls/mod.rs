//! Any order of calls is legal, and gives the answers of a model too simple to be wrong.

mod forge;
mod model;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use inputwire::{
    Config, Departure, Epoch, Event, Frame, Instant, MAX_DATAGRAM_SIZE, PeerConfig, PeerEvent, PeerId, PeerRef, Session,
};
use proptest::prelude::*;

use crate::support::assert_unchanged;
use forge::{
    FIRST, FRAME_US, Greeting, INPUT_LEN, LOCAL_PLAYER, LOCAL_RUN, MAX_PEERS, NEXT_RUN, PEER_RUN, SESSION_ID, Sender,
    WINDOW,
};
use model::{Model, Word};

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
    /// Of the present run of the peer, or of another one; its number and the one that it answers are near the latest.
    Hello {
        peer: u32,
        other_run: bool,
        named: Named,
        newer: i8,
        answered: i8,
        epoch: u32,
    },
    /// About the players of these bits, each with a run and an end near what is known, perhaps with inputs.
    Word {
        peer: u32,
        have: bool,
        players: u8,
        met: [Met; 5],
        ends: [u32; 5],
        /// `None` for those who do.
        stays: Option<u8>,
        carried: Option<(u8, u32, Vec<[u8; INPUT_LEN]>)>,
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
    /// From so many frames after the next push.
    Join(u16, u32),
    Disconnect(u32),
    Remove(u32),
    Close(u32),
    Open(u32),
    Time(u64),
    CloseSession,
}

/// Which run of a player a word says that its sender has met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Met {
    None,
    Known,
    Next,
}

/// Which run of the session a hello names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Named {
    None,
    Present,
    PlayingWithPresent,
    PlayingWithAnother,
}

fn call() -> impl Strategy<Value = Call> {
    let peer = 0_u32..4;
    let inputs = prop::collection::vec(any::<[u8; INPUT_LEN]>(), 0..6);
    let named = prop_oneof![
        1 => Just(Named::None),
        3 => Just(Named::Present),
        2 => Just(Named::PlayingWithPresent),
        1 => Just(Named::PlayingWithAnother),
    ];
    let hello = (peer.clone(), any::<bool>(), named, -1_i8..=1, -1_i8..=1, 0_u32..3);
    // Mostly about the other one of two.
    let players = prop_oneof![4 => Just(0b100_u8), 4 => Just(0b10_u8), 1 => Just(0b110_u8), 2 => 0_u8..32];
    let carried = (0_u8..2, 0_u32..8, prop::collection::vec(any::<[u8; INPUT_LEN]>(), 0..6));
    let met = prop_oneof![3 => Just(Met::None), 4 => Just(Met::Known), 1 => Just(Met::Next)];
    let said = (prop::array::uniform5(met), prop::array::uniform5(0_u32..12));
    // Mostly the same players stay.
    let stays = prop_oneof![4 => Just(None), 1 => (0_u8..32).prop_map(Some)];
    let word = (0_u32..2, any::<bool>(), players, said, stays, prop::option::of(carried));
    prop_oneof![
        6 => any::<[u8; INPUT_LEN]>().prop_map(Call::Push),
        8 => (peer.clone(), 0_u32..7, inputs, 0_u32..6)
            .prop_map(|(peer, base, inputs, behind)| Call::Inputs { peer, base, inputs, behind }),
        5 => hello.prop_map(|(peer, other_run, named, newer, answered, epoch)| Call::Hello {
            peer,
            other_run,
            named,
            newer,
            answered,
            epoch,
        }),
        1 => (peer.clone(), prop::collection::vec(any::<u8>(), 0..40)).prop_map(|(peer, bytes)| Call::Garbage { peer, bytes }),
        5 => word.prop_map(|(peer, have, players, (met, ends), stays, carried)| Call::Word {
            peer,
            have,
            players,
            met,
            ends,
            stays,
            carried,
        }),
        2 => Just(Call::Event),
        3 => Just(Call::Events),
        3 => Just(Call::Transmits),
        1 => (0_u32..3).prop_map(Call::Epoch),
        2 => (0_u16..5).prop_map(Call::Add),
        1 => (1_u16..4, 0_u32..8).prop_map(|(player, ahead)| Call::Join(player, ahead)),
        2 => peer.clone().prop_map(Call::Disconnect),
        2 => peer.clone().prop_map(Call::Remove),
        1 => peer.clone().prop_map(Call::Close),
        1 => peer.prop_map(Call::Open),
        4 => (0_u64..400_000).prop_map(Call::Time),
        1 => Just(Call::Time(model::SILENCE_US)),
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
            .incarnation(LOCAL_RUN)
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
            Call::Hello { peer, other_run, named, newer, answered, epoch } => {
                self.handle_hello(self.id(*peer), *other_run, *named, (*newer, *answered), *epoch)?;
            }
            Call::Word { peer, have, players, met, ends, stays, carried } => {
                self.handle_word(self.id(*peer), *have, *players, (*met, *ends), *stays, carried.as_ref())?;
            }
            Call::Garbage { peer, bytes } => {
                let mut spared = self.session.clone();
                spared.handle_timeout(now);
                let id = self.id(*peer);
                match self.session.handle_datagram(now, id, bytes) {
                    // Once in 65,536 times the tag is right by chance, and the model has no answer.
                    Ok(()) => prop_assume!(false),
                    Err(reason) => assert_unchanged(&self.session, &spared, id, bytes, reason),
                }
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
                let peer = PeerConfig::compact(*player);
                // Half of them are known from signalling.
                let signalled = (player % 2 == 1).then_some(PEER_RUN);
                let peer = signalled.map_or(peer, |run| peer.incarnation(run));
                prop_assert_eq!(self.session.incarnation(), Some(self.model.local_run()));
                prop_assert_eq!(self.session.add_peer(now, peer), self.model.add(*player, signalled, None));
            }
            Call::Join(player, ahead) => {
                let from = self.model.next + ahead;
                let peer = PeerConfig::compact(*player).from(Frame::new(from));
                prop_assert_eq!(self.session.add_peer(now, peer), self.model.add(*player, None, Some(from)));
            }
            Call::Disconnect(peer) => {
                let id = self.id(*peer);
                self.session.disconnect_peer(now, id);
                self.model.disconnect(id);
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
                let closed = self.model.closed;
                for peer in self.model.peer(id).into_iter().filter(|peer| !peer.open && !closed) {
                    peer.open = true;
                }
            }
            Call::Time(us) => {
                self.now = now.saturating_add(Duration::from_micros(*us));
                self.model.now = self.now.as_micros();
                self.session.handle_timeout(self.now);
            }
            Call::CloseSession => {
                self.session.close(now);
                self.model.closed = true;
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
        let sender = self.sender(id);
        let (recv_next, join) = self.model.peer(id).map_or((FIRST, FIRST), |peer| (peer.recv_next, peer.join));
        let base = (recv_next + base).saturating_sub(4);
        let ack = self.model.next.max(join).saturating_sub(behind);
        let datagram = sender.inputs(base, inputs, ack);
        let expected = self.model.inputs(id, base, inputs, ack);
        prop_assert_eq!(self.session.handle_datagram(self.now, id, &datagram), expected);
        Ok(())
    }

    /// The present run of a peer.
    fn sender(&mut self, id: PeerId) -> Sender {
        let epoch = self.model.epoch;
        self.model.peer(id).map_or(Sender { player: 9, incarnation: PEER_RUN, epoch, receiver: LOCAL_RUN }, |peer| {
            let incarnation = peer.playing().unwrap_or(PEER_RUN);
            Sender { player: peer.player, incarnation, epoch, receiver: peer.local_run }
        })
    }

    fn handle_word(
        &mut self,
        id: PeerId,
        have: bool,
        players: u8,
        (met, ends): ([Met; 5], [u32; 5]),
        stays: Option<u8>,
        carried: Option<&(u8, u32, Vec<[u8; INPUT_LEN]>)>,
    ) -> Result<(), TestCaseError> {
        let sender = self.sender(id);
        let peer_of = |player: u16| self.model.peers.iter().find(|peer| peer.player == player);
        let entry = |player: u16| {
            let run = peer_of(player).and_then(|peer| peer.run).unwrap_or(PEER_RUN);
            let source = match met[usize::from(player)] {
                Met::None => 0,
                Met::Known => forge::source(run),
                Met::Next => forge::source(run + NEXT_RUN),
            };
            let known = peer_of(player).map_or(FIRST, |peer| peer.recv_next);
            (player, (source, (known + ends[usize::from(player)]).saturating_sub(4)))
        };
        let players: BTreeMap<_, _> = (0_u16..5).filter(|player| players >> player & 1 == 1).map(entry).collect();
        let others = self.model.peers.iter().filter(|peer| !peer.named && peer.id != id).map(|peer| peer.player);
        let stays: BTreeSet<_> = match stays {
            _ if players.is_empty() => BTreeSet::new(),
            None => others.filter(|player| !players.contains_key(player)).chain([LOCAL_PLAYER]).collect(),
            // What a list with the sender leads to is not defined.
            Some(any) => (0..5).filter(|player| any >> player & 1 == 1 && *player != sender.player).collect(),
        };
        let carried = carried.filter(|_| !players.is_empty()).map(|(index, base, inputs)| {
            let end = players.values().nth((*index).into()).map_or(FIRST, |(_, end)| *end);
            let base = (end + base).saturating_sub(8);
            (*index, base, inputs.clone())
        });
        let flags = u8::from(have && !players.is_empty());
        let shown = carried.as_ref().map(|(index, base, inputs)| (*index, *base, &inputs[..]));
        let bytes = sender.word(flags, &players, &stays, shown);
        let expected = self.model.word(id, &Word { have, players, stays, carried });
        prop_assert_eq!(self.session.handle_datagram(self.now, id, &bytes), expected);
        Ok(())
    }

    fn handle_hello(
        &mut self,
        id: PeerId,
        other_run: bool,
        named: Named,
        (newer, answered): (i8, i8),
        epoch: u32,
    ) -> Result<(), TestCaseError> {
        let epoch = self.model.epoch + epoch;
        let (player, receiver, run, number, said) =
            self.model.peer(id).map_or((9, LOCAL_RUN, PEER_RUN, 1, 1), |peer| {
                (peer.player, peer.local_run, peer.run.unwrap_or(PEER_RUN), peer.number, peer.said)
            });
        let incarnation = if other_run { run + NEXT_RUN } else { run };
        let greeting = Greeting {
            number: number.saturating_add_signed(newer.into()),
            named: match named {
                Named::None => 0,
                Named::Present | Named::PlayingWithPresent => receiver,
                Named::PlayingWithAnother => receiver + 1,
            },
            answered: said.saturating_add_signed(answered.into()),
            playing: matches!(named, Named::PlayingWithPresent | Named::PlayingWithAnother),
        };
        let hello = Sender { player, incarnation, epoch, receiver }.hello(greeting);
        let expected = self.model.hello(id, incarnation, epoch, greeting);
        prop_assert_eq!(self.session.handle_datagram(self.now, id, &hello), expected);
        Ok(())
    }

    /// Polls one event; false if there is none.
    fn event(&mut self) -> Result<bool, TestCaseError> {
        let Some(event) = self.session.poll_event() else { return Ok(false) };
        if let Event::Input { peer, frame, input } = event {
            prop_assert_eq!(Some((frame, input)), self.model.deliver(peer));
        }
        if let Event::Peer { peer, event: PeerEvent::Departed { last } } = event {
            prop_assert_eq!(self.model.departure(peer), Some(Departure::Departed { last }));
            prop_assert!(self.model.peer(peer).is_some_and(|peer| peer.delivered == peer.recv_next));
        }
        Ok(true)
    }

    /// Polls all datagrams. An input datagram carries everything unacknowledged, and only open peers are sent anything.
    fn transmit(&mut self) -> Result<(), TestCaseError> {
        let mut buf = [0; MAX_DATAGRAM_SIZE];
        let mut datagrams = 0;
        while let Some(transmit) = self.session.poll_transmit(&mut buf) {
            datagrams += 1;
            prop_assert!(datagrams <= 3 * MAX_PEERS, "more than a hello, an input datagram and a word to each");
            let named = self.model.peers.iter().any(|peer| peer.named);
            let (next, closed) = (self.model.next, self.model.closed);
            let peer = self.model.peer(transmit.peer);
            prop_assert!(peer.as_ref().is_some_and(|peer| peer.open), "to no peer, or to a closed one");
            let Some(peer) = peer else { return Ok(()) };
            prop_assert!(!peer.named || matches!(transmit.datagram[0], 0x21 | 0x23), "to one that is out");
            match *transmit.datagram {
                [0x23, _, _, _, count, ..] => {
                    prop_assert!(!closed && named && (peer.named == (count == 0)), "{:02x?}", transmit.datagram);
                }
                [kind @ 0x80..=0xff, end, ack, ..] => {
                    prop_assert!(peer.playing().is_some());
                    let sent = (u32::from(kind & 15), u32::from(end), u32::from(ack));
                    let (count, next) = (next.saturating_sub(peer.acked), next.max(peer.join));
                    prop_assert_eq!(sent, (count, next % 256, peer.recv_next % 256));
                }
                [0x20, ..] => {
                    prop_assert!(!closed);
                    peer.said += 1;
                    let (named, playing) = match (peer.candidate, peer.run) {
                        (Some((run, number)), _) => ((run, number), false),
                        (None, Some(run)) => ((run, peer.number), peer.number > 0),
                        (None, None) => ((0, 0), false),
                    };
                    let said = forge::said(transmit.datagram);
                    prop_assert_eq!(said, (peer.local_run, peer.said, named.0, named.1, playing));
                }
                _ => prop_assert!(closed && peer.linked, "a bye of a session that goes on"),
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
        prop_assert_eq!(session.next_epoch(), model.next_epoch());
        prop_assert!(model.closed || !session.is_closed());
        prop_assert_eq!(session.departures_settled(), model.is_settled());
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
            prop_assert_eq!(peer.map(PeerRef::departure), model.departure(id));
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
    fn any_order_of_calls_gives_the_answers_of_the_model(
        calls in prop::collection::vec(call(), 1..120),
        closes in prop::bool::weighted(0.2),
    ) {
        let mut pair = Pair::new();
        pair.make(&Call::Add(1))?;
        pair.make(&Call::Add(2))?;
        for call in &calls {
            pair.make(call)?;
        }
        if closes {
            pair.make(&Call::CloseSession)?;
            for call in &calls {
                pair.make(call)?;
            }
        }
    }
}

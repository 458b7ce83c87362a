//! A link of 32 kbit/s with a queue of two seconds, and whoever makes the most of it.

use inputwire::{Departure, Event, Health, PeerConfig, PeerEvent, Session};
use inputwire_sim::bottleneck::{Bottleneck, HEADERS, Queue, Rate};
use inputwire_sim::network::Network;
use inputwire_sim::rng::Rng;

use crate::support::gathering::number;
use crate::support::{MS, SECOND, T, Wire, at, byte, drain, events, incarnation};

const RATE: u64 = 32_000;

/// Endpoints of a mesh, each way between two of which is such a link.
struct Narrow<const PEERS: usize, const INPUT_LEN: usize> {
    ends: Vec<Option<Session<PEERS, INPUT_LEN>>>,
    network: Network,
    now: u64,
    rng: Rng,
    /// How many inputs each endpoint was delivered of each player, and how many pushes failed.
    delivered: Vec<Vec<u32>>,
    refused: Vec<u32>,
    reported: Vec<Vec<PeerEvent>>,
    /// Bytes and datagrams that were sent, and words among them.
    bytes: usize,
    words: usize,
}

impl<const PEERS: usize, const INPUT_LEN: usize> Narrow<PEERS, INPUT_LEN> {
    fn new(wire: Wire, count: usize, rate: u64) -> Self {
        let mut network = Network::new(count, 1);
        for (from, to) in (0..count).flat_map(|from| (0..count).map(move |to| (from, to))) {
            network.set_bottleneck(from, to, Some(Bottleneck::new(Rate::steady(rate), Queue::Time(2 * SECOND))));
        }
        let end = |player: usize| {
            let mut session = Session::new(wire.settings(number(player)).build().expect("settings"));
            for other in (0..count).filter(|other| *other != player) {
                let other = PeerConfig::compact(number(other)).incarnation(incarnation(number(other)));
                session.add_peer(at(0), other).expect("room");
            }
            Some(session)
        };
        Self {
            ends: (0..count).map(end).collect(),
            network,
            now: 0,
            rng: Rng::new(7),
            delivered: vec![vec![0; count]; count],
            refused: vec![0; count],
            reported: vec![Vec::new(); count],
            bytes: 0,
            words: 0,
        }
    }

    /// A frame of every game, in steps of a millisecond or so.
    fn frame(&mut self, pushes: bool) {
        let until = self.now + T;
        if pushes {
            for (end, session) in self.ends.iter_mut().enumerate() {
                let input = std::array::from_fn(|_| byte(&mut self.rng));
                if let Some(session) = session {
                    self.refused[end] += u32::from(session.push_input(at(self.now), input).is_err());
                }
            }
        }
        while self.now < until {
            while let Some(datagram) = self.network.deliver(self.now) {
                let Some(session) = &mut self.ends[datagram.to] else { continue };
                let Some(from) = session.peer_of(number(datagram.from)) else { continue };
                let _ = session.handle_datagram(at(self.now), from, &datagram.bytes);
            }
            for end in 0..self.ends.len() {
                let Some(session) = &mut self.ends[end] else { continue };
                session.handle_timeout(at(self.now));
                for event in events(session) {
                    match event {
                        Event::Input { peer, frame, .. } => {
                            let player = session.peer(peer).expect("a peer").player();
                            let count = &mut self.delivered[end][usize::from(player)];
                            assert_eq!(frame.get(), *count, "in order, each once");
                            *count += 1;
                        }
                        Event::Peer { event, .. } => self.reported[end].push(event),
                        _ => {}
                    }
                }
                for (peer, datagram) in drain(session) {
                    let to = usize::from(session.peer(peer).expect("a peer").player());
                    self.bytes += datagram.len() + HEADERS;
                    self.words += usize::from(datagram[0] == 0x23);
                    self.network.send(self.now, end, to, &datagram);
                }
            }
            self.now += MS;
        }
    }

    fn frames(&mut self, count: u64) {
        (0..count).for_each(|_| self.frame(true));
    }

    fn healths(&self, end: usize) -> Vec<Health> {
        let healths = self.reported[end].iter().filter_map(|event| match event {
            PeerEvent::Health { health, .. } => Some(*health),
            _ => None,
        });
        healths.collect()
    }
}

#[test]
fn a_game_of_one_byte_plays_over_32_kbit_without_a_false_alarm() {
    for wire in Wire::COMPACT {
        let mut pair = Narrow::<1, 1>::new(wire, 2, RATE);
        pair.frames(600);
        for end in 0..2 {
            assert!(pair.delivered[end][1 - end] > 560, "{wire:?}: {:?}", pair.delivered);
            let silent = [Health::Deaf, Health::Interrupted, Health::Disconnected];
            assert!(
                !pair.healths(end).iter().any(|health| silent.contains(health)),
                "{wire:?}: {:?}",
                pair.healths(end)
            );
        }
    }
}

#[test]
fn whatever_is_pressed_over_32_kbit_all_of_it_goes_on_arriving_and_nobody_is_given_up() {
    // Sixteen bytes of noise in each frame are half of what the link carries before anything is repeated.
    for wire in Wire::COMPACT {
        let mut pair = Narrow::<1, 16>::new(wire, 2, RATE);
        let mut before = [0; 2];
        for ten_seconds in 0..4 {
            pair.frames(600);
            for (end, before) in before.iter_mut().enumerate() {
                let delivered = pair.delivered[end][1 - end];
                assert!(delivered >= *before + 100, "{wire:?}, {ten_seconds}: {:?}", pair.delivered);
                *before = delivered;
                assert!(!pair.healths(end).contains(&Health::Disconnected), "{wire:?}");
            }
        }
        // Once nobody presses any more, everything is there within a few seconds.
        (0..600).for_each(|_| pair.frame(false));
        for end in 0..2 {
            let pushed = pair.ends[1 - end].as_ref().expect("it lives").next_frame().get();
            assert_eq!(pair.delivered[end][1 - end], pushed, "{wire:?}");
        }
    }
}

#[test]
fn a_departure_over_links_of_32_kbit_completes_and_its_words_do_not_crowd_out_the_game() {
    for wire in Wire::COMPACT {
        let mut mesh = Narrow::<3, 8>::new(wire, 4, RATE);
        mesh.frames(200);
        mesh.ends[3] = None;
        mesh.frames(20);
        let (now, delivered) = (at(mesh.now), mesh.delivered.clone());
        for end in 0..3 {
            let session = mesh.ends[end].as_mut().expect("it lives");
            let peer = session.peer_of(3).expect("a peer");
            session.disconnect_peer(now, peer);
        }
        mesh.words = 0;
        mesh.frames(300);
        let departure = |end: usize| {
            let session = mesh.ends[end].as_ref().expect("it lives");
            session.peer_of(3).and_then(|id| session.peer(id)).expect("a peer").departure()
        };
        for end in 0..3 {
            assert!(matches!(departure(end), Departure::Departed { .. }), "{wire:?}: {:?}", departure(end));
            assert_eq!((departure(end), mesh.delivered[end][3]), (departure(0), mesh.delivered[0][3]));
            assert!(mesh.delivered[end][(end + 1) % 3] > delivered[end][(end + 1) % 3] + 60, "{wire:?}");
        }
        assert!(mesh.words < 600, "{wire:?}: {}", mesh.words);
    }
}

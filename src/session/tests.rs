//! A drain visits only the peers that have something, and misses none of it.

use inputwire_sim::rng::Rng;

use super::Session;
use crate::config::{Config, MAX_DATAGRAM_SIZE, PeerConfig};
use crate::event::Event;
use crate::ids::PeerId;
use crate::peer::visits;
use crate::time::Instant;

const SERVER: u16 = 1_000;

fn at(micros: u64) -> Instant {
    Instant::from_micros(micros)
}

fn session<const MAX_PEERS: usize>(player: u16) -> Session<MAX_PEERS, 1, 30> {
    let config = Config::builder().local_player(player).incarnation(run(player)).mesh(player % 2 == 1);
    Session::new(config.build().expect("valid"))
}

fn run(player: u16) -> u64 {
    0x5eed_0000_0000 + u64::from(player)
}

fn expect(player: u16) -> PeerConfig<1> {
    PeerConfig::compact(player).incarnation(run(player))
}

/// Events, datagrams and the next timeout.
type Outputs = (Vec<Event<1>>, Vec<(PeerId, Vec<u8>)>, Option<Instant>);

/// Everything that is new.
fn drain<const MAX_PEERS: usize>(session: &mut Session<MAX_PEERS, 1, 30>) -> Outputs {
    let mut buf = [0; MAX_DATAGRAM_SIZE];
    let events = core::iter::from_fn(|| session.poll_event()).collect();
    let mut sent = Vec::new();
    while let Some(transmit) = session.poll_transmit(&mut buf) {
        sent.push((transmit.peer, transmit.datagram.to_vec()));
    }
    (events, sent, session.poll_timeout())
}

#[test]
fn a_session_of_two_players_is_small() {
    assert!(size_of::<Session<1, 1>>() <= 1760, "{} bytes", size_of::<Session<1, 1>>());
}

#[test]
fn a_drain_after_a_datagram_visits_its_sender_only() {
    let mut server = Box::new(session::<256>(SERVER));
    let clients = [3, 100, 200];
    let mut ends = clients.map(session::<1>);
    for player in 0..256 {
        server.add_peer(at(0), expect(player)).expect("room");
    }
    for end in &mut ends {
        end.add_peer(at(0), expect(SERVER)).expect("room");
    }
    let (mut now, mut looks) = (0, 0);
    for frame in 0..20_u8 {
        let mut sent = Vec::new();
        server.push_input(at(now), [frame]).expect("a free slot");
        let (_, to_clients, _) = drain(&mut *server);
        for (client, end) in clients.iter().zip(&mut ends) {
            for (_, datagram) in to_clients.iter().filter(|(peer, _)| peer.get() == u32::from(*client)) {
                let _ = end.handle_datagram(at(now), PeerId::new(0), datagram);
            }
            end.push_input(at(now), [frame]).expect("a free slot");
            sent.extend(drain(end).1.into_iter().map(|(_, datagram)| (*client, datagram)));
        }
        for (client, datagram) in sent {
            now += 1_000;
            // While it connects, a client may have the soonest deadline of all, and move it.
            let is_quiet = frame >= 5 && Some(at(now)) < server.poll_timeout();
            visits::take();
            server.handle_datagram(at(now), PeerId::new(client.into()), &datagram).expect("valid");
            drain(&mut *server);
            let visited = visits::take();
            if is_quiet {
                assert_eq!(visited, [u32::from(client)], "frame {frame} at {now}");
                looks += 1;
            }
            server.handle_timeout(at(now));
            assert!(drain(&mut *server).1.is_empty());
            assert!(visits::take().is_empty());
        }
        now = now.max(server.poll_timeout().expect("a deadline").as_micros());
        server.handle_timeout(at(now));
        drain(&mut *server);
        assert_eq!(visits::take().len(), 256);
    }
    assert!(looks >= 40, "{looks}");
}

#[test]
fn a_refused_datagram_of_a_client_visits_nobody_whatever_it_claims_to_be() {
    let mut server = Box::new(session::<256>(SERVER));
    for player in 0..256 {
        server.add_peer(at(0), expect(player)).expect("room");
    }
    drain(&mut *server);
    for kind in 0..=255 {
        let datagram = [kind; 19];
        visits::take();
        assert!(server.handle_datagram(at(0), PeerId::new(77), &datagram).is_err(), "{kind}");
        drain(&mut *server);
        let visited = visits::take();
        assert!(visited.is_empty() || visited == [77], "{kind:02x}: {}", visited.len());
    }
}

/// A session that remembers who is idle, and one that visits everybody, give the same whatever happens.
fn compare(seed: u64) {
    const CLIENTS: u16 = 5;
    let mut rng = Rng::new(seed);
    let me = SERVER + u16::from(rng.one_in(2));
    let mut server = session::<5>(me);
    let mut ends: Vec<_> = (0..CLIENTS).map(session::<1>).collect();
    for (player, end) in (0..).zip(&mut ends) {
        server.add_peer(at(0), expect(player)).expect("room");
        end.add_peer(at(0), expect(me)).expect("room");
    }
    let mut flying: Vec<(u64, usize, bool, Vec<u8>)> = Vec::new();
    let mut buf = [0; MAX_DATAGRAM_SIZE];
    // One client may say nothing for so long that it is sent keep-alives only.
    let (mut now, mute) = (0, rng.one_in(3).then(|| rng.index(ends.len())));
    for step in 0..1_500 {
        now += match rng.below(8) {
            0..3 => 0,
            3..6 => rng.below(3_000),
            6 => rng.below(20_000),
            _ => server.poll_timeout().map_or(0, |due| due.as_micros().saturating_sub(now)),
        };
        if rng.one_in(if mute.is_some() { 30 } else { 200 }) {
            now += rng.below(700_000);
        }
        let client = rng.index(ends.len());
        let id = server.peer_of(client.try_into().expect("small"));
        match rng.below(if mute == Some(client) { 20 } else { 40 }) {
            0..8 if step / 100 % 2 == 0 => drop(server.push_input(at(now), [rng.below(3).try_into().expect("a byte")])),
            8..20 => drop(ends[client].push_input(at(now), [1])),
            20 => server.handle_transport_closed(at(now), id.unwrap_or(PeerId::new(9))),
            21..23 => server.handle_transport_opened(at(now), id.unwrap_or(PeerId::new(9))),
            23 => {
                let junk: Vec<u8> = (0..rng.below(60)).map(|_| rng.below(256).try_into().expect("a byte")).collect();
                let _ = server.handle_datagram(at(now), id.unwrap_or(PeerId::new(9)), &junk);
            }
            24 => drop(ends[client].push_checksum(at(now), crate::Frame::new(0), 7)),
            25 => drop(server.push_checksum(at(now), crate::Frame::new(0), rng.below(2))),
            26 if rng.one_in(10) => server.disconnect_peer(at(now), id.unwrap_or(PeerId::new(9))),
            27 if rng.one_in(4) => {
                server.remove_peer(at(now), id.unwrap_or(PeerId::new(9)));
                let _ = server.add_peer(at(now), expect(client.try_into().expect("small")));
            }
            28 if rng.one_in(60) => server.close(at(now)),
            29 if rng.one_in(30) => ends[client].close(at(now)),
            _ => {}
        }
        for (_, client, to_server, datagram) in flying.extract_if(.., |(due, ..)| *due <= now) {
            if !to_server {
                let _ = ends[client].handle_datagram(at(now), PeerId::new(0), &datagram);
            } else if let Some(id) = server.peer_of(client.try_into().expect("small")) {
                let _ = server.handle_datagram(at(now), id, &datagram);
                break;
            }
        }
        server.handle_timeout(at(now));
        let mut thorough = server.clone();
        thorough.visit_all();
        // Half of the time the drains are seldom complete.
        match rng.below(if step / 200 % 2 == 0 { 8 } else { 6 }) {
            0 => {
                let events = core::iter::from_fn(|| Some((server.poll_event(), thorough.poll_event())));
                for (one, other) in events.take_while(|both| *both != (None, None)) {
                    assert_eq!(one, other, "seed {seed} at {now}");
                }
            }
            1 => {
                let mut other = [0; MAX_DATAGRAM_SIZE];
                assert_eq!(server.poll_transmit(&mut buf), thorough.poll_transmit(&mut other));
            }
            2 => {
                let mut other = [0; MAX_DATAGRAM_SIZE];
                let id = id.unwrap_or(PeerId::new(9));
                assert_eq!(server.poll_transmit_to(id, &mut buf), thorough.poll_transmit_to(id, &mut other));
                assert_eq!(server.poll_timeout(), thorough.poll_timeout());
            }
            3 => {
                let mut other = [0; MAX_DATAGRAM_SIZE];
                while let Some(transmit) = thorough.poll_transmit(&mut other) {
                    assert_eq!(server.poll_transmit(&mut buf), Some(transmit), "seed {seed} at {now}");
                }
                assert_eq!(server.poll_transmit(&mut buf), None);
            }
            4 => {}
            _ => {
                let outputs = drain(&mut server);
                assert_eq!(outputs, drain(&mut thorough), "seed {seed} at {now}");
                for (id, datagram) in outputs.1 {
                    let player = server.peer(id).expect("a peer").player();
                    if !rng.one_in(10) {
                        flying.push((now + rng.below(60_000), player.into(), false, datagram));
                    }
                }
            }
        }
        for (client, end) in ends.iter_mut().enumerate() {
            end.handle_timeout(at(now));
            for (_, datagram) in drain(end).1 {
                if !rng.one_in(10) && (mute != Some(client) || !(200..1_400).contains(&step)) {
                    flying.push((now + rng.below(60_000), client, true, datagram));
                }
            }
        }
    }
}

#[test]
fn a_drain_that_leaves_out_who_is_idle_misses_nothing() {
    let seeds = std::env::var("DRAIN_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(20);
    (0..seeds).for_each(compare);
}

//! Several peers that share one window of local inputs.

use std::time::Duration;

use inputwire::{AddPeerError, Epoch, MAX_DATAGRAM_SIZE, PeerConfig, PeerId, PushError, Session};

use crate::support::forge::Seal;
use crate::support::{MS, SECOND, T, Wire, at, drain, events, frame, incarnation, stalls};

fn id(number: u32) -> PeerId {
    PeerId::new(number)
}

fn unacked<const MAX_PEERS: usize>(session: &Session<MAX_PEERS, 1>, peer: PeerId) -> u32 {
    session.peer(peer).expect("a peer").unacked()
}

/// The session of player 0 with players 1, 2 and 3, whose runs are known.
fn mesh() -> Session<3, 1> {
    let mut session = Session::new(Wire::Compact.settings(0).build().expect("settings"));
    for player in 1..=3 {
        let config = PeerConfig::compact(player).incarnation(incarnation(player));
        session.add_peer(at(0), config).expect("room");
    }
    session
}

fn acknowledge(session: &mut Session<3, 1>, now: u64, player: u16, ack: u32) {
    let datagram = Seal::new(Wire::Compact, player, 0).inputs(0, 0, ack, &[]);
    assert_eq!(session.handle_datagram(at(now), id(u32::from(player) - 1), &datagram), Ok(()));
}

/// How many inputs each peer is sent at this time, in the order of the datagrams.
fn carried(session: &mut Session<3, 1>, now: u64) -> Vec<(u32, u8)> {
    session.handle_timeout(at(now));
    let sent = drain(session).into_iter().filter(|(_, datagram)| datagram[0] >= 0x80);
    let count = |datagram: &[u8]| if datagram[0] & 15 == 15 { 15 + datagram[5] } else { datagram[0] & 15 };
    sent.map(|(peer, datagram)| (peer.get(), count(&datagram))).collect()
}

#[test]
fn each_peer_is_sent_the_inputs_it_has_not_acknowledged() {
    let mut session = mesh();
    for _ in 0..20 {
        session.push_input(at(0), [1]).expect("room");
    }
    assert_eq!(carried(&mut session, 0), [(0, 20), (1, 20), (2, 20)]);
    acknowledge(&mut session, T, 1, 20);
    acknowledge(&mut session, T, 2, 13);
    session.push_input(at(2 * T), [1]).expect("room");
    assert_eq!(carried(&mut session, 2 * T), [(0, 1), (1, 8), (2, 21)]);
    assert_eq!([0, 1, 2].map(|number| unacked(&session, id(number))), [1, 8, 21]);
    // Also where the last drain was at the same time.
    session.push_input(at(2 * T), [1]).expect("room");
    assert_eq!(carried(&mut session, 2 * T), [(0, 2), (1, 9), (2, 22)]);
}

#[test]
fn the_slowest_peer_holds_the_window_and_is_named_until_it_is_removed() {
    let mut session = mesh();
    for number in 0..120 {
        assert_eq!(session.push_input(at(0), [1]), Ok(frame(number)));
    }
    acknowledge(&mut session, 0, 1, 120);
    acknowledge(&mut session, 0, 3, 100);
    assert_eq!(session.push_input(at(0), [1]), Err(PushError::WindowFull(id(1))));
    session.handle_transport_closed(at(0), id(1));
    assert_eq!(session.push_input(at(0), [1]), Err(PushError::WindowFull(id(1))), "closed is not gone");
    session.remove_peer(at(0), id(1));
    for number in 120..220 {
        assert_eq!(session.push_input(at(0), [1]), Ok(frame(number)));
    }
    assert_eq!(session.push_input(at(0), [1]), Err(PushError::WindowFull(id(2))));
}

#[test]
fn the_confirmed_frame_is_the_last_one_received_from_every_peer() {
    let mut session = mesh();
    assert_eq!(session.confirmed_frame(), None);
    for (player, end, confirmed) in [(1, 5, None), (2, 9, None), (3, 3, Some(2)), (3, 7, Some(4)), (1, 8, Some(6))] {
        let count = u8::try_from(end).expect("few");
        let datagram = Seal::new(Wire::Compact, player, 0).inputs(count, end, 0, &[]);
        assert_eq!(session.handle_datagram(at(0), id(u32::from(player) - 1), &datagram), Ok(()));
        assert_eq!(session.confirmed_frame(), confirmed.map(frame));
    }
    session.remove_peer(at(0), id(2));
    assert_eq!(session.confirmed_frame(), Some(frame(7)));
}

#[test]
fn a_peer_can_join_while_the_first_frames_are_still_in_the_window() {
    let mut session: Session<2, 1> = Session::new(Wire::Compact.settings(0).build().expect("settings"));
    let join =
        |session: &mut Session<2, 1>| session.add_peer(at(SECOND), PeerConfig::compact(1).incarnation(incarnation(1)));
    for _ in 0..120 {
        session.push_input(at(0), [1]).expect("no peer holds the window");
    }
    let mut late = session.clone();
    let peer = join(&mut session).expect("frame 0 is still there");
    assert_eq!(unacked(&session, peer), 120);
    assert_eq!(join(&mut session.clone()), Err(AddPeerError::PlayerTaken));
    late.push_input(at(0), [1]).expect("no peer holds the window");
    assert_eq!(join(&mut late), Err(AddPeerError::EpochRunning));
    late.begin_epoch(at(SECOND), Epoch::new(1)).expect("newer");
    assert!(join(&mut late).is_ok());
    let local = late.add_peer(at(SECOND), PeerConfig::compact(0));
    assert_eq!(local, Err(AddPeerError::PlayerTaken), "the local player's number");
    assert!(late.add_peer(at(SECOND), PeerConfig::compact(2)).is_ok());
    assert_eq!(late.add_peer(at(SECOND), PeerConfig::compact(3)), Err(AddPeerError::Full));
}

#[test]
fn one_session_plays_with_peers_on_both_wires() {
    let mut session: Session<2, 1> = Session::new(Wire::Compact.settings(0).build().expect("settings"));
    session.add_peer(at(0), PeerConfig::compact(1).incarnation(incarnation(1))).expect("room");
    session.add_peer(at(0), PeerConfig::classic(2)).expect("room");
    session.push_input(at(0), [7]).expect("room");
    let kinds: Vec<_> = drain(&mut session).iter().map(|(peer, datagram)| (peer.get(), datagram[0])).collect();
    assert_eq!(kinds, [(0, 0x20), (0, 0xc1), (1, 0x01), (1, 0x02), (1, 0x10)]);
}

#[test]
fn a_peer_that_is_not_polled_misses_nothing_and_holds_up_no_other() {
    let mut session: Session<2, 1> = Session::new(Wire::Classic.settings(0).build().expect("settings"));
    let peers = [1, 2].map(|player| session.add_peer(at(0), PeerConfig::classic(player)).expect("room"));
    let mut buf = [0; MAX_DATAGRAM_SIZE];
    let mut to = |session: &mut Session<2, 1>, peer| {
        std::iter::from_fn(|| {
            let transmit = session.poll_transmit_to(peer, &mut buf)?;
            assert_eq!(transmit.peer, peer);
            Some(transmit.datagram.to_vec())
        })
        .collect::<Vec<_>>()
    };
    let mut free = Vec::new();
    for number in 0..10_u8 {
        session.push_input(at(0), [number]).expect("room");
        free.extend(to(&mut session, peers[0]));
    }
    assert_eq!(free.iter().filter(|datagram| datagram[0] == 0x01).count(), 10);
    let late = to(&mut session, peers[1]);
    assert_eq!((late[0][0], late[0][7]), (0x01, 10), "all ten inputs in one datagram");
    assert!(drain(&mut session).is_empty());
    assert!(to(&mut session, PeerId::new(7)).is_empty());
}

#[test]
fn a_stall_is_reported_once_however_many_peers_there_are() {
    for open in 1..=3 {
        let mut session = mesh();
        (open..3).for_each(|number| session.handle_transport_closed(at(0), id(number)));
        drain(&mut session);
        session.handle_timeout(at(10 * SECOND));
        let reported = events(&mut session);
        assert_eq!(stalls(&reported).len(), 1, "{open} peers: {reported:?}");
    }
}

/// A mesh that hears player 1 every 20 ms until nothing is due for 80 ms, and then once more, without taking that event. Returns when.
fn with_an_event_that_waits(session: &mut Session<3, 1>) -> u64 {
    let seal = Seal::new(Wire::Compact, 1, 0);
    let mut inputs = (1..).map(|end| seal.inputs(1, end, 0, &[]));
    let mut hear = |session: &mut Session<3, 1>, now| {
        let input = inputs.next().expect("another one");
        assert_eq!(session.handle_datagram(at(now), id(0), &input), Ok(()));
    };
    for step in 0..1_000 {
        let now = 5 * MS * step;
        session.handle_timeout(at(now));
        if step % 4 == 0 {
            hear(session, now);
        }
        events(session);
        drain(session);
        if step > 200 && session.poll_timeout() > Some(at(now + 80 * MS)) {
            hear(session, now);
            assert!(drain(session).is_empty());
            return now;
        }
    }
    panic!("never idle");
}

#[test]
fn what_becomes_due_to_a_peer_is_sent_in_time_also_where_its_events_wait() {
    let mut session = mesh();
    let now = with_an_event_that_waits(&mut session) + T + T / 2;
    assert_eq!(session.poll_timeout(), Some(at(now)));
    assert_eq!(carried(&mut session, now), [(0, 0)], "the acknowledgement");
}

#[test]
fn a_call_that_comes_late_is_noticed_also_where_events_wait() {
    let mut session = mesh();
    let now = with_an_event_that_waits(&mut session);
    // The acknowledgement was due 35 ms before. So the socket was not read either, and no peer was silent.
    session.handle_timeout(at(now + T + T / 2 + 35 * MS));
    let stats = session.peer(id(0)).expect("a peer").stats();
    assert_eq!(stats.silence, Some(Duration::from_micros(T + T / 2 + 35 * MS)));
    assert!(stats.longest_silence <= Some(Duration::from_millis(25)), "{:?}", stats.longest_silence);
}

//! Players who leave, are lost, or are heard again, and what the driver makes of that.

use inputwire::{Departure, Epoch, Health, Instant, MAX_DATAGRAM_SIZE, PeerConfig, PeerEvent, PeerId, Session};
use inputwire_rollback::{Rollback, RollbackEvent, Step};
use inputwire_sim::rng::Rng;

use crate::game::Game;
use crate::mesh::Mesh;
use crate::pair::{Driver, End, FRAME_US, Pair, config, driver, frame, is_desync, plays_with};

/// The first byte of what survivors say of those who left.
const WORD: u8 = 0x23;

/// Player 1, to whom player 0 has just said goodbye, and the time.
fn left_alone() -> (Driver, u64) {
    let mut pair = Pair::new(driver(0), driver(1), 0);
    pair.frames(60);
    let (mut leaver, mut other, mut now) = (pair.a, pair.b, pair.now);
    leaver.close(Instant::from_micros(now));
    let mut buf = [0; MAX_DATAGRAM_SIZE];
    for _ in 0..1_000 {
        now += 1_000;
        let at = Instant::from_micros(now);
        for end in [&mut leaver, &mut other] {
            end.handle_timeout(at);
        }
        while let Some(transmit) = leaver.poll_transmit(&mut buf) {
            other.receive(at, transmit.datagram);
        }
        while let Some(transmit) = other.poll_transmit(&mut buf) {
            leaver.receive(at, transmit.datagram);
        }
        while let Some(event) = other.poll_event() {
            if matches!(event, RollbackEvent::Peer { event: PeerEvent::PeerClosed { .. }, .. }) {
                return (other, now);
            }
        }
    }
    panic!("its goodbye is repeated");
}

#[test]
fn who_has_said_goodbye_is_disconnected_by_the_next_step_whatever_comes_between() {
    let (other, now) = left_alone();
    assert!(plays_with(&other));
    let step = |mut other: Driver, now: u64| {
        other.step(Instant::from_micros(now), [0, 0], Game::advance);
        plays_with(&other)
    };
    assert!(!step(other.clone(), now));

    // A new epoch.
    let mut begins = other.clone();
    begins.begin_epoch(Instant::from_micros(now), Game::new(0)).expect("epochs are left");
    assert!(!step(begins, now));

    // A silence, short or long.
    for (silence, after) in [(1_000_000, Health::Interrupted), (6_000_000, Health::Disconnected)] {
        let (mut waits, mut health) = (other.clone(), None);
        // No call is late.
        for passed in (0..=silence).step_by(10_000) {
            waits.handle_timeout(Instant::from_micros(now + passed));
            while let Some(event) = waits.poll_event() {
                if let RollbackEvent::Peer { event: PeerEvent::Health { health: now, .. }, .. } = event {
                    health = Some(now);
                }
            }
        }
        assert_eq!(health, Some(after));
        assert!(!step(waits, now + silence), "{silence}");
    }
}

#[test]
fn a_peer_that_is_heard_again_within_the_200_ms_stays_in_the_game() {
    let mut pair = Pair::new(driver(0), driver(1), 0);
    pair.frames(60);
    let (mut a, mut b, mut now) = (pair.a, pair.b, pair.now);
    let (mut health, mut was_lost) = (None, false);
    for _ in 0..500 {
        now += FRAME_US;
        let (at, mut events) = (Instant::from_micros(now), Vec::new());
        // Player 1 hears nothing until it has lost player 0, who hears it all the time.
        let to_b = a.frame(at, [1, 1], &mut Vec::new()).1;
        for datagram in to_b.iter().filter(|_| was_lost) {
            b.receive(at, datagram);
        }
        let to_a = b.frame(at, [2, 2], &mut events).1;
        for datagram in to_a {
            a.receive(at, &datagram);
        }
        for event in events {
            if let RollbackEvent::Peer { event: PeerEvent::Health { health: now, .. }, .. } = event {
                health = Some(now);
            }
        }
        was_lost |= health == Some(Health::Disconnected);
    }
    assert!(was_lost && health != Some(Health::Disconnected), "{health:?}");
    assert!(plays_with(&a) && plays_with(&b));
    assert!(b.confirmed_frame() > Some(frame(200)), "{:?}", b.confirmed_frame());
}

/// A game may differ by inputs of another player who left, which no survivor has.
#[test]
fn whether_the_game_of_one_who_has_left_differs_is_not_reported() {
    for is_accused in [false, true] {
        // Player 1 differs from frame 20 on, and confirms each frame as soon as it plays it.
        let mut mesh = Mesh::new([5, 0, 5], [|_| 0, |game| u64::from(game.frames > 20), |_| 0]);
        while mesh.ends[1].confirmed_frame() < Some(frame(20)) {
            assert!(mesh.ends[1].state().frames < 100);
            mesh.frame(&[1, 0, 2]);
        }
        assert!(mesh.ends[2].confirmed_frame() < Some(frame(20)), "its checksum comes before the local one");
        if is_accused {
            mesh.disconnect(0, 1);
            mesh.send(0);
        }
        let mut desyncs = 0;
        for _ in 0..60 {
            mesh.now += FRAME_US;
            desyncs += mesh.step(2).1.iter().filter(|event| is_desync(event)).count();
            mesh.step(0);
            mesh.send(0);
            mesh.send(2);
        }
        assert!(mesh.ends[2].confirmed_frame() >= Some(frame(20)));
        assert_eq!(desyncs, usize::from(!is_accused));
    }
}

#[test]
fn who_is_in_an_earlier_epoch_than_another_survivor_follows_without_the_inputs_of_one_who_left() {
    let mut mesh = Mesh::new([0; 3], [|game| game.hash; 3]);
    (0..30).for_each(|_| mesh.frame(&[0, 1, 2]));
    // Player 1 has died: the others wait for it, each with inputs of the other.
    (0..20).for_each(|_| mesh.frame(&[0, 2]));
    assert!(matches!(mesh.step(0).0, Step::Waiting(_)));
    let now = mesh.now();
    mesh.ends[2].begin_epoch(now, Game::new(0)).expect("epochs are left");
    mesh.disconnect(0, 1);
    (0..100).for_each(|_| mesh.frame(&[0, 2]));
    for player in [0, 2] {
        let end = &mesh.ends[player];
        assert_eq!(end.session().epoch(), Epoch::new(1), "player {player}");
        assert!(end.confirmed_frame() > Some(frame(50)), "player {player}: {:?}", end.confirmed_frame());
    }
}

#[test]
fn a_newcomer_that_was_called_off_does_not_keep_another_player_who_leaves() {
    let mut mesh = Mesh::new([0; 3], [|game| game.hash; 3]);
    (0..100).for_each(|_| mesh.frame(&[0, 1, 2]));
    let (now, next) = (mesh.now(), mesh.ends[0].session().next_frame().get());
    let newcomer = PeerConfig::compact(3).from(frame(next + 60));
    let newcomer = mesh.ends[0].add_peer(now, newcomer).expect("room");
    (0..5).for_each(|_| mesh.frame(&[0, 1, 2]));
    // Player 1 cannot add it.
    let now = mesh.now();
    mesh.ends[0].remove_peer(now, newcomer);
    assert_eq!(mesh.ends[0].session().peer_of(3), None, "no frame needs it");
    mesh.disconnect(0, 2);
    (0..100).for_each(|_| mesh.frame(&[0, 1]));
    for end in 0..2 {
        let session = mesh.ends[end].session();
        let departure = session.peer(mesh.peer(end, 2)).expect("a peer").departure();
        assert!(matches!(departure, Departure::Departed { .. }), "at {end}: {departure:?}");
        assert!(session.next_frame().get() > next + 90, "{end} plays on");
    }
}

#[test]
fn the_confirmed_frames_of_a_player_that_is_removed_do_not_change_while_it_plays_on() {
    for (drains_before, drains_after) in [(true, true), (false, true), (false, false)] {
        let mut pair = Pair::new(driver(0), driver(1), 3);
        for number in 0..60_u8 {
            pair.frame([[1, 1], [number, 2]]);
        }
        let (mut a, mut b, mut now) = (pair.a, pair.b, pair.now);
        let peer = a.session().peers().next().expect("a peer");
        let (mut flying, mut last) = (vec![Vec::<Vec<u8>>::new(); 3], None);
        for number in 0..30_u8 {
            now += FRAME_US;
            let at = Instant::from_micros(now);
            for datagram in flying.remove(0) {
                // It is unknown once it has gone.
                let _ = a.handle_datagram(at, peer, &datagram);
            }
            a.handle_timeout(at);
            if number != 5 || drains_before {
                while a.poll_event().is_some() {}
            }
            if number == 5 {
                last = a.session().peer(peer).expect("a peer").last_frame();
                a.remove_peer(at, peer);
                while drains_after && a.poll_event().is_some() {}
            }
            a.step(at, [1, 1], Game::advance);
            let mut buf = [0; MAX_DATAGRAM_SIZE];
            while let Some(transmit) = a.poll_transmit(&mut buf) {
                b.receive(at, transmit.datagram);
            }
            flying.push(b.frame(at, [60 + number, 2], &mut Vec::new()).1);
            if let Some((confirmed, state)) = a.confirmed_state() {
                assert_eq!(state.frames, confirmed.get() + 1);
            }
        }
        let mut expected = Game::new(0);
        for number in 0..a.session().next_frame().get() {
            let input = || (1, [u8::try_from(number).expect("a few"), 2]);
            expected.play([(0, [1, 1])].into_iter().chain((Some(frame(number)) <= last).then(input)));
        }
        assert_eq!(a.state(), &expected, "{drains_before} {drains_after}");
        assert!(a.confirmed_frame() > Some(frame(80)));
    }
}

#[test]
fn the_confirmed_frames_of_a_player_that_is_removed_do_not_change_when_others_agree_on_later_ones() {
    let mut mesh = Mesh::new([0; 3], [|game| game.hash; 3]);
    (0..30).for_each(|_| mesh.frame(&[0, 1, 2]));
    // What player 2 does last reaches player 1 only, of whom player 0 knows less.
    (0..2).for_each(|_| mesh.frame_where(&[0, 1, 2], |from, to, _| (from, to) != (1, 0)));
    (0..3).for_each(|_| mesh.frame_where(&[0, 1, 2], |_, to, _| to != 0));
    mesh.disconnect(0, 2);
    (0..2).for_each(|_| mesh.frame_where(&[0, 1], |_, to, _| to != 0));
    let (now, gone) = (mesh.now(), mesh.peer(0, 2));
    mesh.ends[0].remove_peer(now, gone);
    for number in 0..20 {
        // The inputs of player 1 come first, so that nothing is missing but what it says of player 2.
        mesh.frame_where(&[0, 1], |from, _, datagram| number > 0 || from == 0 || datagram[0] != WORD);
        let (confirmed, state) = mesh.ends[0].confirmed_state().expect("some");
        assert_eq!(state.frames, confirmed.get() + 1);
    }
    assert!(mesh.ends[0].confirmed_frame() > Some(frame(40)), "{:?}", mesh.ends[0].confirmed_frame());
}

#[test]
fn whatever_a_player_does_after_it_was_removed_is_no_matter() {
    let mut mesh = Mesh::new([0; 3], [|game| game.hash; 3]);
    (0..30).for_each(|_| mesh.frame(&[0, 1, 2]));
    // Player 1 is interrupted, so no frame is confirmed, and player 2 stays.
    (0..20).for_each(|_| mesh.frame(&[0, 2]));
    let (now, gone) = (mesh.now(), mesh.peer(0, 2));
    mesh.ends[0].remove_peer(now, gone);
    mesh.restart(2);
    let mut events = Vec::new();
    for _ in 0..60 {
        mesh.now += FRAME_US;
        events.extend(mesh.step(0).1);
        mesh.step(2);
        mesh.send(0);
        mesh.send(2);
    }
    let of_removed = |event: &&RollbackEvent| matches!(event, RollbackEvent::Peer { peer, .. } if *peer == gone);
    assert_eq!(events.iter().find(of_removed), None);
    assert_eq!(mesh.ends[0].session().epoch(), Epoch::new(0));
    assert_eq!(mesh.ends[0].session().peer_of(2), Some(gone), "its last frame is not confirmed");
    // Player 1 is back.
    (0..60).for_each(|_| mesh.frame_where(&[0, 1], |from, to, _| from < 2 && to < 2));
    assert_eq!((mesh.ends[0].session().epoch(), mesh.ends[0].session().peer_of(2)), (Epoch::new(0), None));
}

/// A player that was removed before its last frame was confirmed.
#[test]
fn a_player_that_was_removed_comes_back_in_the_epoch_that_begins_then() {
    let mut mesh = Mesh::new([0; 3], [|game| game.hash; 3]);
    (0..30).for_each(|_| mesh.frame(&[0, 1, 2]));
    // Player 1 falls behind for a moment, so that the last frames of player 2 are not confirmed.
    (0..5).for_each(|_| mesh.frame(&[0, 2]));
    mesh.disconnect(0, 2);
    for _ in 0..10 {
        mesh.now += FRAME_US;
        let now = mesh.now();
        for end in 0..2 {
            mesh.ends[end].handle_timeout(now);
            while mesh.ends[end].poll_event().is_some() {}
            mesh.send(end);
        }
    }
    let (now, gone) = (mesh.now(), mesh.peer(0, 2));
    assert!(mesh.ends[0].session().departures_settled());
    mesh.ends[0].remove_peer(now, gone);
    mesh.ends[0].begin_epoch(now, Game::new(1)).expect("epochs are left");
    assert_eq!(mesh.ends[0].add_peer(now, PeerConfig::compact(2)).map(|_| ()), Ok(()));
}

/// A player that was removed before its last frame was confirmed, and then dies, while another one leaves.
#[test]
fn a_removed_player_that_dies_does_not_hold_up_the_departure_of_another() {
    for disconnects in [true, false] {
        let mut mesh = Mesh::new([0; 3], [|game| game.hash; 3]);
        (0..30).for_each(|_| mesh.frame(&[0, 1, 2]));
        // Player 2 falls silent; what player 1 does goes on for some frames.
        (0..20).for_each(|_| mesh.frame(&[0, 1]));
        let (now, gone) = (mesh.now(), mesh.peer(0, 1));
        if disconnects {
            mesh.disconnect(0, 1);
        }
        mesh.ends[0].remove_peer(now, gone);
        // Player 1 is gone, too.
        (0..2_000).for_each(|_| mesh.frame(&[0]));
        let confirmed = mesh.ends[0].confirmed_frame();
        assert!(confirmed > Some(frame(100)), "disconnected first: {disconnects}; {confirmed:?}");
    }
}

/// Steps and polls come in any order with what happens to the transport, also right after a driver took over.
#[test]
fn who_is_gone_for_good_is_disconnected_however_its_transport_flapped() {
    for seed in 0..1_000_u64 {
        let mut rng = Rng::new(seed);
        let mut pair = Pair::new(driver(0), driver(1), 0);
        pair.frames(60);
        let (mut a, mut now) = (if rng.one_in(2) { pair.a } else { pair.b }, pair.now);
        let peer = a.session().peers().next().expect("a peer");
        let mut trace = String::new();
        for _ in 0..rng.below(30) {
            now += rng.below(2) * 1_000;
            let at = Instant::from_micros(now);
            let what = rng.pick(&['c', 'o', 's', 's', 'p', 'p', 't']);
            match what {
                'c' => a.handle_transport_closed(at, peer),
                'o' => a.handle_transport_opened(at, peer),
                's' => drop(a.step(at, [1, 1], Game::advance)),
                'p' => while a.poll_event().is_some() {},
                _ => {
                    // A driver takes over where nothing was pushed.
                    let mut session = a.into_endpoint();
                    let epoch = session.next_epoch().expect("epochs are left");
                    session.begin_epoch(at, epoch).expect("a later one");
                    a = Rollback::new(session, Game::new(0));
                }
            }
            trace.push(what);
        }
        a.handle_transport_closed(Instant::from_micros(now), peer);
        for _ in 0..60 {
            now += FRAME_US;
            a.frame(Instant::from_micros(now), [1, 1], &mut Vec::new());
        }
        assert!(!plays_with(&a), "seed {seed}: {trace}");
    }
}

#[test]
fn a_peer_that_was_added_to_the_driver_and_falls_silent_is_disconnected() {
    let mut a: Driver = Rollback::new(Session::new(config(0)), Game::new(0));
    a.add_peer(Instant::ORIGIN, PeerConfig::compact(1)).expect("a free place");
    let mut pair = Pair::new(a, driver(1), 0);
    pair.frames(60);
    assert!(plays_with(&pair.a));
    for _ in 0..600 {
        pair.now += FRAME_US;
        pair.a.frame(Instant::from_micros(pair.now), [1, 1], &mut Vec::new());
    }
    assert!(!plays_with(&pair.a));
}

/// Each survivor removes who has left once its own session says that all is settled.
#[test]
fn a_survivor_that_removes_who_has_left_leaves_nobody_behind_in_the_next_epoch() {
    for begins in [false, true] {
        let mut mesh = Mesh::new([0; 3], [|game| game.hash; 3]);
        if !begins {
            mesh.ends.iter_mut().for_each(|end| end.end_round(frame(59), Game::new(0)));
        }
        (0..30).for_each(|_| mesh.frame(&[0, 1, 2]));
        (0..5).for_each(|_| mesh.frame(&[0, 1]));
        mesh.disconnect(0, 2);
        for _ in 0..300 {
            mesh.now += FRAME_US;
            let now = mesh.now();
            for player in 0..2 {
                mesh.step(player);
                let end = &mut mesh.ends[player];
                let has_left = |gone: &PeerId| {
                    end.session().peer(*gone).is_some_and(|peer| peer.departure() != Departure::Present)
                };
                let gone = end.session().peer_of(2).filter(has_left);
                if let Some(gone) = gone.filter(|_| end.session().departures_settled()) {
                    end.remove_peer(now, gone);
                    if player == 0 && begins {
                        end.begin_epoch(now, Game::new(0)).expect("epochs are left");
                    }
                }
            }
            (0..2).for_each(|player| mesh.send(player));
        }
        for end in &mesh.ends[..2] {
            assert_eq!((end.session().epoch(), end.session().peer_of(2)), (Epoch::new(1), None), "begins: {begins}");
            assert!(end.confirmed_frame() > Some(frame(50)), "begins: {begins}; {:?}", end.confirmed_frame());
        }
    }
}

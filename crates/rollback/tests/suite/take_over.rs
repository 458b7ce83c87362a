//! Drivers that take over sessions which have been used: by a lobby, or by another driver.

use inputwire::{Departure, Health, Instant, MAX_DATAGRAM_SIZE};
use inputwire_rollback::Rollback;

use crate::game::Game;
use crate::mesh::Mesh;
use crate::pair::{Driver, End, FRAME_US, driver, frame, is_desync, plays_with, session};

#[test]
fn a_driver_takes_over_a_session_from_which_a_player_leaves_or_has_left() {
    let mut departures = Vec::new();
    for (played, late, takes) in (0..60).map(|case| (case / 2 % 3 * 3, case / 6, case % 2 == 0)) {
        let mut mesh = Mesh::new([0; 3], [|game| game.hash; 3]);
        (0..played).for_each(|number| mesh.lobby(takes, &[1, 2], number + 2 < played));
        (0..6).for_each(|_| mesh.lobby(takes, &[1], true));
        if late > 0 {
            mesh.disconnect(1, 2);
        }
        (1..late).for_each(|_| mesh.lobby(takes, &[1], true));
        mesh.take_over();
        let departure = |mesh: &Mesh| mesh.ends[0].session().peer(mesh.peer(0, 2)).expect("a peer").departure();
        departures.push(departure(&mesh));
        if late == 0 {
            mesh.disconnect(1, 2);
        }
        let mut events = Vec::new();
        for _ in 0..60 {
            mesh.now += FRAME_US;
            events.extend([0, 1].into_iter().flat_map(|player| mesh.step(player).1));
            mesh.send(0);
            mesh.send(1);
        }
        assert!(!events.iter().any(is_desync), "{played} {late} {takes}");
        let Departure::Departed { last } = departure(&mesh) else { panic!("{played} {late} {takes}: it has departed") };
        assert_eq!(last, frame(played).get().checked_sub(1).map(frame), "{late} {takes}");
        for player in [0, 1] {
            let (confirmed, state) = mesh.ends[player].confirmed_state().expect("some");
            let mut expected = Game::new(0);
            for number in 0..=confirmed.get() {
                let present = 0..if Some(frame(number)) <= last { 3 } else { 2 };
                expected.play(present.map(|player| (player, [1, 1])));
            }
            assert_eq!(state, &expected, "{played} {late} {takes}");
            assert!(confirmed > frame(50), "{played} {late} {takes}: {confirmed}");
        }
    }
    let is_departing = |departure: &Departure| matches!(departure, Departure::Departing { .. });
    let is_present = |departure: &Departure| *departure == Departure::Present;
    assert!(departures.iter().any(is_departing) && departures.iter().any(is_present), "{departures:?}");
}

/// A departure that the session reports after the first steps of a driver that knows of it already.
#[test]
fn a_departure_before_a_driver_takes_over_changes_no_confirmed_frame() {
    let mut session = session(0);
    let peer = session.peers().next().expect("a peer");
    session.disconnect_peer(Instant::ORIGIN, peer);
    let mut driver: Driver = Rollback::new(session, Game::new(0));
    for number in 0..6 {
        let now = Instant::from_micros(u64::from(number) * FRAME_US);
        // The loop plays first, and takes events after that.
        driver.step(now, [1, 1], Game::advance);
        while driver.poll_event().is_some() {}
        let (confirmed, state) = driver.confirmed_state().expect("it plays alone");
        assert_eq!((confirmed, state.frames), (frame(number), number + 1));
    }
}

#[test]
fn who_was_lost_before_a_driver_took_over_is_disconnected() {
    for takes in [true, false] {
        let (mut a, mut b) = (driver(0), driver(1));
        let (mut buf, peer) = ([0; MAX_DATAGRAM_SIZE], a.session().peers().next().expect("a peer"));
        for number in 0..400 {
            let now = Instant::from_micros(number * FRAME_US);
            a.handle_timeout(now);
            while takes && a.poll_event().is_some() {}
            let to_b = std::iter::from_fn(|| a.poll_transmit(&mut buf).map(|transmit| transmit.datagram.to_vec()));
            to_b.collect::<Vec<_>>().iter().for_each(|datagram| b.receive(now, datagram));
            for datagram in b.frame(now, [1, 1], &mut Vec::new()).1 {
                if number < 20 {
                    a.receive(now, &datagram);
                }
            }
        }
        assert_eq!(a.session().peer(peer).expect("a peer").health(), Health::Disconnected);
        let mut a: Driver = Rollback::new(a.into_endpoint(), Game::new(0));
        for number in 400..430 {
            a.frame(Instant::from_micros(number * FRAME_US), [1, 1], &mut Vec::new());
        }
        assert!(!plays_with(&a) && a.confirmed_frame() > Some(frame(20)), "{takes}: {:?}", a.confirmed_frame());
    }
}

/// A silence that ends between the take-over and the first poll.
#[test]
fn a_peer_that_is_heard_again_after_a_driver_took_over_stays_in_the_game() {
    let mut failed = Vec::new();
    for (closes, polls) in [(false, true), (false, false), (true, true), (true, false)] {
        let (mut a, mut b) = (driver(0), driver(1));
        let peer = a.session().peers().next().expect("a peer");
        let mut buf = [0; MAX_DATAGRAM_SIZE];
        let last = if closes { 40 } else { 345 };
        let mut heard = Vec::new();
        for number in 0..last {
            let now = Instant::from_micros(number * FRAME_US);
            a.handle_timeout(now);
            while (polls || number < 20) && a.poll_event().is_some() {}
            let to_b = std::iter::from_fn(|| a.poll_transmit(&mut buf).map(|transmit| transmit.datagram.to_vec()));
            to_b.collect::<Vec<_>>().iter().for_each(|datagram| b.receive(now, datagram));
            let sent = b.frame(now, [1, 1], &mut Vec::new()).1;
            if number < 20 || closes {
                for datagram in &sent {
                    a.receive(now, datagram);
                }
            } else {
                heard.extend(sent);
            }
        }
        let now = Instant::from_micros(last * FRAME_US);
        a.handle_timeout(now);
        if closes {
            a.handle_transport_closed(now, peer);
            while polls && a.poll_event().is_some() {}
        }
        assert_eq!(a.session().peer(peer).expect("a peer").health(), Health::Disconnected);
        let mut a: Driver = Rollback::new(a.into_endpoint(), Game::new(0));
        // It is heard again, before the driver is asked for events.
        if closes {
            a.handle_transport_opened(now, peer);
        }
        if let Some(datagram) = heard.last() {
            a.receive(now, datagram);
        }
        let health = a.session().peer(peer).expect("a peer").health();
        assert_ne!(health, Health::Disconnected);
        for number in last..last + 5 {
            let now = Instant::from_micros(number * FRAME_US);
            let to_b = a.frame(now, [1, 1], &mut Vec::new()).1;
            for datagram in &to_b {
                b.receive(now, datagram);
            }
            for datagram in b.frame(now, [1, 1], &mut Vec::new()).1 {
                a.receive(now, &datagram);
            }
        }
        if !plays_with(&a) {
            failed.push((closes, polls, health));
        }
    }
    assert_eq!(failed, [], "(its transport was closed, the lobby took all events, health before the first poll)");
}

/// A driver that takes over inputs that were not taken, and is not asked for events for some steps.
#[test]
fn a_driver_that_is_polled_late_after_it_took_over_confirms_the_same_states() {
    let mut sessions = [0, 1].map(session);
    let peer = sessions[0].peers().next().expect("a peer");
    let mut buf = [0; MAX_DATAGRAM_SIZE];
    let mut now = 0;
    for number in 0..40_u8 {
        now += FRAME_US;
        let at = Instant::from_micros(now);
        sessions[1].push_input(at, [number, 9]).expect("room");
        for (from, to) in [(0, 1), (1, 0)] {
            sessions[from].handle_timeout(at);
            while let Some(transmit) = sessions[from].poll_transmit(&mut buf) {
                let bytes = transmit.datagram.to_vec();
                sessions[to].handle_datagram(at, peer, &bytes).expect("right");
            }
        }
    }
    let [session, _] = sessions;
    let known = session.peer(peer).expect("a peer").last_frame();
    assert!(known > Some(frame(30)), "{known:?}");
    let mut wrong = Vec::new();
    for steps in 0..40 {
        let mut driver: Driver = Rollback::new(session.clone(), Game::new(0));
        for number in 0..60 {
            let at = Instant::from_micros(now + u64::try_from(number).expect("few") * 1_000);
            driver.handle_timeout(at);
            while number >= steps && driver.poll_event().is_some() {}
            driver.step(at, [1, 1], Game::advance);
        }
        let (confirmed, state) = driver.confirmed_state().expect("some");
        let mut expected = Game::new(0);
        for number in 0..=confirmed.get() {
            expected.play([(0, [1, 1]), (1, [u8::try_from(number).expect("few"), 9])]);
        }
        if state != &expected {
            wrong.push((steps, confirmed.get(), state.frames));
        }
    }
    assert_eq!(
        wrong,
        [],
        "(steps before the events are taken, last confirmed frame, frames that its state has played)"
    );
}

/// An input delay that the lobby told.
#[test]
fn the_input_delay_of_a_session_that_is_taken_over_is_that_of_the_driver() {
    let (mut told, fresh) = (session(0), session(0));
    told.set_input_delay(5);
    let told: Driver = Rollback::new(told, Game::new(0));
    let fresh: Driver = Rollback::new(fresh, Game::new(0));
    assert_eq!(told.input_delay(), 0);
    assert!(told.session() == fresh.session(), "the session announces a delay that the driver does not have");
}

//! Players who leave, are lost, or are heard again, and what the driver makes of that.

use inputwire::{Config, Departure, Epoch, Health, Instant, MAX_DATAGRAM_SIZE, PeerConfig, PeerEvent, PeerId, Session};
use inputwire_rollback::{Rollback, RollbackEvent, Step};
use inputwire_sim::rng::Rng;

use crate::game::{Game, LEN};
use crate::pair::{Driver, End, FRAME_US, Pair, config, driver, frame, session};

/// The first byte of what survivors say of those who left.
const WORD: u8 = 0x23;

/// The only peer of a driver, and whether the driver plays with it.
fn plays_with(driver: &Driver) -> bool {
    let session = driver.session();
    let peer = session.peers().next().and_then(|peer| session.peer(peer)).expect("a peer");
    peer.departure() == Departure::Present
}

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

/// A session of one of three players, with both others.
fn meshed(config: Config) -> Session<3, LEN> {
    let player = config.local_player();
    let mut session = Session::new(config);
    for other in (0..3).filter(|other| *other != player) {
        session.add_peer(Instant::ORIGIN, PeerConfig::compact(other)).expect("a free place");
    }
    session
}

/// Three players in one place, everything between whom arrives at once.
struct Mesh {
    ends: [Rollback<Game, Session<3, LEN>, 3, LEN>; 3],
    now: u64,
}

impl Mesh {
    fn new(delays: [u32; 3], hashes: [fn(&Game) -> u64; 3]) -> Self {
        let ends = [0, 1, 2].map(|player: u16| {
            let at = usize::from(player);
            let session = meshed(config(player));
            Rollback::new(session, Game::new(0)).with_checksums(10, hashes[at]).with_input_delay(delays[at])
        });
        Self { ends, now: 0 }
    }

    fn now(&self) -> Instant {
        Instant::from_micros(self.now)
    }

    fn peer(&self, of: usize, player: u16) -> PeerId {
        self.ends[of].session().peer_of(player).expect("a peer")
    }

    /// One takes its events, and plays a frame.
    fn step(&mut self, player: usize) -> (Step, Vec<RollbackEvent>) {
        let (now, end) = (self.now(), &mut self.ends[player]);
        end.handle_timeout(now);
        let events = std::iter::from_fn(|| end.poll_event()).collect();
        (end.step(now, [1, 1], Game::advance), events)
    }

    /// What one has to send arrives.
    fn send(&mut self, player: usize) {
        self.send_where(player, |_, _| true);
    }

    /// What one has to send arrives where `arrives` says so.
    fn send_where(&mut self, player: usize, arrives: impl Fn(usize, &[u8]) -> bool) {
        let (now, mut buf) = (self.now(), [0; MAX_DATAGRAM_SIZE]);
        self.ends[player].handle_timeout(now);
        while let Some(transmit) = self.ends[player].poll_transmit(&mut buf) {
            let session = self.ends[player].session();
            let to = usize::from(session.peer(transmit.peer).expect("a peer").player());
            // Who has been told to join may never come.
            if to >= self.ends.len() || !arrives(to, transmit.datagram) {
                continue;
            }
            let Some(from) = self.ends[to].session().peer_of(session.config().local_player()) else { continue };
            // Of one who has left nothing is taken.
            let _ = self.ends[to].handle_datagram(now, from, transmit.datagram);
        }
    }

    /// These play a frame each, and then send, in this order.
    fn frame(&mut self, players: &[usize]) {
        self.frame_where(players, |_, _, _| true);
    }

    /// The same, where `arrives` says what arrives from whom to whom.
    fn frame_where(&mut self, players: &[usize], arrives: impl Fn(usize, usize, &[u8]) -> bool) {
        self.now += FRAME_US;
        for player in players {
            self.step(*player);
        }
        for player in players {
            self.send_where(*player, |to, datagram| arrives(*player, to, datagram));
        }
    }

    /// Player 0 plays no frame and takes its events, or not; of the others, these play one, and player 2 may not reach it.
    fn lobby(&mut self, takes: bool, players: &[usize], reaches: bool) {
        self.now += FRAME_US;
        let now = self.now();
        self.ends[0].handle_timeout(now);
        while takes && self.ends[0].poll_event().is_some() {}
        for player in players {
            self.step(*player);
        }
        self.send(0);
        for player in players {
            self.send_where(*player, |to, _| reaches || (*player, to) != (2, 0));
        }
    }

    /// Another driver takes over the session of player 0.
    fn take_over(&mut self) {
        let session = self.ends[0].clone().into_endpoint();
        self.ends[0] = Rollback::new(session, Game::new(0)).with_checksums(10, |game| game.hash);
    }

    fn disconnect(&mut self, by: usize, player: u16) {
        let (now, peer) = (self.now(), self.peer(by, player));
        self.ends[by].disconnect_peer(now, peer);
    }
}

/// A game may differ by inputs of another player who left, which no survivor has.
#[test]
fn whether_the_game_of_one_who_has_left_differs_is_not_reported() {
    let is_desync =
        |event: &RollbackEvent| matches!(event, RollbackEvent::Peer { event: PeerEvent::Desync { .. }, .. });
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
fn the_frames_of_who_is_ahead_last_longer_and_nobody_hurries() {
    let (mut ahead, behind) = (driver(0), driver(1));
    let interval = ahead.session().config().frame_interval();
    for _ in 0..6 {
        ahead.step(Instant::ORIGIN, [0, 0], Game::advance);
    }
    assert_eq!(ahead.frame_interval(), interval);
    let mut pair = Pair::new(ahead, behind, 0);
    pair.frames(120);
    assert!(pair.a.frame_interval() > interval);
    assert_eq!(pair.b.frame_interval(), interval);
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
fn every_survivor_plays_a_round_to_its_end_with_the_last_inputs_of_one_who_died_in_it() {
    let (mut mesh, last) = (Mesh::new([0; 3], [|game| game.hash; 3]), frame(59));
    for end in &mut mesh.ends {
        end.end_round(last, Game::new(1));
    }
    let mut confirmed = [None; 2];
    for number in 0..600 {
        // The last inputs of player 2 reach player 0 only, whose own ones do not reach it. Then it dies.
        let players: &[usize] = if number > 64 { &[0, 1] } else { &[0, 1, 2] };
        mesh.frame_where(players, |from, to, _| number <= 54 || !matches!((from, to), (2, 1) | (0, 2)));
        for (end, confirmed) in mesh.ends.iter().zip(&mut confirmed) {
            if end.session().epoch() == Epoch::new(0) {
                *confirmed = end.confirmed_frame();
            }
        }
    }
    assert_eq!(confirmed, [Some(last); 2]);
    assert_eq!([0, 1].map(|end| mesh.ends[end].session().epoch()), [Epoch::new(1); 2]);
}

#[test]
fn a_round_does_not_wait_for_a_survivor_that_was_restarted_before_a_departure_was_settled() {
    let (mut mesh, last) = (Mesh::new([0; 3], [|game| game.hash; 3]), frame(59));
    mesh.ends[0].end_round(last, Game::new(1));
    for number in 0..65 {
        mesh.frame_where(&[0, 1, 2], |from, to, _| number <= 54 || !matches!((from, to), (2, 1) | (0, 2)));
    }
    assert_eq!((mesh.ends[0].confirmed_frame(), mesh.ends[0].session().epoch()), (Some(last), Epoch::new(0)));
    let again = Config::builder().local_player(1).incarnation(77 << 40).build().expect("valid settings");
    mesh.ends[1] = Rollback::new(meshed(again), Game::new(0));
    mesh.disconnect(0, 2);
    (0..100).for_each(|_| mesh.frame(&[0, 1]));
    assert_eq!(mesh.ends[0].session().epoch(), Epoch::new(1));
}

#[test]
fn a_round_waits_for_a_departure_until_the_newcomer_that_another_end_lacks_is_given_up() {
    let mut mesh = Mesh::new([0; 3], [|game| game.hash; 3]);
    (0..30).for_each(|_| mesh.frame(&[0, 1, 2]));
    let (now, last) = (mesh.now(), frame(mesh.ends[0].session().next_frame().get() + 20));
    // Player 1 never adds it, and it would join after this round.
    let newcomer = PeerConfig::compact(3).from(frame(last.get() + 60));
    let newcomer = mesh.ends[0].add_peer(now, newcomer).expect("room");
    for end in &mut mesh.ends {
        end.end_round(last, Game::new(1));
    }
    for _ in 0..10 {
        mesh.frame(&[0, 1, 2]);
    }
    mesh.disconnect(0, 2);
    (0..100).for_each(|_| mesh.frame(&[0, 1]));
    let epochs = |mesh: &Mesh| [0, 1].map(|end| mesh.ends[end].session().epoch());
    assert_eq!(epochs(&mesh), [Epoch::new(0); 2]);
    let now = mesh.now();
    mesh.ends[0].remove_peer(now, newcomer);
    (0..30).for_each(|_| mesh.frame(&[0, 1]));
    assert_eq!(epochs(&mesh), [Epoch::new(1); 2]);
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
    let again = Config::builder().local_player(2).incarnation(77 << 40).build().expect("valid settings");
    mesh.ends[2] = Rollback::new(meshed(again), Game::new(0));
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
        let is_desync =
            |event: &RollbackEvent| matches!(event, RollbackEvent::Peer { event: PeerEvent::Desync { .. }, .. });
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
        let (confirmed, state) = driver.confirmed_state().expect("nobody else plays");
        assert_eq!((confirmed, state.frames), (frame(number), number + 1));
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

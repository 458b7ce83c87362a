//! What the driver promises, one promise a test.

use inputwire::{
    AddPeerError, Departure, Endpoint, Epoch, Instant, MAX_DATAGRAM_SIZE, PeerConfig, PeerEvent, PushError, Session,
};
use inputwire_record::{Keys, Recorder, Replay};
use inputwire_rollback::{Inputs, Rollback, RollbackEvent, SaveState, Status, Step};

use crate::game::{Game, LEN};
use crate::pair::{Driver, End, FRAME_US, Pair, config, driver, frame, is_desync, seen, session};

const NOW: Instant = Instant::ORIGIN;

#[test]
fn a_game_predicts_eight_frames_and_then_waits_for_its_peer() {
    let mut driver = driver(0);
    for number in 0..8 {
        let step = driver.step(NOW, [1, 2], Game::advance);
        assert_eq!(step, Step::Advanced { frame: frame(number), resimulated: 0 });
    }
    let peer = driver.session().peers().next().expect("a peer");
    for _ in 0..3 {
        assert_eq!(driver.step(NOW, [1, 2], Game::advance), Step::Waiting(peer));
    }
    assert_eq!((driver.state().frames, driver.confirmed_state()), (8, None));
    assert_eq!((driver.stats().frames, driver.stats().waited), (8, 3));
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
fn both_ends_confirm_the_same_states_and_play_wrong_predictions_again() {
    let mut pair = Pair::new(driver(0), driver(1), 3);
    pair.frames(300);
    let (a, b) = (pair.a.confirmed_state().expect("confirmed"), pair.b.confirmed_state().expect("confirmed"));
    assert!(a.0 > frame(280) && pair.a.state().frames > a.1.frames);
    if a.0 == b.0 {
        assert_eq!(a.1, b.1);
    }
    let stats = pair.a.stats();
    assert!(stats.rollbacks > 20 && stats.deepest <= 8 && stats.resimulated >= stats.rollbacks, "{stats:?}");
    assert!(!pair.events.iter().any(is_desync));
}

#[test]
fn a_game_that_diverges_is_reported_at_the_first_frame_with_another_hash() {
    let mut pair =
        Pair::new(driver(0), Driver::<_, 10>::new(session(1), Game::new(1)).with_checksums(10, |game| game.hash), 2);
    pair.frames(60);
    let desync = |event: &RollbackEvent| match event {
        RollbackEvent::Peer { event: PeerEvent::Desync { frame, .. }, .. } => Some(*frame),
        _ => None,
    };
    assert_eq!(pair.events.iter().filter_map(desync).collect::<Vec<_>>(), [frame(0), frame(0)]);
}

#[test]
fn lockstep_plays_no_frame_before_its_inputs_are_known_and_copies_no_state() {
    /// A state that notices being cloned.
    #[derive(Debug)]
    struct Unique(u32);
    impl Clone for Unique {
        fn clone(&self) -> Self {
            assert_eq!(self.0, 0, "only the first state is cloned");
            Self(0)
        }
    }
    let make = |player| Rollback::<_, _, 1, LEN, 2>::new(session(player), Unique(0)).with_max_prediction(8);
    let mut ends = [make(0).with_input_delay(3), make(1).with_input_delay(3)];
    let mut played = 0;
    for number in 0..100_u64 {
        let now = Instant::from_micros(number * 16_667);
        let mut sent = Vec::new();
        for (at, end) in ends.iter_mut().enumerate() {
            end.handle_timeout(now);
            while end.poll_event().is_some() {}
            let step = end.step(now, [7, 7], |state, inputs| {
                assert!(inputs.present().all(|player| player.status == Status::Confirmed));
                state.0 += 1;
            });
            played += u32::from(matches!(step, Step::Advanced { .. }));
            let mut buf = [0; inputwire::MAX_DATAGRAM_SIZE];
            while let Some(transmit) = end.poll_transmit(&mut buf) {
                sent.push((1 - at, transmit.datagram.to_vec()));
            }
        }
        for (to, datagram) in sent {
            let peer = ends[to].session().peers().next().expect("a peer");
            ends[to].handle_datagram(now, peer, &datagram).expect("an honest datagram");
        }
    }
    assert!(played > 180, "{played}");
    assert_eq!(ends[0].state().0, ends[0].confirmed_frame().map_or(0, |frame| frame.get() + 1));
}

#[test]
fn an_input_is_used_in_the_frame_that_is_later_by_the_delay() {
    let mut seen_at = Vec::new();
    let mut driver = Driver::<_, 10>::new(Session::new(config(0)), Game::new(0)).with_input_delay(3);
    for number in 0..10 {
        driver.step(NOW, [number, 0], |_, inputs| seen_at.push(seen(inputs, 0)));
    }
    // A delay repeats the first input.
    assert_eq!(seen_at, [0, 0, 0, 0, 1, 2, 3, 4, 5, 6]);
}

#[test]
fn a_longer_delay_repeats_an_input_and_a_shorter_one_drops_one() {
    let mut seen_at = Vec::new();
    let mut driver = Driver::<_, 10>::new(Session::new(config(0)), Game::new(0));
    for number in 0..10 {
        match number {
            3 => driver.set_input_delay(2),
            7 => driver.set_input_delay(1),
            _ => {}
        }
        driver.step(NOW, [number, 0], |_, inputs| seen_at.push(seen(inputs, 0)));
    }
    assert_eq!(seen_at, [0, 1, 2, 3, 3, 3, 4, 5, 6, 8]);
    driver.set_input_delay(1_000);
    assert_eq!((driver.input_delay(), Driver::<Session<1, LEN>>::MAX_INPUT_DELAY), (30, 30));
}

#[test]
fn alone_every_frame_is_confirmed_at_once() {
    let mut driver = Driver::<_, 10>::new(Session::new(config(0)), Game::new(0));
    for number in 0..200 {
        driver.step(NOW, [1, 1], Game::advance);
        let (confirmed, state) = driver.confirmed_state().expect("confirmed");
        assert_eq!((confirmed, state), (frame(number), driver.state()));
    }
    assert_eq!(driver.confirmed_input(0, frame(199)), Some([1, 1]));
    assert_eq!(driver.confirmed_input(0, frame(200)), None);
    assert_eq!(driver.confirmed_input(5, frame(199)), Some([0, 0]));
}

#[test]
fn the_input_of_any_player_is_told_for_each_confirmed_frame_and_for_no_later_one() {
    let mut pair = Pair::new(driver(0), driver(1), 3);
    for number in 0..30 {
        pair.frame([[number, 0], [number, 1]]);
    }
    let confirmed = pair.a.confirmed_frame().expect("confirmed").get();
    for number in [confirmed - 1, confirmed] {
        let [low, ..] = number.to_le_bytes();
        let inputs = [0, 1, 2].map(|player| pair.a.confirmed_input(player, frame(number)));
        assert_eq!(inputs, [Some([low, 0]), Some([low, 1]), Some([0, 0])]);
    }
    assert_eq!([0, 1, 2].map(|player| pair.a.confirmed_input(player, frame(confirmed + 1))), [None; 3]);
    // Who has departed does nothing.
    pair.b.close(Instant::from_micros(pair.now));
    pair.frames(60);
    let confirmed = pair.a.confirmed_frame().expect("confirmed");
    assert_eq!(pair.a.confirmed_input(1, confirmed), Some([0, 0]));
}

#[test]
fn a_predictor_gets_the_latest_input_and_how_many_frames_ago_it_was() {
    /// Sees the age of each prediction as an input.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the same for inputs of any size")]
    fn age(latest: &[u8; LEN], since: u32) -> [u8; LEN] {
        [latest[0], u8::try_from(since).expect("a few")]
    }
    let mut pair = Pair::new(driver(0).with_predictor(age), driver(1), 3);
    let mut latest = Vec::new();
    for number in 0..20 {
        pair.frame([[0, 0], [number, 0]]);
        while pair.a.poll_event().is_some() {}
    }
    pair.a.step(Instant::from_micros(pair.now), [0, 0], |_, inputs| {
        let remote = inputs.get(1);
        latest.push((remote.status, remote.input));
    });
    let (known, predicted): (Vec<_>, Vec<_>) = latest.iter().partition(|(status, _)| *status == Status::Confirmed);
    assert!(known.iter().all(|(_, [_, since])| *since == 0), "{latest:?}");
    let ages: Vec<_> = predicted.iter().map(|(_, [_, since])| *since).collect();
    assert!(!ages.is_empty() && ages.iter().zip(ages.iter().skip(1)).all(|(one, next)| one + 1 == *next), "{latest:?}");
}

#[test]
fn several_people_at_one_machine_have_a_seat_each() {
    let mut driver = Rollback::<_, _, 1, 4>::new(Session::new(config(0)), [[0; 2]; 3]);
    driver.step(NOW, [1, 2, 3, 4], |seats, inputs| *seats = [0, 1, 2].map(|seat| inputs.seat(0, seat)));
    assert_eq!(driver.state(), &[[1, 2], [3, 4], [0, 0]]);
}

#[test]
fn inputs_are_in_the_order_of_the_players_wherever_the_local_one_stands() {
    for local in 0..4_u16 {
        let mut session = Session::<3, LEN>::new(config(local));
        for other in [3, 1, 0, 2].into_iter().filter(|other| *other != local) {
            session.add_peer(NOW, PeerConfig::compact(other)).expect("a free place");
        }
        let mut driver = Rollback::<Vec<u16>, _, 3, LEN>::new(session, Vec::new());
        driver.step(NOW, [9, 9], |players, inputs| *players = inputs.present().map(|of| of.player).collect());
        assert_eq!(driver.state(), &[0, 1, 2, 3]);
    }
}

#[test]
fn a_game_plays_on_without_a_peer_that_is_removed() {
    let mut pair = Pair::new(driver(0), driver(1), 3);
    pair.frames(100);
    let (mut driver, now) = (pair.a, Instant::from_micros(pair.now + 1));
    let peer = driver.session().peers().next().expect("a peer");
    driver.remove_peer(now, peer);
    for _ in 0..100 {
        let step = driver.step(now, [1, 1], |game, inputs| {
            game.advance(inputs);
        });
        assert!(matches!(step, Step::Advanced { .. }));
    }
    assert_eq!(driver.session().peers().count(), 0);
    assert_eq!(driver.confirmed_state().expect("confirmed").1, driver.state());
    driver.step(now, [1, 1], |_, inputs| {
        assert_eq!((inputs.get(1).status, inputs.input(1)), (Status::Departed, [0, 0]));
    });
    // In the next epoch there is room for another one.
    driver.begin_epoch(now, Game::new(0)).expect("epochs are left");
    assert!(driver.add_peer(now, PeerConfig::compact(5)).is_ok());
}

#[test]
fn who_says_goodbye_is_disconnected_and_the_other_plays_on_with_zeros() {
    let mut pair = Pair::new(driver(0), driver(1), 3);
    pair.frames(100);
    pair.b.close(Instant::from_micros(pair.now));
    pair.events.clear();
    pair.frames(60);
    let departed = |event: &RollbackEvent| match event {
        RollbackEvent::Peer { event: PeerEvent::Departed { last }, .. } => Some(*last),
        _ => None,
    };
    let last = pair.events.iter().find_map(departed).expect("it departed").expect("it had played");
    assert!(last >= frame(95), "{last}");
    assert_eq!(pair.a.confirmed_state().expect("confirmed").1, pair.a.state());
    pair.a.step(Instant::from_micros(pair.now), [1, 1], |_, inputs| {
        assert_eq!((inputs.get(1).status, inputs.input(1)), (Status::Departed, [0, 0]));
        assert_eq!(inputs.present().count(), 1);
    });
}

#[test]
fn what_was_played_beyond_the_last_input_of_one_who_left_is_played_again_without_it() {
    let mut pair = Pair::new(driver(0), driver(1), 3);
    for _ in 0..30 {
        pair.frame([[1, 1], [2, 2]]);
    }
    pair.b.close(Instant::from_micros(pair.now));
    for _ in 0..30 {
        pair.frame([[1, 1], [2, 2]]);
    }
    let departed = |event: &RollbackEvent| match event {
        RollbackEvent::Peer { event: PeerEvent::Departed { last }, .. } => *last,
        _ => None,
    };
    let last = pair.events.iter().find_map(departed).expect("it had played");
    let mut expected = Game::new(0);
    for number in 0..pair.a.session().next_frame().get() {
        let remote = (frame(number) <= last).then_some((1, [2, 2]));
        expected.play([(0, [1, 1])].into_iter().chain(remote));
    }
    assert_eq!(pair.a.state(), &expected);
}

#[test]
fn a_player_that_is_removed_stays_until_its_last_frame_is_confirmed() {
    let sessions = [0_u16, 1].map(|player| {
        let mut session = Session::<2, LEN>::new(config(player));
        let others = [0, 1, 2].into_iter().filter(|other| *other != player);
        let peers: Vec<_> =
            others.map(|other| session.add_peer(NOW, PeerConfig::compact(other)).expect("a free place")).collect();
        (Rollback::<Game, _, 2, LEN>::new(session, Game::new(0)), peers)
    });
    // The third player never answers, so nothing is confirmed.
    let [(mut a, of_a), (mut b, of_b)] = sessions;
    let mut buf = [0; MAX_DATAGRAM_SIZE];
    for number in 0..60 {
        let now = Instant::from_micros(number * FRAME_US);
        for end in [&mut a, &mut b] {
            end.handle_timeout(now);
            while end.poll_event().is_some() {}
            end.step(now, [1, 1], Game::advance);
        }
        while let Some(transmit) = a.poll_transmit_to(of_a[0], &mut buf) {
            b.handle_datagram(now, of_b[0], transmit.datagram).expect("nothing is wrong with it");
        }
        while let Some(transmit) = b.poll_transmit_to(of_b[0], &mut buf) {
            a.handle_datagram(now, of_a[0], transmit.datagram).expect("nothing is wrong with it");
        }
    }
    let now = Instant::from_micros(60 * FRAME_US);
    assert!(a.session().peer(of_a[0]).expect("a peer").last_frame() > Some(frame(3)));
    a.remove_peer(now, of_a[0]);
    a.step(now, [1, 1], Game::advance);
    assert_eq!((a.session().peers().count(), a.confirmed_frame()), (2, None));
    a.remove_peer(now, of_a[1]);
    for _ in 0..2 {
        a.step(now, [1, 1], Game::advance);
    }
    assert_eq!(a.session().peers().count(), 0);
}

#[test]
fn of_two_who_lose_each_other_the_one_with_the_greater_number_waits_200_ms_longer() {
    let disconnected = |player: u16| {
        let mut pair = Pair::new(driver(0), driver(1), 3);
        pair.frames(60);
        let (mut a, mut b) = (pair.a, pair.b);
        let alone = if player == 0 { &mut a } else { &mut b };
        let steps = (0..1_000).find(|step| {
            let now = Instant::from_micros(pair.now + step * 10_000);
            alone.handle_timeout(now);
            let mut events = std::iter::from_fn(|| alone.poll_event());
            let departed = |event| matches!(event, RollbackEvent::Peer { event: PeerEvent::Departed { .. }, .. });
            let found = events.any(departed);
            alone.step(now, [0, 0], Game::advance);
            found
        });
        steps.expect("it departs") * 10
    };
    let [smaller, greater] = [disconnected(0), disconnected(1)];
    assert!((5_000..5_100).contains(&smaller) && greater - smaller == 200, "{smaller} and {greater} ms");
}

#[test]
fn a_peer_is_not_added_once_the_first_frame_was_played() {
    let mut driver = Driver::<_, 10>::new(Session::new(config(0)), Game::new(0));
    driver.step(NOW, [0, 0], Game::advance);
    assert_eq!(driver.add_peer(NOW, PeerConfig::compact(1)), Err(AddPeerError::EpochRunning));
}

/// A session of one of three players, of whom player 1 joins from this frame.
fn with_late_joiner(player: u16, from: u32) -> Session<2, LEN> {
    let mut session = Session::new(config(player));
    for other in [0, 2, 1].into_iter().filter(|other| *other != player) {
        let is_late = player == 1 || other == 1;
        let peer = PeerConfig::compact(other);
        let peer = if is_late { peer.from(frame(from)) } else { peer };
        session.add_peer(NOW, peer).expect("a free place");
    }
    session
}

#[test]
fn a_late_joiner_that_the_session_has_before_the_driver_takes_part_from_its_first_frame_on() {
    for (from, takes) in [(60, true), (2, true), (2, false)] {
        let make = |player: u16| Rollback::<Game, _, 2, LEN>::new(with_late_joiner(player, from), Game::new(0));
        let mut before = Game::new(0);
        (0..from).for_each(|_| before.play([0, 2].map(|player| (player, [1, 1]))));
        let mut ends = [0, 1, 2].map(make);
        ends[1].start_from(before.clone());
        for number in 0..120_u64 {
            let now = Instant::from_micros(number * FRAME_US);
            // The session of player 0 is taken over when the late joiner may have played already.
            if number == 10 && from == 2 {
                ends[0] = Rollback::new(ends[0].clone().into_endpoint(), Game::new(0));
            }
            for (player, end) in ends.iter_mut().enumerate() {
                end.handle_timeout(now);
                let is_lobby = from == 2 && player == 0 && number < 10;
                while (!is_lobby || takes) && end.poll_event().is_some() {}
                if !is_lobby && (player != 1 || number >= 8) {
                    end.step(now, [1, 1], Game::advance);
                }
            }
            for from in 0..3_u16 {
                let mut buf = [0; MAX_DATAGRAM_SIZE];
                while let Some(transmit) = ends[usize::from(from)].poll_transmit(&mut buf) {
                    let to = ends[usize::from(from)].session().peer(transmit.peer).expect("a peer").player();
                    let end = &mut ends[usize::from(to)];
                    let peer = end.session().peer_of(from).expect("a peer");
                    end.handle_datagram(now, peer, transmit.datagram).expect("nothing is wrong with it");
                }
            }
        }
        for end in &ends {
            let (confirmed, state) = end.confirmed_state().expect("some");
            let mut expected = before.clone();
            for _ in from..=confirmed.get() {
                expected.play([0, 1, 2].map(|player| (player, [1, 1])));
            }
            assert!(confirmed > frame(90), "{from} {takes}: {confirmed}");
            assert_eq!(state, &expected, "{from} {takes}");
        }
    }
}

#[test]
fn inputs_that_came_before_a_driver_took_over_are_played() {
    for takes in [true, false] {
        let (a, mut b) = (driver(0), driver(1));
        let mut pair = Pair::new(a, driver(1), 0);
        let (mut buf, peer) = ([0; MAX_DATAGRAM_SIZE], pair.a.session().peers().next().expect("a peer"));
        for number in 0..20_u8 {
            let now = Instant::from_micros(pair.now);
            pair.a.handle_timeout(now);
            while takes && pair.a.poll_event().is_some() {}
            while let Some(transmit) = pair.a.poll_transmit(&mut buf) {
                b.receive(now, transmit.datagram);
            }
            for datagram in b.frame(now, [number, 9], &mut Vec::new()).1 {
                pair.a.receive(now, &datagram);
            }
            pair.now += FRAME_US;
        }
        assert!(pair.a.session().peer(peer).expect("a peer").last_frame() >= Some(frame(5)));
        (pair.a, pair.b) = (Rollback::new(pair.a.into_endpoint(), Game::new(0)), b);
        for _ in 0..60 {
            pair.frame([[1, 1], [100, 9]]);
        }
        let (confirmed, state) = pair.a.confirmed_state().expect("some");
        let mut expected = Game::new(0);
        for number in 0..=confirmed.get() {
            // Player 1 had predicted eight frames, and waited with the input of the next one.
            let low = u8::try_from(number).ok().filter(|number| *number <= 8).unwrap_or(100);
            expected.play([(0, [1, 1]), (1, [low, 9])]);
        }
        assert!(confirmed > frame(50), "{takes}: {confirmed}");
        assert_eq!(state, &expected, "{takes}");
    }
}

#[test]
fn after_the_session_was_closed_a_step_says_so() {
    let mut driver = driver(0);
    driver.close(NOW);
    assert_eq!(driver.step(NOW, [0, 0], Game::advance), Step::Full(PushError::Closed));
}

#[test]
fn a_restarted_program_starts_the_game_over_at_both_ends() {
    let mut pair = Pair::new(driver(0), driver(1), 2);
    pair.frames(100);
    let config = inputwire::Config::builder().local_player(1).incarnation(77 << 40);
    let mut again = Session::new(config.build().expect("valid settings"));
    again.add_peer(NOW, PeerConfig::compact(0)).expect("a free place");
    pair.b = Rollback::new(again, Game::new(0)).with_checksums(10, |game| game.hash);
    pair.events.clear();
    pair.frames(200);
    let begun = RollbackEvent::EpochBegun { epoch: Epoch::new(1) };
    assert_eq!(pair.events.iter().filter(|event| **event == begun).count(), 2);
    let (confirmed, state) = pair.a.confirmed_state().expect("confirmed");
    assert!(confirmed > frame(100));
    assert_eq!(state.frames, confirmed.get() + 1);
}

#[test]
fn a_round_ends_with_its_last_frame_at_both_ends_and_the_next_one_starts_from_its_own_state() {
    let mut pair = Pair::new(driver(0), driver(1), 2);
    pair.a.end_round(frame(40), Game::new(1));
    pair.frames(20);
    pair.b.end_round(frame(40), Game::new(1));
    while pair.a.session().epoch() == Epoch::new(0) {
        assert!(pair.a.state().frames <= 41);
        pair.frames(1);
    }
    pair.frames(60);
    let begun = RollbackEvent::EpochBegun { epoch: Epoch::new(1) };
    assert_eq!(pair.events.iter().filter(|event| **event == begun).count(), 2);
    assert!(!pair.events.iter().any(is_desync));
    let (confirmed, state) = pair.b.confirmed_state().expect("confirmed");
    assert!(confirmed > frame(40) && state.frames == confirmed.get() + 1);
    // The game that was abandoned at once goes on at both ends, too.
    pair.a.begin_epoch(Instant::from_micros(pair.now), Game::new(0)).expect("epochs are left");
    pair.frames(30);
    assert_eq!([pair.a.session().epoch(), pair.b.session().epoch()], [Epoch::new(2); 2]);
}

#[test]
fn a_round_starts_from_the_state_that_ended_the_one_before() {
    let mut driver = Driver::<_, 10>::new(Session::new(config(0)), Game::new(0));
    driver.step(NOW, [1, 1], Game::advance);
    driver.end_round(frame(0), Game::new(1));
    assert_eq!(driver.step(NOW, [2, 2], Game::advance), Step::RoundOver);
    assert_eq!((driver.state(), driver.session().epoch()), (&Game::new(1), Epoch::new(1)));
    driver.step(NOW, [2, 2], Game::advance);
    let mut expected = Game::new(1);
    expected.play([(0, [2, 2])]);
    assert_eq!(driver.state(), &expected);
}

/// Lets `from` play a frame at `now`, or only send. Returns what it sent.
fn sent(from: &mut Driver, now: u64, plays: bool) -> Vec<Vec<u8>> {
    let now = Instant::from_micros(now);
    if plays {
        return from.frame(now, [1, 1], &mut Vec::new()).1;
    }
    from.handle_timeout(now);
    let mut buf = [0; MAX_DATAGRAM_SIZE];
    std::iter::from_fn(|| from.poll_transmit(&mut buf).map(|transmit| transmit.datagram.to_vec())).collect()
}

#[test]
fn a_round_lasts_until_the_peer_has_the_last_input_and_has_sent_its_own() {
    for is_deaf in [true, false] {
        let mut pair = Pair::new(driver(0), driver(1), 0);
        pair.frames(30);
        let (mut a, mut b, mut now) = (pair.a, pair.b, pair.now);
        a.end_round(frame(33), Game::new(1));
        let mut play = |steps: u32, is_whole: bool| {
            for _ in 0..steps {
                now += FRAME_US;
                let to_b = sent(&mut a, now, true);
                if is_whole || !is_deaf || a.session().next_frame() <= frame(33) {
                    for datagram in to_b {
                        b.receive(Instant::from_micros(now), &datagram);
                    }
                }
                let plays = is_whole || is_deaf || b.session().next_frame() < frame(33);
                let to_a = sent(&mut b, now, plays);
                for datagram in to_a {
                    a.receive(Instant::from_micros(now), &datagram);
                }
            }
            (a.session().epoch(), a.session().next_frame())
        };
        assert_eq!(play(30, false), (Epoch::new(0), frame(34)), "{is_deaf}");
        assert_eq!(play(30, true).0, Epoch::new(1), "{is_deaf}");
    }
}

#[test]
fn a_round_ends_without_a_player_who_departed() {
    let mut pair = Pair::new(driver(0), driver(1), 3);
    pair.frames(60);
    pair.b.close(Instant::from_micros(pair.now));
    pair.frames(60);
    let last = pair.a.session().next_frame().get() + 10;
    pair.a.end_round(frame(last), Game::new(1));
    pair.frames(30);
    assert_eq!(pair.a.session().epoch(), Epoch::new(1));
}

#[test]
fn a_recorder_stands_below_and_a_replay_gives_the_same_datagrams() {
    let mut recorder = Recorder::new(config(0), Vec::new());
    recorder.add_peer(NOW, PeerConfig::compact(1)).expect("a free place");
    let below = Driver::<_, 10>::new(recorder, Game::new(0)).with_checksums(10, |game| game.hash);
    let mut pair = Pair::new(below, driver(1), 3);
    pair.frames(50);
    pair.a.endpoint_mut().note("half of it");
    pair.frames(50);
    assert!(pair.a.confirmed_frame() > Some(frame(80)));
    let recording = pair.a.into_endpoint().finish().expect("a vector takes everything");
    let mut replay = Replay::open(&recording, Keys::default()).expect("a recording");
    let mut calls = 0;
    while replay.step().expect("every call has the same outcome again").is_some() {
        calls += 1;
    }
    assert!(calls > 500, "{calls}");
}

/// A game that saves its state itself, and counts how often.
#[derive(Default)]
struct Dear {
    live: u64,
    saved: [Option<u64>; 9],
    saves: u32,
    loads: u32,
    resets: u32,
}

impl SaveState<LEN> for Dear {
    fn save(&mut self, slot: usize) {
        self.saved[slot] = Some(self.live);
        self.saves += 1;
    }

    fn load(&mut self, slot: usize) {
        self.live = self.saved[slot].expect("only what was saved is loaded");
        self.loads += 1;
    }

    fn reset(&mut self) {
        self.live = 0;
        // What was saved in an epoch is of no use in the next.
        self.saved = [None; 9];
        self.resets += 1;
    }

    fn advance(&mut self, inputs: &Inputs<'_, LEN>) {
        let mut game = Game { hash: self.live, frames: 0 };
        game.advance(inputs);
        self.live = game.hash;
    }

    fn hash(&self, slot: usize) -> u64 {
        self.saved[slot].expect("only what was saved is hashed")
    }
}

/// An end whose game saves its state itself.
struct Saving {
    driver: Rollback<(), Session<1, LEN>, 1, LEN>,
    game: Dear,
}

impl Saving {
    /// A pair of it and of a driver that clones.
    fn pair() -> Pair<Self, Driver> {
        let a = Self { driver: Rollback::new(session(0), ()).with_checksums(10, |()| 0), game: Dear::default() };
        let b = Rollback::new(session(1), Game { hash: 0, frames: 0 }).with_checksums(10, |game: &Game| game.hash);
        Pair::new(a, b, 3)
    }
}

impl End for Saving {
    fn receive(&mut self, now: Instant, datagram: &[u8]) {
        let peer = self.driver.session().peers().next().expect("a peer");
        let _ = self.driver.handle_datagram(now, peer, datagram);
    }

    fn frame(&mut self, now: Instant, input: [u8; LEN], events: &mut Vec<RollbackEvent>) -> (Step, Vec<Vec<u8>>) {
        self.driver.handle_timeout(now);
        events.extend(std::iter::from_fn(|| self.driver.poll_event()));
        let step = self.driver.step_saved(now, input, &mut self.game);
        let mut buf = [0; inputwire::MAX_DATAGRAM_SIZE];
        let mut sent = Vec::new();
        while let Some(transmit) = self.driver.poll_transmit(&mut buf) {
            sent.push(transmit.datagram.to_vec());
        }
        (step, sent)
    }
}

#[test]
fn a_game_that_saves_its_state_itself_plays_like_one_whose_state_is_cloned() {
    let mut pair = Saving::pair();
    pair.frames(300);
    let (confirmed, ()) = pair.a.driver.confirmed_state().expect("confirmed");
    assert!(confirmed > frame(280));
    assert!(!pair.events.iter().any(is_desync));
    let (stats, Dear { saves, loads, .. }) = (pair.a.driver.stats(), pair.a.game);
    assert!(loads > 20 && u64::from(loads) <= stats.rollbacks, "{loads} {stats:?}");
    assert!(u64::from(saves) < stats.frames + stats.resimulated, "{saves} {stats:?}");
}

#[test]
fn a_game_that_saves_its_state_itself_starts_over_in_each_epoch_however_that_begins() {
    let mut pair = Saving::pair();
    pair.a.driver.end_round(frame(40), ());
    pair.b.end_round(frame(40), Game { hash: 0, frames: 0 });
    pair.frames(150);
    assert_eq!((pair.a.game.resets, pair.a.driver.session().epoch()), (1, Epoch::new(1)));
    // The other one abandons its round at once.
    pair.b.begin_epoch(Instant::from_micros(pair.now), Game { hash: 0, frames: 0 }).expect("epochs are left");
    pair.frames(100);
    assert_eq!((pair.a.game.resets, pair.a.driver.session().epoch()), (2, Epoch::new(2)));
    // Equal hashes of confirmed frames say that both started from the same state.
    assert!(pair.a.driver.confirmed_frame() > Some(frame(70)), "{:?}", pair.a.driver.confirmed_frame());
    assert!(!pair.events.iter().any(is_desync));
    let begun = |event: &&RollbackEvent| matches!(event, RollbackEvent::EpochBegun { .. });
    assert_eq!(pair.events.iter().filter(begun).count(), 3, "who began one knows: {:?}", pair.events);
}

#[test]
fn who_is_disconnected_by_the_other_is_told_so_once_and_plays_no_more() {
    let mut pair = Pair::new(driver(0), driver(1), 3);
    pair.frames(100);
    let [of_a, of_b] = [pair.a.session(), pair.b.session()].map(|session| session.peers().next().expect("a peer"));
    pair.b.disconnect_peer(Instant::from_micros(pair.now), of_b);
    pair.events.clear();
    pair.frames(60);
    let dropped = |event: &&RollbackEvent| matches!(event, RollbackEvent::Dropped { .. });
    assert_eq!(pair.events.iter().filter(dropped).collect::<Vec<_>>(), [&RollbackEvent::Dropped { by: of_a }]);
    let [a, b] = pair.frame([[1, 1], [1, 1]]);
    assert_eq!(a, Step::Full(PushError::Closed));
    assert!(matches!(b, Step::Advanced { .. }), "{b:?}");
    assert_eq!(pair.b.confirmed_state().expect("confirmed").1, pair.b.state());
}

#[test]
fn transports_deadlines_and_disconnections_reach_the_session_as_they_are() {
    let (mut driver, mut twin) = (driver(0), session(0));
    let peer = twin.peers().next().expect("a peer");
    let mut bufs = [[0; MAX_DATAGRAM_SIZE]; 2];
    let [one, other] = &mut bufs;
    driver.handle_transport_closed(NOW, peer);
    twin.handle_transport_closed(NOW, peer);
    assert_eq!(driver.poll_transmit_to(peer, one), None);
    driver.handle_transport_opened(NOW, peer);
    twin.handle_transport_opened(NOW, peer);
    let sent = driver.poll_transmit_to(peer, one).expect("a hello");
    assert_eq!(Some(sent), twin.poll_transmit_to(peer, other));
    assert!(driver.poll_timeout().is_some());
    assert_eq!(driver.poll_timeout(), twin.poll_timeout());
    driver.disconnect_peer(NOW, peer);
    twin.disconnect_peer(NOW, peer);
    assert_ne!(driver.endpoint().peer(peer).expect("a peer").departure(), Departure::Present);
    assert_eq!(driver.session(), &twin);
}

/// A game that predicts by itself, and writes down what it is asked for and what it is given.
#[derive(Default)]
struct Seer {
    asked: Vec<(Option<u8>, u32)>,
    given: Vec<u8>,
}

impl SaveState<LEN> for Seer {
    fn save(&mut self, _: usize) {}

    fn load(&mut self, _: usize) {}

    fn reset(&mut self) {}

    fn advance(&mut self, inputs: &Inputs<'_, LEN>) {
        self.given.push(seen(inputs, 1));
    }

    fn hash(&self, _: usize) -> u64 {
        0
    }

    fn predict(&mut self, player: u16, latest: Option<&[u8; LEN]>, frames_since: u32) -> Option<[u8; LEN]> {
        assert_eq!(player, 1);
        self.asked.push((latest.map(|[low, _]| *low), frames_since));
        latest.map(|[low, high]| [low + 100, *high])
    }
}

#[test]
fn a_game_that_keeps_its_state_itself_may_predict_itself_or_leave_it_to_the_driver() {
    let mut a = Rollback::<_, _, 1, LEN>::new(session(0), ()).with_predictor(|[low, high], _| [low + 50, *high]);
    let (mut b, mut game) = (driver(1), Seer::default());
    let peers = [a.session().peers().next().expect("a peer"), b.session().peers().next().expect("a peer")];
    a.step_saved(NOW, [0, 0], &mut game);
    assert_eq!((game.asked.as_slice(), game.given.as_slice()), ([(None, 1)].as_slice(), [50].as_slice()));

    let (mut buf, mut now) = ([0; inputwire::MAX_DATAGRAM_SIZE], 0);
    b.step(NOW, [7, 0], Game::advance);
    while a.session().peer(peers[0]).and_then(inputwire::PeerRef::last_frame).is_none() {
        now += 1_000;
        let at = Instant::from_micros(now);
        a.handle_timeout(at);
        b.handle_timeout(at);
        while let Some(transmit) = a.poll_transmit(&mut buf) {
            b.handle_datagram(at, peers[1], transmit.datagram).expect("nothing is wrong with it");
        }
        while let Some(transmit) = b.poll_transmit(&mut buf) {
            a.handle_datagram(at, peers[0], transmit.datagram).expect("nothing is wrong with it");
        }
    }
    while a.poll_event().is_some() {}
    a.step_saved(Instant::from_micros(now), [0, 0], &mut game);
    assert_eq!(game.given, [50, 7, 107]);
    assert_eq!(game.asked.last(), Some(&(Some(7), 1)));
}

#[test]
fn a_game_that_keeps_its_state_itself_and_does_not_predict_leaves_it_to_the_driver() {
    #[derive(Default)]
    struct Plain(Vec<u8>);

    impl SaveState<LEN> for Plain {
        fn save(&mut self, _: usize) {}

        fn load(&mut self, _: usize) {}

        fn reset(&mut self) {}

        fn advance(&mut self, inputs: &Inputs<'_, LEN>) {
            self.0.push(seen(inputs, 1));
        }

        fn hash(&self, _: usize) -> u64 {
            0
        }
    }

    let mut driver = Rollback::<_, _, 1, LEN>::new(session(0), ()).with_predictor(|[low, high], _| [low + 50, *high]);
    let mut game = Plain::default();
    driver.step_saved(NOW, [0, 0], &mut game);
    assert_eq!(game.0, [50]);
}

#[test]
fn the_depth_of_the_prediction_changes_in_mid_game() {
    let mut driver = driver(0);
    let mut steps = |depth, count: u32| {
        driver.set_max_prediction(depth);
        (0..count).filter(|_| matches!(driver.step(NOW, [1, 2], Game::advance), Step::Advanced { .. })).count()
    };
    assert_eq!([steps(0, 3), steps(2, 5), steps(1, 3), steps(5, 9), steps(99, 9)], [0, 2, 0, 3, 3]);
}

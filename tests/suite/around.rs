//! What a game needs around its inputs: stalls, deafness, flushes, checksums, prediction, rates.

use std::time::Duration;

use inputwire::{ChecksumError, Epoch, Event, Health, PushError};

use crate::support::{MS, PEER, Pair, SECOND, T, Wire, act, at, drain, events, frame, healths, news, stalls, stats};

#[test]
fn a_hidden_tab_is_a_stall_of_our_own_and_a_silence_of_the_peer() {
    for wire in Wire::ALL {
        let mut pair = Pair::met(wire);
        pair.play(60);
        pair.forget();
        // The first end sleeps for a minute; the other goes on, as long as its window allows.
        let woken = pair.now + 60 * SECOND;
        let mut waiting = Vec::new();
        let mut buf = [0; inputwire::DATAGRAM_MAX];
        while pair.now < woken {
            let other = &mut pair.ends[1];
            let input = act(1, other.next_frame().get());
            match other.push_input(at(pair.now), input) {
                Ok(_) | Err(PushError::WindowFull(_)) => {}
                Err(other) => panic!("{other}"),
            }
            while let Some(transmit) = other.poll_transmit(&mut buf) {
                waiting.push(transmit.datagram.to_vec());
            }
            pair.told[1].extend(events(other));
            pair.now += T;
        }
        assert_eq!(healths(&pair.told[1]), [Health::Interrupted, Health::Disconnected], "{wire:?}");

        let sleeper = &mut pair.ends[0];
        sleeper.handle_timeout(at(pair.now));
        let told = events(sleeper);
        let [stall] = stalls(&told)[..] else { panic!("{told:?}") };
        assert!(stall > Duration::from_secs(59) && stall <= Duration::from_secs(60), "{stall:?}");
        assert_eq!(healths(&told), [], "nobody was silent while we slept");
        for datagram in &waiting {
            let _ = sleeper.handle_datagram(at(pair.now), PEER, datagram);
            pair.told[0].extend(events(sleeper));
        }
        assert_eq!(healths(&pair.told[0]), [], "what waited was handled before anybody was judged");
        pair.run(SECOND);
        pair.play(60);
        assert_eq!(healths(&pair.told[1]).last(), Some(&Health::Good), "{wire:?}");
        assert_eq!(stalls(&pair.told[1]), []);
        if wire != Wire::Classic {
            let next = pair.ends[1].next_frame().get();
            let told: Vec<_> = crate::support::inputs(&pair.told[0]);
            assert_eq!(told, (60..next).map(|frame| (frame, act(1, frame))).collect::<Vec<_>>(), "every input");
        }
    }
}

#[test]
fn a_caller_that_sleeps_until_the_deadline_does_not_stall() {
    for wire in Wire::ALL {
        let mut pair = Pair::met(wire);
        pair.lost = [true; 2];
        pair.run(20 * SECOND);
        assert_eq!(stalls(&pair.told[0]), []);
        assert_eq!(healths(&pair.told[0]), [Health::Good, Health::Interrupted, Health::Disconnected], "{wire:?}");
    }
}

#[test]
fn a_pause_is_a_stall_once_it_takes_half_of_the_silence_that_interrupts() {
    for (wire, half) in [(Wire::Compact, 250 * MS), (Wire::Keyed, 250 * MS), (Wire::Classic, 625 * MS)] {
        let pair = Pair::met(wire);
        let due = pair.ends[0].poll_timeout().expect("a ping").as_micros();
        for (late, told) in [(half - 1, vec![]), (half, vec![Duration::from_micros(half)])] {
            let mut end = pair.ends[0].clone();
            end.handle_timeout(at(due + late));
            assert_eq!(stalls(&events(&mut end)), told, "{wire:?}");
        }
    }
}

#[test]
fn without_an_open_peer_no_pause_is_a_stall() {
    let mut end = Pair::met(Wire::Compact).ends[0].clone();
    end.leave(at(3 * SECOND));
    drain(&mut end);
    assert!(end.poll_timeout().is_some(), "a goodbye is said more than once");
    end.handle_timeout(at(20 * SECOND));
    assert_eq!(stalls(&events(&mut end)), []);
}

#[test]
fn a_change_of_health_tells_for_how_long_nothing_was_heard() {
    let mut pair = Pair::met(Wire::Compact);
    pair.forget();
    pair.lost = [true; 2];
    pair.run(2 * SECOND);
    pair.lost = [false; 2];
    pair.run(SECOND);
    let silences = pair.told[0].iter().filter_map(|event| match event {
        Event::Health { health, silence, .. } => Some((*health, *silence)),
        _ => None,
    });
    let [(Health::Interrupted, first), (Health::Good, whole)] = silences.collect::<Vec<_>>()[..] else {
        panic!("{:?}", pair.told[0]);
    };
    assert_eq!(first, Duration::from_millis(500));
    assert!(whole >= Duration::from_secs(2) && whole < Duration::from_millis(2_500), "{whole:?}");
    assert_eq!(stats(&pair.ends[0]).longest_silence, Some(whole));
}

#[test]
fn a_peer_that_does_not_hear_us_is_deaf_and_not_silent() {
    for wire in Wire::ALL {
        let mut pair = Pair::met(wire);
        pair.play(30);
        pair.forget();
        // Nothing of the first end arrives; it hears the other as long as that has something to say.
        pair.lost = [true, false];
        pair.run(8 * SECOND);
        assert_eq!(healths(&pair.told[0]), [Health::Deaf], "{wire:?}");
        assert_eq!(healths(&pair.told[1]), [Health::Interrupted, Health::Disconnected], "{wire:?}");
        pair.lost = [false; 2];
        pair.run(SECOND);
        assert_eq!(healths(&pair.told[0]), [Health::Deaf, Health::Good], "{wire:?}");
    }
}

fn flushes(told: &[Event<1>]) -> usize {
    told.iter().filter(|event| matches!(event, Event::Flushed { .. })).count()
}

#[test]
fn a_flush_is_told_once_pushing_has_paused_and_everything_is_acknowledged() {
    let mut pair = Pair::met(Wire::Compact);
    pair.delay = 30 * MS;
    pair.play(100);
    assert_eq!(flushes(&pair.told[0]), 0, "no flush while the game goes on");
    pair.run(100 * MS);
    assert_eq!(pair.ends[0].unacked(PEER), 0);
    assert_eq!(flushes(&pair.told[0]), 1);
    pair.run(SECOND);
    assert_eq!(flushes(&pair.told[0]), 1, "once");
    pair.play(1);
    pair.run(SECOND);
    assert_eq!(flushes(&pair.told[0]), 2, "and again after another push");
}

#[test]
fn a_flush_waits_for_the_last_lost_input() {
    let mut pair = Pair::met(Wire::Compact);
    pair.play(10);
    pair.run(SECOND);
    pair.forget();
    pair.lost = [true, false];
    pair.play(1);
    pair.run(3 * SECOND);
    assert_eq!(flushes(&pair.told[0]), 0);
    pair.lost = [false; 2];
    pair.run(SECOND);
    assert_eq!(flushes(&pair.told[0]), 1);
}

/// A state hash of a frame.
fn hash(frame: u32) -> u64 {
    u64::from(frame).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

fn desyncs(told: &[Event<1>]) -> Vec<(u32, u64, u64)> {
    let desyncs = told.iter().filter_map(|event| match event {
        Event::Desync { frame, ours, theirs, .. } => Some((frame.get(), *ours, *theirs)),
        _ => None,
    });
    desyncs.collect()
}

/// Both play and hash every tenth frame, the second end later and wrongly in one frame, while half of all datagrams is
/// lost.
fn play_hashed(wrong: u32, lag: u32) -> Pair {
    let mut pair = Pair::met(Wire::Compact);
    pair.delay = 20 * MS;
    for number in 0..600 {
        pair.play(1);
        let coin = hash(number ^ 0x5a5a) >> 32;
        pair.lost = [coin & 1 == 0, coin & 2 == 0];
        if number % 10 == 0 {
            pair.ends[0].push_checksum(at(pair.now), frame(number), hash(number)).expect("few enough");
        }
        if let Some(number) = u32::checked_sub(number, lag).filter(|number| number % 10 == 0) {
            let flip = u64::from(number == wrong) << 17;
            pair.ends[1].push_checksum(at(pair.now), frame(number), hash(number) ^ flip).expect("few enough");
        }
    }
    pair.lost = [false; 2];
    pair.run(SECOND);
    pair
}

#[test]
fn one_wrong_bit_in_the_state_of_one_frame_is_named_at_both_ends() {
    for (wrong, lag) in [(10, 0), (200, 7), (430, 40)] {
        let pair = play_hashed(wrong, lag);
        let (right, flipped) = (hash(wrong), hash(wrong) ^ 1 << 17);
        assert_eq!(desyncs(&pair.told[0]), [(wrong, right, flipped)], "lag {lag}");
        assert_eq!(desyncs(&pair.told[1]), [(wrong, flipped, right)], "lag {lag}");
    }
}

#[test]
fn equal_states_are_never_told_to_differ_and_cost_nothing_once_acknowledged() {
    let mut pair = play_hashed(u32::MAX, 13);
    assert!(desyncs(&pair.told[0]).is_empty() && desyncs(&pair.told[1]).is_empty());
    pair.forget();
    pair.run(SECOND);
    assert!(pair.sent.iter().flatten().all(|(_, datagram)| datagram[0] & 0x80 != 0), "inputs only");
}

#[test]
fn checksums_go_out_with_the_inputs_of_the_same_moment() {
    let mut session = Pair::met(Wire::Compact).ends[0].clone();
    session.push_input(at(3 * SECOND), [1]).expect("room");
    session.push_checksum(at(3 * SECOND), frame(0), 7).expect("first");
    let kinds: Vec<_> = drain(&mut session).iter().map(|(_, datagram)| datagram[0] & 0xa2).collect();
    assert_eq!(kinds, [0x80, 0x22]);
}

#[test]
fn checksums_of_different_epochs_are_never_compared() {
    let mut pair = Pair::met(Wire::Compact);
    pair.ends[0].push_checksum(at(pair.now), frame(5), 1).expect("first");
    pair.run(SECOND);
    pair.begin_epoch(1);
    pair.ends[1].push_checksum(at(pair.now), frame(5), 2).expect("first of this epoch");
    pair.run(SECOND);
    assert!(desyncs(&pair.told[0]).is_empty() && desyncs(&pair.told[1]).is_empty());
    pair.ends[0].push_checksum(at(pair.now), frame(5), 1).expect("again, in this epoch");
    pair.run(SECOND);
    assert_eq!(desyncs(&pair.told[0]), [(5, 1, 2)]);
}

#[test]
fn checksums_that_nobody_acknowledges_are_refused_and_not_forgotten() {
    let mut pair = Pair::met(Wire::Compact);
    pair.lost = [true; 2];
    for number in 0..16 {
        assert_eq!(pair.ends[0].push_checksum(at(pair.now), frame(number), 0), Ok(()));
    }
    assert_eq!(pair.ends[0].push_checksum(at(pair.now), frame(16), 0), Err(ChecksumError::Full(PEER)));
    assert_eq!(pair.ends[0].push_checksum(at(pair.now), frame(15), 0), Err(ChecksumError::NotNewer));
    pair.lost = [false; 2];
    pair.run(SECOND);
    assert_eq!(pair.ends[0].push_checksum(at(pair.now), frame(16), 0), Ok(()), "the peer has them now");
}

#[test]
fn two_ends_that_switch_epochs_seconds_apart_lose_and_mix_nothing() {
    let mut pair = Pair::met(Wire::Compact);
    pair.play(50);
    for epoch in [1, 2, 7] {
        pair.run(SECOND);
        pair.forget();
        // One end is done and begins; the other follows five seconds later.
        let epoch = Epoch::new(epoch);
        pair.ends[0].begin_epoch(at(pair.now), epoch).expect("newer");
        for number in 0..100 {
            pair.ends[0].push_input(at(pair.now), act(0, number)).expect("room");
            pair.run(T);
        }
        pair.run(5 * SECOND - 100 * T);
        assert_eq!(news(&pair.told[1]), [Event::PeerAhead { peer: PEER, epoch }]);
        assert_eq!(crate::support::frames(&pair.told[1]), [0; 0], "nothing of the later epoch is told in the earlier");
        assert_eq!(healths(&pair.told[1]), [], "the greetings keep the link alive");
        pair.ends[1].begin_epoch(at(pair.now), epoch).expect("newer");
        pair.run(SECOND);
        pair.assert_told(1, 100);
    }
}

#[test]
fn the_newest_input_never_gets_older() {
    let mut pair = Pair::met(Wire::Classic);
    assert_eq!(pair.ends[1].newest_input(PEER), None);
    let mut newest = None;
    for number in 0..200_u32 {
        pair.lost = [number % 5 < 4, false];
        pair.play(1);
        let now = pair.ends[1].newest_input(PEER);
        assert!(now >= newest);
        newest = now;
        if let Some((frame, input)) = newest {
            assert_eq!(input, act(0, frame.get()));
        }
    }
    assert!(newest.is_some_and(|(frame, _)| frame.get() > 190));
}

#[test]
fn two_snapshots_make_a_rate() {
    let mut pair = Pair::met(Wire::Compact);
    pair.play(60);
    let before = stats(&pair.ends[0]);
    pair.play(60);
    let rates = stats(&pair.ends[0]).since(&before);
    assert_eq!(rates.span, Duration::from_micros(60 * T));
    assert_eq!(rates.totals.packets_sent, 60);
    assert_eq!(rates.per_second(rates.totals.packets_sent), 59);
    assert_eq!(rates.totals.refused.total(), 0);
}

#[test]
fn the_suggested_delay_hides_the_way_to_the_peer() {
    let mut pair = Pair::on(Wire::Compact);
    assert_eq!(pair.ends[0].suggested_delay(PEER), None);
    pair.delay = 50 * MS;
    pair.run(3 * SECOND);
    // 50 ms are three frames; one more for the frame in which the input is made.
    assert_eq!(pair.ends[0].suggested_delay(PEER), Some(4));
}

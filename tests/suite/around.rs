//! The services around inputs: stalls, deafness, flushes, checksums, prediction, rates.

use std::time::Duration;

use inputwire::{
    ChecksumError, Endpoint, Epoch, Event, Health, MAX_DATAGRAM_SIZE, PeerEvent, PeerId, PushError, Session,
};

use crate::support::forge::Seal;
use crate::support::{
    Hashing, MS, PEER, Pair, SECOND, T, Wire, act, at, drain, endpoint, events, frame, frames, healths, incarnation,
    inputs, peer, peer_events, stalls, stats,
};

#[test]
fn a_hidden_tab_is_a_local_stall_here_and_silence_at_the_peer() {
    for wire in Wire::ALL {
        let mut pair = Pair::met(wire);
        pair.play(60);
        pair.forget();
        // The first endpoint sleeps for a minute; the other goes on as long as its window allows.
        let woken = pair.now + 60 * SECOND;
        let mut waiting = Vec::new();
        let mut buf = [0; inputwire::MAX_DATAGRAM_SIZE];
        while pair.now < woken {
            let other = &mut pair.sessions[1];
            let input = act(1, other.next_frame().get());
            match other.push_input(at(pair.now), input) {
                Ok(_) | Err(PushError::WindowFull(_)) => {}
                Err(other) => panic!("{other}"),
            }
            while let Some(transmit) = other.poll_transmit(&mut buf) {
                waiting.push(transmit.datagram.to_vec());
            }
            pair.reported[1].extend(events(other));
            pair.now += T;
        }
        assert_eq!(healths(&pair.reported[1]), [Health::Interrupted, Health::Disconnected], "{wire:?}");

        let sleeper = &mut pair.sessions[0];
        sleeper.handle_timeout(at(pair.now));
        let reported = events(sleeper);
        let [stall] = stalls(&reported)[..] else { panic!("{reported:?}") };
        assert!(stall > Duration::from_secs(59) && stall <= Duration::from_secs(60), "{stall:?}");
        assert_eq!(healths(&reported), [], "no peer is silent during a local stall");
        for datagram in &waiting {
            let _ = sleeper.handle_datagram(at(pair.now), PEER, datagram);
            pair.reported[0].extend(events(sleeper));
        }
        assert_eq!(healths(&pair.reported[0]), [], "waiting datagrams count before silence does");
        pair.run(SECOND);
        pair.play(60);
        assert_eq!(healths(&pair.reported[1]).last(), Some(&Health::Good), "{wire:?}");
        assert_eq!(stalls(&pair.reported[1]), []);
        if wire != Wire::Classic {
            let next = pair.sessions[1].next_frame().get();
            assert_eq!(
                inputs(&pair.reported[0]),
                (60..next).map(|frame| (frame, act(1, frame))).collect::<Vec<_>>(),
                "every input"
            );
        }
    }
}

#[test]
fn a_caller_that_sleeps_until_the_deadline_does_not_stall() {
    for wire in Wire::ALL {
        let mut pair = Pair::met(wire);
        pair.lost = [true; 2];
        pair.run(20 * SECOND);
        assert_eq!(stalls(&pair.reported[0]), []);
        assert_eq!(healths(&pair.reported[0]), [Health::Good, Health::Interrupted, Health::Disconnected], "{wire:?}");
    }
}

#[test]
fn a_pause_is_a_stall_from_half_of_the_interrupt_timeout_on() {
    for (wire, half) in [(Wire::Compact, 250 * MS), (Wire::Keyed, 250 * MS), (Wire::Classic, 625 * MS)] {
        let pair = Pair::met(wire);
        let due = pair.sessions[0].poll_timeout().expect("a ping").as_micros();
        for (late, reported) in [(half - 1, vec![]), (half, vec![Duration::from_micros(half)])] {
            let mut session = pair.sessions[0].clone();
            session.handle_timeout(at(due + late));
            assert_eq!(stalls(&events(&mut session)), reported, "{wire:?}");
        }
    }
}

#[test]
fn without_an_open_peer_no_pause_is_a_stall() {
    let mut session = Pair::met(Wire::Compact).sessions[0].clone();
    session.close(at(3 * SECOND));
    drain(&mut session);
    assert!(session.poll_timeout().is_some(), "a bye is sent more than once");
    session.handle_timeout(at(20 * SECOND));
    assert_eq!(stalls(&events(&mut session)), []);
}

#[test]
fn a_health_event_reports_how_long_the_peer_was_silent() {
    let mut pair = Pair::met(Wire::Compact);
    pair.forget();
    pair.lost = [true; 2];
    pair.run(2 * SECOND);
    pair.lost = [false; 2];
    pair.run(SECOND);
    let silences = pair.reported[0].iter().filter_map(|event| match event {
        Event::Peer { event: PeerEvent::Health { health, silence }, .. } => Some((*health, *silence)),
        _ => None,
    });
    let [(Health::Interrupted, first), (Health::Good, whole)] = silences.collect::<Vec<_>>()[..] else {
        panic!("{:?}", pair.reported[0]);
    };
    assert_eq!(first, Duration::from_millis(500));
    assert!(whole >= Duration::from_secs(2) && whole < Duration::from_millis(2_500), "{whole:?}");
    assert_eq!(stats(&pair.sessions[0]).longest_silence, Some(whole));
}

#[test]
fn a_peer_that_receives_nothing_but_still_sends_is_deaf_and_not_silent() {
    for wire in Wire::ALL {
        let mut pair = Pair::met(wire);
        pair.play(30);
        pair.forget();
        // Nothing from the first endpoint arrives; it receives from the other as long as that sends.
        pair.lost = [true, false];
        pair.run(8 * SECOND);
        assert_eq!(healths(&pair.reported[0]), [Health::Deaf], "{wire:?}");
        assert_eq!(healths(&pair.reported[1]), [Health::Interrupted, Health::Disconnected], "{wire:?}");
        pair.lost = [false; 2];
        pair.run(SECOND);
        assert_eq!(healths(&pair.reported[0]), [Health::Deaf, Health::Good], "{wire:?}");
    }
}

#[test]
fn a_peer_that_owes_an_acknowledgement_is_deaf_soon_and_one_that_owes_none_or_echoes_late_is_not() {
    let stamp = |now: u64| u16::try_from(now * MS / 250).expect("16 bits");
    let seal = Seal::new(Wire::Compact, 1, 0);
    // In milliseconds: when the input of 60 ms is acknowledged, when something is echoed after a round trip of 40 ms, and when the peer
    // is deaf: 500 ms and a round trip after that input, or else 2.5 s after the last response.
    for (acked_at, echoed_at, deaf_at) in
        [(None, None, 600), (Some(100), None, 2_600), (None, Some(349), 600), (None, Some(350), 2_850)]
    {
        let settings = Wire::Compact.settings(0);
        let mut session = endpoint::<1, 120>(settings, Wire::Compact.peer(1).incarnation(incarnation(1)));
        let mut first_deaf = None;
        // From 60 ms on its channel is congested: nothing is taken of the session.
        for now in 0..=deaf_at {
            let acked = acked_at.is_some_and(|acked_at| acked_at <= now);
            let echo = if now == 50 || echoed_at == Some(now) { stamp(now - 40) } else { 0 };
            let timing = [stamp(now), echo, u16::try_from(now + 1).expect("16 bits")];
            let datagram = seal.timed(0, 0, acked.into(), timing, &[]);
            assert_eq!(session.handle_datagram(at(now * MS), PEER, &datagram), Ok(()));
            if now == 60 {
                session.push_input(at(now * MS), [1]).expect("room");
            }
            if now <= 60 {
                drain(&mut session);
            }
            if peer(&session).health() == Health::Deaf {
                first_deaf = first_deaf.or(Some(now));
            }
        }
        assert_eq!(first_deaf, Some(deaf_at), "acknowledged at {acked_at:?}, echoed at {echoed_at:?}");
    }
}

fn flushes(events: &[Event<1>]) -> usize {
    events.iter().filter(|event| matches!(event, Event::Peer { event: PeerEvent::Flushed, .. })).count()
}

#[test]
fn a_flush_is_reported_once_pushing_has_paused_and_everything_is_acknowledged() {
    let mut pair = Pair::met(Wire::Compact);
    pair.delay = 30 * MS;
    pair.play(100);
    assert_eq!(flushes(&pair.reported[0]), 0, "no flush while the game goes on");
    pair.run(100 * MS);
    assert_eq!(peer(&pair.sessions[0]).unacked(), 0);
    assert_eq!(flushes(&pair.reported[0]), 1);
    pair.run(SECOND);
    assert_eq!(flushes(&pair.reported[0]), 1, "once");
    pair.play(1);
    pair.run(SECOND);
    assert_eq!(flushes(&pair.reported[0]), 2, "and again after another push");
}

#[test]
fn a_flush_waits_until_a_lost_input_is_acknowledged() {
    let mut pair = Pair::met(Wire::Compact);
    pair.play(10);
    pair.run(SECOND);
    pair.forget();
    pair.lost = [true, false];
    pair.play(1);
    pair.run(3 * SECOND);
    assert_eq!(flushes(&pair.reported[0]), 0);
    pair.lost = [false; 2];
    pair.run(SECOND);
    assert_eq!(flushes(&pair.reported[0]), 1);
}

/// The hash of the game's state after a frame.
fn hash(frame: u32) -> u64 {
    u64::from(frame).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

fn desyncs(events: &[Event<1>]) -> Vec<(u32, u64, u64)> {
    let desyncs = events.iter().filter_map(|event| match event {
        Event::Peer { event: PeerEvent::Desync { frame, local, remote }, .. } => Some((frame.get(), *local, *remote)),
        _ => None,
    });
    desyncs.collect()
}

/// Both endpoints play and push a checksum every tenth frame, the second one later and wrong in one frame, while half of
/// all datagrams are lost.
fn play_hashed(wrong: u32, lag: u32) -> Pair {
    let mut pair = Pair::met(Wire::Compact);
    pair.delay = 20 * MS;
    let mut hashing = [Hashing::every(10); 2];
    for number in 0..600 {
        pair.play(1);
        let coin = hash(number ^ 0x5a5a) >> 32;
        pair.lost = [coin & 1 == 0, coin & 2 == 0];
        let [one, other] = &mut pair.sessions;
        hashing[0].push(one, pair.now, number + 1, hash);
        let end = (number + 1).saturating_sub(lag);
        hashing[1].push(other, pair.now, end, |number| hash(number) ^ u64::from(number == wrong) << 17);
    }
    pair.lost = [false; 2];
    pair.run(SECOND);
    pair
}

#[test]
fn one_wrong_bit_in_the_state_of_one_frame_is_reported_at_both_endpoints() {
    for (wrong, lag) in [(10, 0), (200, 7), (430, 40)] {
        let pair = play_hashed(wrong, lag);
        let (right, flipped) = (hash(wrong), hash(wrong) ^ 1 << 17);
        assert_eq!(desyncs(&pair.reported[0]), [(wrong, right, flipped)], "lag {lag}");
        assert_eq!(desyncs(&pair.reported[1]), [(wrong, flipped, right)], "lag {lag}");
    }
}

#[test]
fn equal_states_report_no_desync_and_cost_nothing_once_acknowledged() {
    let mut pair = play_hashed(u32::MAX, 13);
    assert!(desyncs(&pair.reported[0]).is_empty() && desyncs(&pair.reported[1]).is_empty());
    pair.forget();
    pair.run(SECOND);
    assert!(pair.sent.iter().flatten().all(|(_, datagram)| datagram[0] & 0x80 != 0), "input datagrams only");
}

#[test]
fn checksums_are_sent_together_with_inputs_pushed_at_the_same_time() {
    let mut session = Pair::met(Wire::Compact).sessions[0].clone();
    let first = Seal::new(Wire::Compact, 1, 0).inputs(1, 1, 0, &[]);
    assert_eq!(session.handle_datagram(at(3 * SECOND), PEER, &first), Ok(()));
    session.push_input(at(3 * SECOND), [1]).expect("room");
    session.push_checksum(at(3 * SECOND), frame(0), 7).expect("first");
    let kinds: Vec<_> = drain(&mut session).iter().map(|(_, datagram)| datagram[0] & 0xa2).collect();
    assert_eq!(kinds, [0x80, 0x22]);
}

#[test]
fn checksums_of_different_epochs_are_never_compared() {
    let mut pair = Pair::met(Wire::Compact);
    pair.play(6);
    pair.sessions[0].push_checksum(at(pair.now), frame(5), 1).expect("first");
    pair.run(SECOND);
    pair.begin_epoch(1);
    pair.run(SECOND);
    pair.play(6);
    pair.sessions[1].push_checksum(at(pair.now), frame(5), 2).expect("first of this epoch");
    pair.run(SECOND);
    assert!(desyncs(&pair.reported[0]).is_empty() && desyncs(&pair.reported[1]).is_empty());
    pair.sessions[0].push_checksum(at(pair.now), frame(5), 1).expect("again, in this epoch");
    pair.run(SECOND);
    assert_eq!(desyncs(&pair.reported[0]), [(5, 1, 2)]);
}

#[test]
fn pushing_too_many_unacknowledged_checksums_fails_and_forgets_none() {
    let mut pair = Pair::met(Wire::Compact);
    pair.play(20);
    pair.lost = [true; 2];
    for number in 0..16 {
        assert_eq!(pair.sessions[0].push_checksum(at(pair.now), frame(number), 0), Ok(()));
    }
    assert_eq!(pair.sessions[0].push_checksum(at(pair.now), frame(16), 0), Err(ChecksumError::Full(PEER)));
    assert_eq!(pair.sessions[0].push_checksum(at(pair.now), frame(15), 0), Err(ChecksumError::NotNewer));
    pair.lost = [false; 2];
    pair.run(SECOND);
    assert_eq!(pair.sessions[0].push_checksum(at(pair.now), frame(16), 0), Ok(()), "the peer has them now");
}

#[test]
fn two_endpoints_that_change_epoch_seconds_apart_lose_and_mix_nothing() {
    let mut pair = Pair::met(Wire::Compact);
    pair.play(50);
    for epoch in [1, 2, 7] {
        pair.run(SECOND);
        pair.forget();
        // One endpoint begins the epoch; the other follows five seconds later.
        let epoch = Epoch::new(epoch);
        pair.sessions[0].begin_epoch(at(pair.now), epoch).expect("newer");
        for number in 0..100 {
            pair.sessions[0].push_input(at(pair.now), act(0, number)).expect("room");
            pair.run(T);
        }
        pair.run(5 * SECOND - 100 * T);
        assert_eq!(peer_events(&pair.reported[1]), [PeerEvent::EpochAhead { epoch }]);
        assert_eq!(frames(&pair.reported[1]), [0; 0], "nothing of the later epoch is delivered in the earlier");
        assert_eq!(healths(&pair.reported[1]), [], "hellos keep the link alive");
        pair.sessions[1].begin_epoch(at(pair.now), epoch).expect("newer");
        pair.run(SECOND);
        pair.assert_delivered(1, 100);
    }
}

#[test]
fn the_latest_input_never_goes_back() {
    let mut pair = Pair::met(Wire::Classic);
    assert_eq!(peer(&pair.sessions[1]).latest_input(), None);
    let mut latest = None;
    for number in 0..200_u32 {
        pair.lost = [number % 5 < 4, false];
        pair.play(1);
        let now = peer(&pair.sessions[1]).latest_input();
        assert!(now >= latest);
        latest = now;
        if let Some((frame, input)) = latest {
            assert_eq!(input, act(0, frame.get()));
        }
    }
    assert!(latest.is_some_and(|(frame, _)| frame.get() > 190));
}

#[test]
fn the_difference_of_two_snapshots_gives_rates() {
    let mut pair = Pair::met(Wire::Compact);
    pair.play(60);
    let before = stats(&pair.sessions[0]);
    pair.play(60);
    let delta = stats(&pair.sessions[0]).since(&before);
    assert_eq!(delta.span, Duration::from_micros(60 * T));
    assert_eq!(delta.totals.packets_sent, 60);
    assert_eq!(delta.per_second(delta.totals.packets_sent), 59);
    assert_eq!(delta.totals.refused.total(), 0);
}

#[test]
fn the_suggested_delay_covers_the_trip_from_the_peer() {
    let mut pair = Pair::on(Wire::Compact);
    assert_eq!(peer(&pair.sessions[0]).suggested_delay(), None);
    pair.delay = 50 * MS;
    pair.run(3 * SECOND);
    // A trip of 50 ms is three frames, plus the one in which the input is sampled.
    assert_eq!(peer(&pair.sessions[0]).suggested_delay(), Some(4));
}

#[test]
fn a_checksum_is_taken_only_of_a_frame_whose_inputs_are_all_known() {
    for wire in Wire::ALL {
        let mut pair = Pair::met(wire);
        pair.delay = 50 * MS;
        pair.play(20);
        let now = pair.now;
        let session = &mut pair.sessions[0];
        let confirmed = session.confirmed_frame().expect("some").get();
        assert!(confirmed < 19, "the latest inputs of the peer are on their way");
        for number in [confirmed + 1, 19, 20, 1_000, u32::MAX] {
            let refused = session.push_checksum(at(now), frame(number), 7);
            assert_eq!(refused, Err(ChecksumError::NotConfirmed), "{number}");
        }
        assert_eq!(session.push_checksum(at(now), frame(confirmed), 7), Ok(()));
        assert_eq!(session.push_checksum(at(now), frame(confirmed), 7), Err(ChecksumError::NotNewer));
        // Nor of one that the peer has sent, and this endpoint has not pushed yet.
        let mut pair = Pair::met(wire);
        for number in 0..5 {
            pair.sessions[1].push_input(at(pair.now), act(1, number)).expect("room");
        }
        pair.run(SECOND);
        assert_eq!(pair.sessions[0].confirmed_frame(), Some(frame(4)));
        assert_eq!(pair.sessions[0].push_checksum(at(pair.now), frame(0), 7), Err(ChecksumError::NotConfirmed));
        assert!(desyncs(&pair.reported[0]).is_empty());
    }
}

/// A pair with these ping intervals in milliseconds, after it was idle for so long; and the healths that each saw.
fn idle(pings: [u64; 2], delay: u64, seconds: u64) -> Vec<Vec<Health>> {
    let session = |player: u16| {
        let ping = Duration::from_millis(pings[usize::from(player)]);
        let settings = Wire::Compact.settings(player).ping_interval(ping).disconnect_after(Duration::from_secs(60));
        endpoint::<1, 120>(settings, Wire::Compact.peer(1 - player))
    };
    let mut pair = Pair::new(session(0), session(1));
    pair.delay = delay;
    // The ends do not start at the same moment.
    pair.lost = [true, true];
    pair.run(delay * 3);
    pair.lost = [false, false];
    pair.run(seconds * SECOND);
    pair.reported.iter().map(|reported| healths(reported)).collect()
}

#[test]
fn on_a_perfect_network_nobody_is_deaf_or_silent_however_rare_and_unequal_pings_are() {
    let pings = [20, 200, 1_000, 2_000, 5_000, 10_000];
    for one in pings {
        for other in pings {
            for delay in [0, 7 * MS, 300 * MS] {
                let healths = idle([one, other], delay, 120);
                let good = if delay > 100 * MS { Health::Critical } else { Health::Good };
                for seen in healths {
                    let steady = seen.iter().filter(|health| **health != Health::Good || good == Health::Good);
                    assert_eq!(steady.collect::<Vec<_>>(), [&good], "pings of {one} and {other} ms, {delay} us away");
                }
            }
        }
    }
}

#[test]
fn a_peer_that_dies_is_interrupted_after_two_and_a_half_of_the_longer_ping_interval_of_both() {
    for (pings, limit) in [([200, 200], 500), ([20, 1_000], 2_500), ([1_000, 20], 2_500), ([5_000, 200], 12_500)] {
        let session = |player: u16| {
            let ping = Duration::from_millis(pings[usize::from(player)]);
            let settings = Wire::Compact.settings(player).ping_interval(ping).disconnect_after(Duration::from_secs(20));
            endpoint::<1, 120>(settings, Wire::Compact.peer(1 - player))
        };
        let mut pair = Pair::new(session(0), session(1));
        pair.run(15 * SECOND);
        pair.lost = [true; 2];
        pair.forget();
        pair.run(30 * SECOND);
        for reported in &pair.reported {
            let silences = reported.iter().filter_map(|event| match event {
                Event::Peer { event: PeerEvent::Health { health, silence }, .. } => {
                    Some((*health, silence.as_millis()))
                }
                _ => None,
            });
            let expected = [(Health::Interrupted, limit), (Health::Disconnected, 20_000)];
            assert_eq!(silences.collect::<Vec<_>>(), expected, "pings of {pings:?} ms");
        }
    }
}

#[test]
fn what_stands_for_a_session_polls_one_peer_as_the_session_does() {
    fn sent_to(endpoint: &mut impl Endpoint<2, 1, 120>, peer: PeerId) -> Option<Vec<u8>> {
        let mut buf = [0; MAX_DATAGRAM_SIZE];
        let transmit = endpoint.poll_transmit_to(peer, &mut buf)?;
        assert_eq!(transmit.peer, peer);
        Some(transmit.datagram.to_vec())
    }
    let mut session = Session::<2, 1>::new(Wire::Compact.settings(0).build().expect("settings"));
    let [first, second] = [1, 2].map(|player| session.add_peer(at(0), Wire::Compact.peer(player)).expect("room"));
    let hellos = drain(&mut session.clone());
    for peer in [second, first] {
        let hello = hellos.iter().find(|(to, _)| *to == peer).map(|(_, hello)| hello.clone());
        assert!(hello.is_some());
        assert_eq!(sent_to(&mut session, peer), hello);
        assert_eq!(sent_to(&mut session, peer), None);
    }
}

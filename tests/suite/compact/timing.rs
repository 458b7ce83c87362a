//! The timing block: round trips, jitter and loss (PROTOCOL 3.6).

use std::time::Duration;

use inputwire::{Epoch, Health};

use super::running;
use crate::support::forge::Seal;
use crate::support::{
    MS, PEER, Pair, SECOND, Wire, answer_of_another_run, at, due, due_input, endpoint, events, healths, incarnation,
    peer, stats,
};

/// The timing block of a datagram without a key.
fn block(datagram: &[u8]) -> Option<[u16; 3]> {
    let at = 5 + usize::from(datagram[0] & 15 == 15);
    let word = |index: usize| u16::from_be_bytes([datagram[at + 2 * index], datagram[at + 2 * index + 1]]);
    (datagram[0] & 0xc0 == 0xc0).then(|| [word(0), word(1), word(2)])
}

#[test]
fn the_first_ten_datagrams_carry_a_timing_block_and_then_one_every_ping_interval() {
    let mut session = running(Wire::Compact.settings(0));
    let mut blocks = Vec::new();
    for number in 1..=60_u64 {
        let now = number * 10 * MS;
        session.push_input(at(now), [1]).expect("room");
        let datagram = due_input(&mut session, now);
        blocks.extend(block(&datagram).map(|[stamp, _, sent]| {
            assert_eq!((u64::from(stamp), u64::from(sent)), (now / 250, number + 1), "sent counts the first one, too");
            number
        }));
    }
    // The first was sent when the peer was added, the tenth at 90 ms.
    assert_eq!(blocks, [1, 2, 3, 4, 5, 6, 7, 8, 9, 29, 49]);
}

#[test]
fn a_restart_of_the_peer_keeps_the_sent_count_and_the_schedule_of_timing_blocks() {
    let mut session = running(Wire::Compact.settings(0));
    let seal = Seal::new(Wire::Compact, 1, 0);
    let mut blocks = Vec::new();
    for number in 1..=130_u64 {
        let now = number * 10 * MS;
        if number == 100 {
            let restarted = Seal { sender: (1, incarnation(1) + 1), epoch: 1, ..seal };
            let hello = answer_of_another_run(&mut session, now, &restarted);
            assert_eq!(session.handle_datagram(at(now), PEER, &hello), Ok(()));
            session.begin_epoch(at(now), Epoch::new(1)).expect("newer");
        }
        session.push_input(at(now), [1]).expect("room");
        let datagram = due_input(&mut session, now);
        blocks.extend(block(&datagram).map(|[_, _, sent]| (number, sent)));
    }
    assert_eq!(blocks[9..], [(29, 30), (49, 50), (69, 70), (89, 90), (109, 110), (129, 130)]);
}

#[test]
fn an_echo_is_the_newest_stamp_plus_how_long_it_was_held() {
    let mut session = running(Wire::Compact.settings(0));
    let seal = Seal::new(Wire::Compact, 1, 0);
    let received = 50 * MS;
    assert_eq!(session.handle_datagram(at(received), PEER, &seal.timed(0, 0, 0, [40_000, 0, 1], &[])), Ok(()));
    for (held, echo) in [(0, 40_000), (30 * MS, 40_120), (2 * SECOND, 48_000), (2 * SECOND + MS, 0)] {
        let mut session = session.clone();
        // Inputs without a block show that the peer is there.
        for number in 1..=u32::try_from(held / (200 * MS)).expect("few") {
            let now = received + u64::from(number) * 200 * MS;
            assert_eq!(session.handle_datagram(at(now), PEER, &seal.inputs(1, number, 0, &[])), Ok(()));
        }
        session.push_input(at(received + held), [1]).expect("room");
        let datagram = due_input(&mut session, received + held);
        assert_eq!(block(&datagram).expect("a block")[1], echo, "held for {held} us");
    }
    // To a peer that was not heard for half of the interrupt limit nothing is echoed.
    for (silence, echo) in [(250 * MS, 41_000), (251 * MS, 0)] {
        let mut session = session.clone();
        session.push_input(at(received + silence), [1]).expect("room");
        let datagram = due_input(&mut session, received + silence);
        assert_eq!(block(&datagram).expect("a block")[1], echo, "silent for {silence} us");
    }
    // An echo of 0 would mean that there is none.
    assert_eq!(session.handle_datagram(at(received), PEER, &seal.timed(0, 0, 0, [65_416, 0, 2], &[])), Ok(()));
    session.push_input(at(received + 30 * MS), [1]).expect("room");
    let datagram = due_input(&mut session, received + 30 * MS);
    assert_eq!(block(&datagram).expect("a block")[1], 1);
}

#[test]
fn the_round_trip_excludes_the_time_that_the_peer_held_the_stamp() {
    for wire in Wire::COMPACT {
        for delay in [0, 5 * MS, 40 * MS, 150 * MS] {
            let mut pair = Pair::on(wire);
            pair.delay = delay;
            pair.run(5 * SECOND);
            pair.play(60);
            for session in &pair.sessions {
                let rtt = stats(session).rtt.expect("samples");
                let close = |figure: Duration| figure.as_micros().abs_diff(u128::from(2 * delay)) <= 500;
                assert!(close(rtt.min) && close(rtt.mean) && close(rtt.smoothed), "{delay}: {rtt:?}");
            }
        }
    }
}

#[test]
fn inbound_loss_is_exact() {
    for wire in Wire::COMPACT {
        let mut pair = Pair::met(wire);
        assert_eq!(stats(&pair.sessions[1]).inbound_lost, Some(0));
        let mut lost = 0;
        for number in 0..50_u64 {
            let before = pair.sent[0].len();
            pair.lost[0] = number % 5 == 3;
            pair.play(1);
            lost += if pair.lost[0] { pair.sent[0].len() - before } else { 0 };
        }
        pair.lost[0] = false;
        pair.run(SECOND);
        assert!(lost > 5);
        assert_eq!(stats(&pair.sessions[1]).inbound_lost, u64::try_from(lost).ok());
        assert_eq!(stats(&pair.sessions[0]).inbound_lost, Some(0));
    }
}

#[test]
fn a_block_tells_which_share_of_the_peers_datagrams_was_missed_lately() {
    let mut session = running(Wire::Compact.settings(0));
    let seal = Seal::new(Wire::Compact, 1, 0);
    // The share moves by an eighth of what is new, in 256ths: none of 1, 3 of 4, none of 1, 1 of 2, 5 of 6.
    for (sent, lost) in [(1, 0), (5, 24), (6, 21), (8, 34), (14, 56)] {
        assert_eq!(session.handle_datagram(at(MS), PEER, &seal.timed(0, 0, 0, [4, 0, sent], &[])), Ok(()));
        let mut session = session.clone();
        session.push_input(at(MS), [1]).expect("room");
        let datagram = due_input(&mut session, MS);
        assert!(block(&datagram).is_some());
        assert_eq!(datagram[5 + 6], lost, "{sent} sent");
    }
}

#[test]
fn datagrams_two_seconds_apart_say_nothing_of_jitter() {
    let seal = Seal::new(Wire::Compact, 1, 0);
    for (sent_apart, arrived_apart, counts) in [
        (SECOND, 2 * SECOND - 1, true),
        (SECOND, 2 * SECOND, false),
        (2 * SECOND - 250, SECOND, true),
        (2 * SECOND, SECOND, false),
    ] {
        let mut session = running(Wire::Compact.settings(0));
        for (now, sent_at, sent) in [(0, 0, 1), (arrived_apart, sent_apart, 2)] {
            let stamp = u16::try_from(sent_at / 250).expect("16 bits");
            assert_eq!(session.handle_datagram(at(now), PEER, &seal.timed(0, 0, 0, [stamp, 0, sent], &[])), Ok(()));
        }
        assert_eq!(stats(&session).jitter.is_some(), counts, "sent {sent_apart} us apart, arrived {arrived_apart}");
    }
}

#[test]
fn jitter_follows_rfc_3550() {
    let mut session = running(Wire::Compact.settings(0));
    let seal = Seal::new(Wire::Compact, 1, 0);
    // Sent every 10 ms (40 units), arriving 10, 14 and 10 ms apart.
    for (now, stamp, sent) in [(100, 40, 1), (110, 80, 2), (124, 120, 3), (134, 160, 4)] {
        assert_eq!(session.handle_datagram(at(now * MS), PEER, &seal.timed(0, 0, 0, [stamp, 0, sent], &[])), Ok(()));
    }
    // J grows by (|D| - J) / 16: 0, then 250 us, then 234.375 us.
    assert_eq!(stats(&session).jitter.expect("three arrivals").as_micros(), 234);
}

/// The health changes of both endpoints of an idle link with these ping intervals, from 30 s on, until three minutes.
fn health_changes(wire: Wire, ping_ms: [u64; 2], delay: u64) -> Vec<Health> {
    let settings = |player: u16| {
        let ping = Duration::from_millis(ping_ms[usize::from(player)]);
        wire.settings(player).ping_interval(ping).disconnect_after(Duration::from_secs(60))
    };
    let mut pair: Pair = Pair::new(endpoint(settings(0), wire.peer(1)), endpoint(settings(1), wire.peer(0)));
    pair.delay = delay;
    pair.run(30 * SECOND);
    pair.forget();
    pair.run(150 * SECOND);
    pair.reported.iter().flat_map(|reported| healths(reported)).collect()
}

#[test]
fn an_idle_link_on_a_perfect_network_stays_good_whatever_the_ping_intervals_are() {
    for wire in Wire::COMPACT {
        for ping_ms in [[200, 200], [200, 1_000], [1_000, 200], [5_000, 5_000], [20, 10_000], [10_000, 10_000]] {
            for delay in [0, 10 * MS, 60 * MS] {
                assert_eq!(health_changes(wire, ping_ms, delay), [], "{ping_ms:?} {delay}");
            }
        }
    }
}

#[test]
fn silence_is_judged_by_the_longer_ping_interval() {
    for wire in Wire::COMPACT {
        let settings = |player| wire.settings(player).disconnect_after(Duration::from_secs(60));
        let slow = settings(1).ping_interval(Duration::from_secs(2));
        let mut pair: Pair = Pair::new(endpoint(settings(0), wire.peer(1)), endpoint(slow, wire.peer(0)));
        pair.run(10 * SECOND);
        let silent_at = pair.sent[1].last().expect("something").0;
        pair.lost[1] = true;
        pair.forget();
        // 2.5 of its ping intervals.
        pair.run(silent_at + 5 * SECOND - 1 - pair.now);
        assert_eq!(healths(&pair.reported[0]), []);
        pair.run(1);
        assert_eq!(healths(&pair.reported[0]), [Health::Interrupted]);
    }
}

#[test]
fn an_announced_ping_interval_beyond_its_bounds_counts_as_the_nearest_one_whether_an_input_or_a_hello_proves_the_run() {
    for wire in Wire::COMPACT {
        for (ping_ms, limit) in [(u16::MAX, 25 * SECOND), (10_000, 25 * SECOND), (0, 500 * MS)] {
            for proven in [true, false] {
                let mut session = endpoint::<1, 120>(wire.settings(0), wire.peer(1));
                due(&mut session, 0);
                let seal = Seal::new(wire, 1, 0);
                let seal = if proven { seal } else { seal.playing(1, 1) };
                let mut body = seal.hello_body();
                body[13..15].copy_from_slice(&ping_ms.to_be_bytes());
                assert_eq!(session.handle_datagram(at(0), PEER, &seal.hello_of(&body)), Ok(()));
                if proven {
                    assert_eq!(session.handle_datagram(at(0), PEER, &seal.timed(0, 0, 0, [0, 0, 1], &[])), Ok(()));
                }
                let health_at = |now: u64| {
                    let mut session = session.clone();
                    (0..=now / MS / 10).for_each(|step| session.handle_timeout(at(10 * MS * step)));
                    peer(&session).health()
                };
                assert!(health_at(limit - 10 * MS) < Health::Interrupted, "{ping_ms} ms, {proven}");
                assert!(health_at(limit) >= Health::Interrupted, "{ping_ms} ms, {proven}");
            }
        }
    }
}

#[test]
fn a_ping_interval_whose_hellos_were_lost_is_asked_for_where_signalling_named_the_run() {
    for wire in Wire::COMPACT {
        let settings = |player| wire.settings(player).disconnect_after(Duration::from_secs(60));
        let slow = settings(1).ping_interval(Duration::from_secs(2));
        let ends = [(settings(0), 1), (slow, 0)];
        let [fast, slow] =
            ends.map(|(settings, peer)| endpoint(settings, wire.peer(peer).incarnation(incarnation(peer))));
        let mut pair: Pair = Pair::new(fast, slow);
        // Its hellos are lost, as long as it says any, and then its inputs prove it.
        pair.lost[1] = true;
        pair.run(1_500 * MS);
        pair.lost[1] = false;
        pair.run(5 * SECOND);
        pair.forget();
        pair.run(60 * SECOND);
        assert_eq!(healths(&pair.reported[0]), []);
        assert!(pair.sent.iter().flatten().all(|(_, sent)| sent[0] != 0x20), "and no hello is said any more");
    }
}

#[test]
fn a_peer_that_takes_nothing_after_its_transport_reopened_is_deaf_after_the_interrupt_limit_and_a_round_trip() {
    let (mut session, seal) = (running(Wire::Compact.settings(0)), Seal::new(Wire::Compact, 1, 0));
    session.push_input(at(0), [1]).expect("room");
    due(&mut session, 0);
    let opened = 300 * MS;
    session.handle_transport_closed(at(200 * MS), PEER);
    session.handle_transport_opened(at(opened), PEER);
    // It echoes once that it heard of us, and goes on sending.
    let trip = 20 * MS;
    let deaf_at = (1..100).find_map(|step| {
        let now = opened + step * trip;
        let unit = |micros: u64| u16::try_from(micros / 250).expect("a second");
        let echo = if step == 1 { unit(opened) } else { 0 };
        let sent = u16::try_from(step).expect("few");
        let datagram = seal.timed(0, 0, 0, [unit(now), echo, sent], &[]);
        assert_eq!(session.handle_datagram(at(now), PEER, &datagram), Ok(()));
        due(&mut session, now);
        healths(&events(&mut session)).contains(&Health::Deaf).then_some(now)
    });
    assert_eq!(deaf_at, Some(opened + 500 * MS + trip));
}

//! A link on which nobody plays for hours: timing blocks are its only signs of life, and their numbers are modulo 65,536.

use std::time::Duration;

use inputwire::{DatagramError, Event, Frame, Health, Instant, PeerEvent};

use crate::support::forge::Seal;
use crate::support::{MS, PEER, Pair, SECOND, Wire, at, drain, due, endpoint, events, healths, stats};

const HOUR: u64 = 3_600 * SECOND;

/// Sleeps `player` for a while: it is not called, and what is sent to it is lost. The other one goes on.
fn sleep(pair: &mut Pair, player: usize, micros: u64) {
    let until = pair.now + micros;
    while pair.now < until {
        let session = &mut pair.sessions[1 - player];
        due(session, pair.now);
        events(session);
        let next = session.poll_timeout().map_or(until, Instant::as_micros);
        assert!(next > pair.now, "woken in a loop");
        pair.now = next.min(until);
    }
}

/// Nothing arrives at either end for a while.
fn cut(pair: &mut Pair, micros: u64) {
    pair.lost = [true; 2];
    pair.run(micros);
    pair.lost = [false; 2];
}

fn health(pair: &Pair, end: usize) -> Health {
    stats(&pair.sessions[end]).health
}

/// Within 5 s both ends find each other alive, and for a minute after that they report nothing.
fn assert_good_again(pair: &mut Pair, what: &str) {
    pair.run(5 * SECOND);
    pair.forget();
    pair.run(60 * SECOND);
    let seen = [0, 1].map(|end| (health(pair, end), healths(&pair.reported[end]).len()));
    assert_eq!(seen, [(Health::Good, 0); 2], "{what}: false alarms on a network without loss");
}

/// Until the peer has answered, its signs of life may be missed.
fn assert_alarm_is_short(pair: &Pair, wire: Wire) {
    let seen = healths(&pair.reported[0]);
    assert!(seen.is_empty() || seen == [Health::Interrupted, Health::Good], "{wire:?}: {seen:?}");
    assert_eq!(health(pair, 0), Health::Good, "{wire:?}");
}

#[test]
fn a_host_that_slept_for_hours_in_a_lobby_finds_the_peer_that_stayed_awake_alive() {
    for wire in Wire::COMPACT {
        for hours in [1, 2, 3, 4] {
            let mut pair = Pair::met(wire);
            sleep(&mut pair, 0, hours * HOUR);
            assert_good_again(&mut pair, &format!("{wire:?}, {hours} h"));
        }
    }
}

#[test]
fn a_link_that_was_cut_for_hours_in_a_lobby_is_good_again_for_both() {
    for wire in Wire::COMPACT {
        for hours in [1, 2, 3, 4] {
            let mut pair = Pair::met(wire);
            cut(&mut pair, hours * HOUR);
            assert_good_again(&mut pair, &format!("{wire:?}, {hours} h"));
        }
    }
}

#[test]
fn after_a_cut_of_hours_the_round_trip_is_measured_again_while_both_play() {
    for wire in Wire::COMPACT {
        for hours in [1, 2, 3, 4] {
            let mut pair = Pair::met(wire);
            pair.delay = 20 * MS;
            pair.run(5 * SECOND);
            cut(&mut pair, hours * HOUR);
            pair.delay = 100 * MS;
            pair.play(600);
            let rtt = stats(&pair.sessions[0]).rtt.expect("a round trip").smoothed;
            assert!(rtt.as_millis() > 150, "{wire:?}, {hours} h: {rtt:?} after ten seconds of play over 200 ms");
        }
    }
}

#[test]
fn a_replayed_keep_alive_of_hours_ago_takes_no_live_peer_for_dead() {
    for wire in Wire::COMPACT {
        let mut pair = Pair::met(wire);
        let recorded =
            pair.sent[1].iter().rfind(|(_, datagram)| datagram[0] & 0xc0 == 0xc0).expect("a block").1.clone();
        pair.sent = [vec![], vec![]];
        // 33,000 keep-alives later it counts as one of the future.
        pair.run(33_000 * 200 * MS);
        pair.forget();
        let now = pair.now;
        pair.sessions[0].handle_datagram(at(now), PEER, &recorded).expect("a right tag");
        pair.run(60 * SECOND);
        assert_alarm_is_short(&pair, wire);
    }
}

#[test]
fn one_guessed_timing_block_does_not_take_a_live_peer_for_dead() {
    let wire = Wire::Compact;
    let mut pair = Pair::met(wire);
    pair.forget();
    let seal = Seal::new(wire, 1, 0);
    pair.run(SECOND);
    let last = pair.sent[1].iter().rfind(|(_, datagram)| datagram[0] & 0xc0 == 0xc0).expect("a block").1.clone();
    let sent = u16::from_be_bytes([last[9], last[10]]);
    let guess = seal.timed(0, 0, 0, [0, 0, sent.wrapping_add(0x7fff)], &[]);
    let now = pair.now;
    pair.sessions[0].handle_datagram(at(now), PEER, &guess).expect("the guess passes");
    pair.forget();
    pair.run(60 * SECOND);
    assert_alarm_is_short(&pair, wire);
}

#[test]
fn a_new_epoch_ends_what_a_guessed_timing_block_has_done() {
    let wire = Wire::Compact;
    let mut pair = Pair::met(wire);
    let guess = Seal::new(wire, 1, 0).timed(0, 0, 0, [0, 0, 0x7ff0], &[]);
    let now = pair.now;
    pair.sessions[0].handle_datagram(at(now), PEER, &guess).expect("the guess passes");
    pair.run(10 * SECOND);
    pair.begin_epoch(1);
    pair.run(10 * SECOND);
    pair.forget();
    pair.run(60 * SECOND);
    let seen = (health(&pair, 0), healths(&pair.reported[0]).len());
    assert_eq!(seen, (Health::Good, 0), "the remedy for forged inputs does not help");
}

#[test]
fn a_clock_that_stood_still_for_two_hours_of_sleep_leaves_no_live_peer_disconnected() {
    for wire in Wire::COMPACT {
        let mut pair = Pair::met(wire);
        let asleep = 2 * HOUR;
        sleep(&mut pair, 0, asleep);
        // From here on the clock of the one that slept is behind by two hours.
        let mut reported = Vec::new();
        for step in 0..60_000 {
            let real = pair.now + step * MS;
            for end in 0..2 {
                let now = |end: usize| at(if end == 0 { real - asleep } else { real });
                pair.sessions[end].handle_timeout(now(end));
                let taken = events(&mut pair.sessions[end]);
                if end == 0 && step > 5_000 {
                    reported.extend(taken);
                }
                for (_, datagram) in drain(&mut pair.sessions[end]) {
                    let _ = pair.sessions[1 - end].handle_datagram(now(1 - end), PEER, &datagram);
                }
            }
        }
        let seen = (health(&pair, 0), healths(&reported).len());
        assert_eq!(seen, (Health::Good, 0), "{wire:?}: a live peer, a network without loss");
    }
}

#[test]
fn a_queue_of_before_a_cut_of_hours_holds_nothing_back_after_it() {
    for hours in [1, 2, 3, 4] {
        let mut pair = Pair::met(Wire::Compact);
        pair.delay = 10 * MS;
        pair.play(300);
        // A jam, and then the cut.
        pair.delay = 250 * MS;
        pair.play(60);
        cut(&mut pair, hours * HOUR);
        pair.delay = 10 * MS;
        pair.play(300);
        pair.forget();
        pair.play(600);
        let sent = pair.sent[0].iter().filter(|(_, datagram)| datagram[0] >= 0x80).count();
        assert!(sent >= 590, "{hours} h: {sent} datagrams for 600 frames on a quiet network");
    }
}

#[test]
fn one_guessed_checksum_does_not_blind_both_ends_to_later_differences() {
    let wire = Wire::Compact;
    let mut pair = Pair::met(wire);
    pair.play(10);
    let guess = Seal::new(wire, 1, 0).checksums(&[&[0; 4][..], &[0xff, 0xff, 0xff, 0xfe], &[7; 8]].concat());
    let now = pair.now;
    let refused = pair.sessions[0].handle_datagram(at(now), PEER, &guess);
    assert_eq!(refused, Err(DatagramError::FrameRange), "the tag is right");
    pair.play(10);
    pair.run(SECOND);
    pair.forget();
    for player in 0..2 {
        let hash = u64::try_from(player).expect("small");
        pair.sessions[player].push_checksum(at(pair.now), Frame::new(15), hash).expect("confirmed");
    }
    pair.run(5 * SECOND);
    let told = |end: usize| {
        let desync = |event: &Event<1>| matches!(event, Event::Peer { event: PeerEvent::Desync { .. }, .. });
        pair.reported[end].iter().filter(|event| desync(event)).count()
    };
    assert_eq!([told(0), told(1)], [1, 1], "refused: {:?}", pair.refused);
    assert_eq!(health(&pair, 0), Health::Good);
}

/// Two endpoints that give each other up after `limit` of silence, and ping every 20 ms.
fn patient(wire: Wire, limit: Duration) -> Pair {
    let end = |me: u16| {
        let settings = wire.settings(me).disconnect_after(limit).ping_interval(Duration::from_millis(20));
        endpoint(settings, wire.peer(1 - me))
    };
    let mut pair = Pair::new(end(0), end(1));
    pair.run(3 * SECOND);
    pair
}

#[test]
fn a_cut_shorter_than_disconnect_after_leaves_no_alarms_behind() {
    for wire in Wire::COMPACT {
        let mut pair = patient(wire, Duration::from_secs(3_600));
        cut(&mut pair, 15 * 60 * SECOND);
        assert_good_again(&mut pair, &format!("{wire:?}, a quarter of an hour, and pings every 20 ms"));
    }
}

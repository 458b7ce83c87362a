//! Absurd pings, clocks and configurations: rows P1 to P8. P9 to P12 are in `silence.rs`.

use std::time::Duration;

use inputwire::DatagramError::*;
use inputwire::{Config, ConfigBuilder, ConfigError, MAX_DATAGRAM_SIZE, PeerConfig, PeerId, PeerRef, Session};

use crate::support::forge::{Seal, classic_input, classic_stamp};
use crate::support::{
    MS, PEER, Pair, SECOND, T, Wire, at, drain, due, endpoint, events, frames, incarnation, refuse, stats,
};

const PONG: u8 = 0x03;

#[test]
fn p1_a_million_pings_a_second_cause_one_pong_a_poll_to_the_newest() {
    let mut session = Pair::met(Wire::Classic).sessions[0].clone();
    let start = 3 * SECOND;
    drain(&mut session);
    let (mut received, mut answered) = (0_u64, 0);
    for frame in 0..6 {
        for micro in 0..T {
            received += 1;
            for kind in [0x02, 0x10] {
                let ping = classic_stamp(kind, received.to_be_bytes());
                assert_eq!(session.handle_datagram(at(start + frame * T + micro), PEER, &ping), Ok(()));
            }
        }
        let pongs: Vec<_> = drain(&mut session).into_iter().map(|(_, datagram)| datagram).collect();
        let newest = [classic_stamp(PONG, received.to_be_bytes()), classic_stamp(0x11, received.to_be_bytes())];
        let pongs: Vec<_> = pongs.into_iter().filter(|datagram| matches!(datagram[0], PONG | 0x11)).collect();
        assert_eq!(pongs, newest);
        answered += 1;
    }
    assert_eq!((received, answered), (6 * T, 6));
}

/// The stamp of the ping that is due.
fn ping(session: &mut Session<1, 1>, now: u64) -> [u8; 8] {
    let pings = due(session, now).into_iter().find(|datagram| datagram[0] == 0x02).expect("a ping");
    pings[1..].try_into().expect("eight bytes")
}

#[test]
fn p2_a_pong_without_an_outstanding_ping_is_refused_and_gives_no_sample() {
    let mut session = endpoint::<1, 120>(Wire::Classic.settings(0), PeerConfig::classic(1));
    let stamps: Vec<_> = (0..9).map(|number| ping(&mut session, number * SECOND / 2)).collect();
    let now = 4 * SECOND + 100 * MS;
    // The ninth ping replaced the first.
    refuse(&session, now, PEER, &classic_stamp(PONG, stamps[0]), UnknownPing);
    let never = [
        f64::NAN,
        -f64::NAN,
        -1.0,
        -0.0,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::MIN_POSITIVE,
        0.5,
        1e9,
        f64::MAX,
        499.999,
    ];
    for stamp in never {
        refuse(&session, now, PEER, &classic_stamp(PONG, stamp.to_be_bytes()), UnknownPing);
    }
    for kind in [PONG, 0x11] {
        refuse(&session, now, PEER, &classic_stamp(kind, [0xff; 8]), UnknownPing);
    }
    // The validation pings had the same stamps, and are told apart; the first was replaced too.
    refuse(&session, now, PEER, &classic_stamp(0x11, stamps[0]), UnknownPing);
    let mut validated = session.clone();
    assert_eq!(validated.handle_datagram(at(now), PEER, &classic_stamp(0x11, stamps[1])), Ok(()));
    assert_eq!(stats(&validated).rtt, None);
    refuse(&validated, now, PEER, &classic_stamp(0x11, stamps[1]), UnknownPing);
    // Each of the others gives one sample, in any order; a second answer gives none.
    for (number, taken) in [8_usize, 2, 1, 5, 7, 3, 4, 6].into_iter().zip(1..) {
        let pong = classic_stamp(PONG, stamps[number]);
        assert_eq!(session.handle_datagram(at(now), PEER, &pong), Ok(()));
        let latest = stats(&session).rtt.expect("a sample").latest;
        assert_eq!(latest, Duration::from_micros(now - u64::try_from(number).expect("small") * SECOND / 2));
        assert_eq!(stats(&session).totals.packets_received, taken);
        refuse(&session, now, PEER, &pong, UnknownPing);
    }
    // The stamp of a peer's ping is returned, whatever it is.
    for stamp in [f64::NAN, f64::NEG_INFINITY, -5.0] {
        let ping = classic_stamp(0x02, stamp.to_be_bytes());
        assert_eq!(session.handle_datagram(at(now), PEER, &ping), Ok(()));
        assert!(due(&mut session, now).contains(&classic_stamp(PONG, stamp.to_be_bytes())));
    }
}

#[test]
fn p2_an_old_or_repeated_timing_block_gives_no_sample() {
    for wire in Wire::COMPACT {
        let mut session = Pair::met(wire).sessions[0].clone();
        let (now, seal) = (3 * SECOND, Seal::new(wire, 1, 0));
        let echo = |back: u64| u16::try_from((now - back) / 250 % 65_536).expect("a remainder");
        let block = |sent: u16, back: u64| seal.timed(0, 0, 0, [7, echo(back), sent], &[]);
        assert_eq!(session.handle_datagram(at(now), PEER, &block(1_000, 50 * MS)), Ok(()));
        let good = stats(&session).rtt;
        for stale in [1_000, 999, 1, 0, 1_000 + 0x8000, 1_000_u16.wrapping_sub(0x7fff)] {
            assert_eq!(session.handle_datagram(at(now), PEER, &block(stale, 9 * MS)), Ok(()));
            assert_eq!(stats(&session).rtt, good, "{stale} is not newer than 1000");
        }
        // A block without an echo gives no sample either, but counts as the newest.
        assert_eq!(session.handle_datagram(at(now), PEER, &seal.timed(0, 0, 0, [7, 0, 1_001], &[])), Ok(()));
        assert_eq!(session.handle_datagram(at(now), PEER, &block(1_001, 9 * MS)), Ok(()));
        assert_eq!(stats(&session).rtt, good);
        assert_eq!(session.handle_datagram(at(now), PEER, &block(1_001 + 0x7fff, 9 * MS)), Ok(()));
        assert_eq!(stats(&session).rtt.expect("a sample").latest, Duration::from_millis(9));
    }
}

#[test]
fn p3_an_echo_from_the_future_gives_no_sample_and_the_estimate_stays_within_the_samples() {
    for wire in Wire::COMPACT {
        let mut session = endpoint::<1, 120>(wire.settings(0), wire.peer(1).incarnation(incarnation(1)));
        let now = 3_600 * SECOND;
        let seal = Seal::new(wire, 1, 0);
        let clock = u16::try_from(now / 250 % 65_536).expect("a remainder");
        let mut accepted = Vec::new();
        let units = [65_519, 32_768, 40_000, 65_535, 65_520, 0, 1, 32_767, 200, 65_000, 32_769, 200, 200];
        for (sent, units) in (1..).zip(units) {
            let echo = clock.wrapping_sub(units);
            assert_eq!(session.handle_datagram(at(now), PEER, &seal.timed(0, 0, 0, [1, echo, sent], &[])), Ok(()));
            match units {
                65_520.. => accepted.push(0),
                0..32_768 => accepted.push(u64::from(units) * 250),
                _ => {}
            }
            let rtt = stats(&session).rtt;
            let Some(newest) = accepted.last() else {
                assert_eq!(rtt, None, "{units} units are no round trip");
                continue;
            };
            let rtt = rtt.expect("a sample");
            assert_eq!(rtt.latest, Duration::from_micros(*newest));
            let (least, most) = (accepted.iter().min().expect("one"), accepted.iter().max().expect("one"));
            let within = Duration::from_micros(*least)..=Duration::from_micros(*most);
            assert!([rtt.min, rtt.mean, rtt.median, rtt.smoothed].iter().all(|figure| within.contains(figure)));
        }
    }
}

#[test]
fn p3_a_zero_round_trip_is_a_sample_and_an_extreme_one_is_clamped_or_ignored_on_the_classic_wire() {
    for trip in [0, 1, 1_000 * SECOND, 1_000_000_000_000_000] {
        let mut session = endpoint::<1, 120>(Wire::Classic.settings(0), PeerConfig::classic(1));
        let stamp = ping(&mut session, 10);
        assert_eq!(session.handle_datagram(at(10 + trip), PEER, &classic_stamp(PONG, stamp)), Ok(()));
        let Some(rtt) = stats(&session).rtt else {
            assert!(trip > 60 * SECOND, "no sample of {trip} us");
            continue;
        };
        let expected = rtt.latest;
        assert!(expected <= Duration::from_micros(trip) && expected >= Duration::from_micros(trip.min(60 * SECOND)));
        assert_eq!(
            (rtt.latest, rtt.min, rtt.mean, rtt.median, rtt.smoothed),
            (expected, expected, expected, expected, expected)
        );
    }
}

#[test]
fn p4_a_clock_that_goes_back_counts_as_standing_still() {
    for wire in Wire::ALL {
        let mut pair = Pair::met(wire);
        pair.play(10);
        let ping = if wire == Wire::Classic {
            classic_stamp(0x02, [9; 8])
        } else {
            Seal::new(wire, 1, 0).playing(1_000, 1).hello()
        };
        for back in [1, MS, SECOND, pair.now, 3_155_760_000 * SECOND] {
            let (mut gone_back, mut stood_still) = (pair.sessions[0].clone(), pair.sessions[0].clone());
            for (session, now) in [(&mut gone_back, pair.now.saturating_sub(back)), (&mut stood_still, pair.now)] {
                session.handle_timeout(at(now));
                session.push_input(at(now), [3]).expect("room");
                assert_eq!(session.handle_datagram(at(now), PEER, &ping), Ok(()));
                session.handle_transport_closed(at(now), PEER);
                session.handle_transport_opened(at(now), PEER);
            }
            assert_eq!(gone_back, stood_still, "{back} us back");
            assert_eq!(drain(&mut gone_back), drain(&mut stood_still));
            assert_eq!(gone_back.poll_timeout(), stood_still.poll_timeout());
        }
    }
}

#[test]
fn p5_a_clock_that_jumps_ahead_makes_each_deadline_fire_once() {
    for wire in Wire::ALL {
        for ahead in [SECOND, 3_600 * SECOND, u64::MAX / 2, u64::MAX] {
            let mut pair = Pair::met(wire);
            pair.lost = [true; 2];
            pair.play(10);
            let session = &mut pair.sessions[0];
            let now = pair.now.saturating_add(ahead);
            let datagrams = due(session, now);
            let mut kinds: Vec<_> = datagrams.iter().map(|datagram| datagram[0].min(0x80)).collect();
            kinds.sort_unstable();
            let drained = kinds.len();
            kinds.dedup();
            assert!(drained == kinds.len() && (1..=3).contains(&drained), "{wire:?}: {datagrams:02x?}");
            assert!(events(session).len() < 10);
            assert!(due(session, now).is_empty(), "nothing more at that time");
            assert!(session.poll_timeout().is_none_or(|next| next > at(now)));
            assert_eq!(session.poll_timeout().is_none(), ahead == u64::MAX);
        }
    }
}

#[test]
fn p6_a_late_poll_yields_what_a_timely_one_would_have() {
    for wire in Wire::ALL {
        let mut pair = Pair::met(wire);
        pair.lost = [true; 2];
        pair.play(10);
        let waiting = |step: u64, late: u64| {
            let mut session = pair.sessions[0].clone();
            for later in (0..late).step_by(usize::try_from(step).expect("short")) {
                session.handle_timeout(at(pair.now + later));
                assert!(session.poll_timeout().is_none_or(|wake| wake > at(pair.now + later)));
            }
            let mut kinds: Vec<_> = due(&mut session, pair.now + late).iter().map(|sent| sent[0].min(0x80)).collect();
            kinds.sort_unstable();
            kinds
        };
        let in_time = waiting(10 * MS, 600 * MS);
        assert_eq!(in_time, if wire == Wire::Classic { vec![0x02] } else { vec![0x20, 0x80] });
        for late in [SECOND, 10 * SECOND, 600 * SECOND] {
            // Woken repeatedly, but never polled.
            assert_eq!(waiting(200 * MS, late), in_time, "{wire:?}, {late} us late");
            // A long pause is forgiven whole, so that the peer is not silent, and no hello is due.
            assert_eq!(waiting(late, late), in_time[in_time.len() - waiting(late, late).len()..], "{wire:?}");
            assert!(waiting(late, late).contains(in_time.last().expect("something")));
        }
    }
}

#[test]
fn p7_a_datagram_before_its_peer_was_added_or_after_it_was_removed_is_refused() {
    for wire in Wire::ALL {
        let mut pair = Pair::met(wire);
        pair.play(3);
        let mut early: Session<2, 1> = Session::new(wire.settings(0).build().expect("settings"));
        for (_, datagram) in &pair.sent[1] {
            refuse(&early, 0, PEER, datagram, UnknownPeer);
        }
        assert_eq!(early.add_peer(at(0), wire.peer(1)), Ok(PEER));
        pair.sessions[0].remove_peer(at(pair.now), PEER);
        for (_, datagram) in &pair.sent[1] {
            refuse(&pair.sessions[0], pair.now, PEER, datagram, UnknownPeer);
        }
        assert_eq!((pair.sessions[0].peer(PEER).map(PeerRef::stats), pair.sessions[0].poll_timeout()), (None, None));
        // The one added next is another peer, even if it is the same player.
        let again = pair.sessions[0].add_peer(at(pair.now), wire.peer(1)).expect("room");
        assert_eq!(again, PeerId::new(1));
        refuse(&pair.sessions[0], pair.now, PEER, &classic_input(1, &[(0, 1)]), UnknownPeer);
        assert!(frames(&events(&mut pair.sessions[0])).is_empty());
    }
}

#[test]
fn p8_an_invalid_configuration_is_refused_by_its_field() {
    let micros = Duration::from_micros;
    let refused = |builder: ConfigBuilder, error: ConfigError| assert_eq!(builder.build(), Err(error));
    let new = Config::builder;
    for bad in [0, 1, 999, 10_000_001, u64::MAX] {
        refused(new().frame_interval(micros(bad)), ConfigError::FrameInterval);
    }
    refused(new().frame_interval(Duration::MAX), ConfigError::FrameInterval);
    for bad in [0, 1, 19_999, 10_000_001, u64::MAX] {
        refused(new().ping_interval(micros(bad)), ConfigError::PingInterval);
    }
    refused(new().interrupt_after(Duration::ZERO), ConfigError::InterruptAfter);
    refused(new().interrupt_after(Duration::from_secs(5)), ConfigError::InterruptAfter);
    refused(new().interrupt_after(Duration::MAX), ConfigError::InterruptAfter);
    for bad in [Duration::ZERO, Duration::from_millis(1_250), Duration::from_secs(3_601), Duration::MAX] {
        refused(new().disconnect_after(bad), ConfigError::DisconnectAfter);
    }
    refused(new().ping_interval(Duration::from_secs(2)), ConfigError::DisconnectAfter);
    for (warning, critical) in [(0, 200), (200, 200), (201, 200), (100, 100), (100, 0), (100, 60_001)] {
        let builder = new().warning_latency(Duration::from_millis(warning));
        refused(builder.critical_latency(Duration::from_millis(critical)), ConfigError::Latency);
    }
    for bad in [0, 16, 255] {
        refused(new().redundancy(bad), ConfigError::Redundancy);
    }
    for bad in [0, 55, MAX_DATAGRAM_SIZE + 1, usize::MAX] {
        refused(new().max_datagram_size(bad), ConfigError::MaxDatagramSize);
    }
    for bad in [0, 1, u64::from(u32::MAX)] {
        refused(new().incarnation(bad), ConfigError::Incarnation);
    }
    for error in
        [ConfigError::FrameInterval, ConfigError::PingInterval, ConfigError::Redundancy, ConfigError::Incarnation]
    {
        let field = format!("{error:?}").to_lowercase();
        assert!(error.to_string().replace('_', "").starts_with(&field), "{error}");
    }
    let widest = new().frame_interval(Duration::from_secs(10)).ping_interval(Duration::from_secs(10));
    assert!(widest.disconnect_after(Duration::from_secs(3_600)).redundancy(15).max_datagram_size(56).build().is_ok());
    assert!(new().frame_interval(Duration::from_millis(1)).ping_interval(Duration::from_millis(20)).build().is_ok());
}

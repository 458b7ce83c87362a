//! Bugs that the simulator found, each reduced to the few calls that show it.

use std::time::Duration;

use inputwire::{Config, Event, Instant, MAX_DATAGRAM_SIZE, PeerConfig, Session};

use crate::support::{PEER, incarnation, peer};

/// The session of one of two players who know each other's incarnations.
fn endpoint(player: u16) -> Session<1, 1> {
    let config =
        Config::builder().session_id(7).local_player(player).incarnation(incarnation(player)).build().expect("valid");
    let mut session = Session::new(config);
    session
        .add_peer(Instant::ORIGIN, PeerConfig::compact(1 - player).incarnation(incarnation(1 - player)))
        .expect("room");
    session
}

fn datagrams(session: &mut Session<1, 1>) -> Vec<Vec<u8>> {
    let mut buf = [0; MAX_DATAGRAM_SIZE];
    std::iter::from_fn(|| session.poll_transmit(&mut buf).map(|transmit| transmit.datagram.to_vec())).take(50).collect()
}

fn carry(from: &mut Session<1, 1>, to: &mut Session<1, 1>, now: Instant) {
    for datagram in datagrams(from) {
        to.handle_datagram(now, PEER, &datagram).expect("accepted");
    }
}

fn ms(ms: u64) -> Instant {
    Instant::from_micros(ms * 1_000)
}

/// The first datagram of an epoch did not count as the first if it acknowledged something.
#[test]
fn hellos_stop_at_the_first_datagram_of_the_peer_even_if_it_acknowledges_something() {
    let (mut one, mut other) = (endpoint(0), endpoint(1));
    one.push_input(ms(0), [5]).expect("room");
    carry(&mut one, &mut other, ms(0));
    // The first datagrams of the peer are lost; the next one acknowledges the input.
    datagrams(&mut other);
    other.push_input(ms(10), [6]).expect("room");
    carry(&mut other, &mut one, ms(10));
    assert_eq!(peer(&one).unacked(), 0);
    let sent = datagrams(&mut one);
    assert_eq!(
        sent.first().map(|datagram| datagram[0]),
        Some(0x20),
        "that the peer's run is known, and its hello is not"
    );
    assert!(sent.iter().all(|datagram| other.handle_datagram(ms(110), PEER, datagram).is_ok()));
    carry(&mut other, &mut one, ms(110));
    one.handle_timeout(ms(350));
    assert!(datagrams(&mut one).iter().all(|datagram| datagram[0] >= 0x80), "a hello to a peer that has answered");
}

/// At the end of time every deadline stayed due, and a caller drained without end.
#[test]
fn at_the_end_of_time_everything_is_sent_once_and_no_deadline_remains() {
    for before in [0, 1, 1_000, 10_000_000] {
        let mut session = endpoint(0);
        session.push_input(Instant::from_micros(u64::MAX - before), [5]).expect("room");
        assert!(datagrams(&mut session).len() <= 2, "{before} us before the end");
        session.handle_timeout(Instant::from_micros(u64::MAX));
        assert_eq!(datagrams(&mut session).len(), 0, "{before} us before the end");
        assert_eq!(session.poll_timeout(), None, "{before} us before the end");
    }
}

/// A datagram whose inputs found no free slot moved the estimate of the lead each time it arrived.
#[test]
fn a_repeated_datagram_does_not_move_the_pace_while_events_are_not_polled() {
    let (mut one, mut other) = (endpoint(0), endpoint(1));
    for frame in 0..240 {
        let now = Instant::ORIGIN.saturating_add(Duration::from_micros(16_667 * frame));
        let _ = one.push_input(now, [5]);
        let _ = other.push_input(now, [5]);
        for datagram in datagrams(&mut one) {
            let _ = other.handle_datagram(now, PEER, &datagram);
            if frame > 200 {
                let told = |session: &Session<1, 1>| {
                    let peer = session.peer(PEER).expect("there");
                    (peer.pace().expect("both play"), peer.suggested_delay().expect("known"))
                };
                let before = told(&other);
                assert!(other.handle_datagram(now, PEER, &datagram).is_ok());
                assert_eq!(told(&other), before, "frame {frame}");
            }
        }
        carry(&mut other, &mut one, now);
        while one.poll_event().is_some() {}
    }
    let delivered =
        std::iter::from_fn(|| other.poll_event()).filter(|event| matches!(event, Event::Input { .. })).count();
    assert_eq!(delivered, 120, "nothing was lost, and nothing beyond the free slots accepted");
}

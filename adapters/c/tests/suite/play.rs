//! Games of two to four players through the C interface, and one against a session in Rust.

use inputwire::{Config, Event, Instant, MAX_DATAGRAM_SIZE, PeerConfig, PeerEvent, Session};
use inputwire_c::*;

use crate::support::{Endpoint, config};

fn input(player: u32, frame: u32, len: usize) -> Vec<u8> {
    (0..len).map(|byte| (player * 31 + frame * 7) as u8 ^ byte as u8).collect()
}

/// Plays `frames` frames in a full mesh, in which peer numbers follow player numbers.
fn play(input_len: u32, players: u32, wire: u32, frames: u32) {
    let endpoints: Vec<Endpoint> = (0..players).map(|me| Endpoint::new(players - 1, input_len, me)).collect();
    let others = |me: u32| (0..players).filter(move |player| *player != me);
    for (me, endpoint) in (0..).zip(&endpoints) {
        for (expected, player) in (0..).zip(others(me)) {
            assert_eq!(endpoint.add(0, wire, player), Ok(expected));
        }
    }
    let mut delivered = vec![0; endpoints.len()];
    for step in 0..frames + 15 {
        let now = u64::from(step + 1) * 16_667;
        for (me, endpoint) in (0..).zip(&endpoints) {
            let frame = endpoint.get(iw_session_next_frame).unwrap();
            if step >= 10 && frame < frames {
                assert_eq!(endpoint.push(now, &input(me, frame, endpoint.input_len)), Ok(frame));
            }
            assert_eq!(unsafe { iw_session_handle_timeout(endpoint.session, now) }, IwStatus::Ok);
        }
        for _ in 0..4 {
            for (me, endpoint) in (0..).zip(&endpoints) {
                while let Some(event) = endpoint.event() {
                    if event.kind == IwEventKind::Input {
                        let player = others(me).nth(event.peer as usize).unwrap();
                        let bytes = &event.input[..event.input_len as usize];
                        assert_eq!(bytes, input(player, event.frame, endpoint.input_len));
                        delivered[me as usize] += 1;
                    }
                }
                while let Some((peer, datagram)) = endpoint.transmit() {
                    let player = others(me).nth(peer as usize).unwrap();
                    let from = others(player).position(|other| other == me).unwrap() as u32;
                    assert_eq!(endpoints[player as usize].handle(now, from, &datagram), IwStatus::Ok);
                }
            }
        }
    }
    for (endpoint, delivered) in endpoints.iter().zip(delivered) {
        assert_eq!(delivered, frames * (players - 1), "inputs of {input_len} bytes, {players} players, wire {wire}");
        assert_eq!(endpoint.get(iw_session_confirmed_frame), Some(frames - 1));
        let stats = endpoint.stats(0).unwrap();
        assert_eq!((stats.health, stats.missing, stats.refused), (IwHealth::Good, 0, [0; 32]));
    }
}

const FRAMES: u32 = if cfg!(miri) { 8 } else { 600 };

#[test]
fn every_size_plays_with_one_to_three_peers() {
    // Miri is slow: it gets the smallest and the largest size.
    for input in if cfg!(miri) { vec![1, 16] } else { vec![1, 2, 4, 8, 16] } {
        for players in 2..=4 {
            play(input, players, IW_COMPACT, FRAMES);
        }
    }
}

#[test]
fn the_classic_wire_plays_with_inputs_of_one_byte() {
    play(1, 2, IW_CLASSIC, FRAMES);
    play(1, 4, IW_CLASSIC, FRAMES);
}

/// Two endpoints of a pair, with settings of their own, that exchange datagrams at once.
struct Pair([Endpoint; 2]);

impl Pair {
    fn new(settings: impl Fn(u32) -> IwConfig, key: Option<[u8; 16]>) -> Self {
        let endpoint = |me: u32| {
            let endpoint = Endpoint::with(1, 1, &settings(me));
            assert_eq!(endpoint.add_with_key(0, IW_COMPACT, 1 - me, key), Ok(0));
            endpoint
        };
        Self([endpoint(0), endpoint(1)])
    }

    /// Exchanges datagrams until there are none, and returns all events with their endpoints, and the longest datagram.
    fn exchange(&self, now: u64) -> (Vec<(usize, IwEvent)>, Vec<Vec<u8>>) {
        let (mut events, mut datagrams) = (Vec::new(), Vec::new());
        for endpoint in &self.0 {
            assert_eq!(unsafe { iw_session_handle_timeout(endpoint.session, now) }, IwStatus::Ok);
        }
        for _ in 0..4 {
            for (at, endpoint) in self.0.iter().enumerate() {
                events.extend(std::iter::from_fn(|| endpoint.event()).map(|event| (at, event)));
                for (_, datagram) in std::iter::from_fn(|| endpoint.transmit()) {
                    self.0[1 - at].handle(now, 0, &datagram);
                    datagrams.push(datagram);
                }
            }
        }
        (events, datagrams)
    }
}

#[test]
fn a_pair_has_a_key_of_its_own_and_short_tags() {
    let short = |me| IwConfig { short_tags: 1, ..config(me) };
    let pair = Pair::new(short, Some([7; 16]));
    pair.exchange(1);
    assert_eq!(pair.0[0].push(20_000, &[5]), Ok(0));
    let (events, datagrams) = pair.exchange(20_000);
    assert!(events.iter().any(|(at, event)| *at == 1 && event.kind == IwEventKind::Input && event.input[0] == 5));
    // An input datagram with a tag of four bytes; with one of eight it is longer by four.
    let short_len = datagrams.iter().map(Vec::len).min();
    let pair = Pair::new(config, Some([7; 16]));
    pair.exchange(1);
    assert_eq!(pair.0[0].push(20_000, &[5]), Ok(0));
    let (_, datagrams) = pair.exchange(20_000);
    assert_eq!(datagrams.iter().map(Vec::len).min(), short_len.map(|len| len + 4));
}

#[test]
fn what_is_wrong_with_a_peer_is_told_in_numbers() {
    // Short tags at one end.
    let pair = Pair::new(|me| IwConfig { has_key: 1, short_tags: me, ..config(me) }, None);
    let (events, _) = pair.exchange(1);
    let told = events.iter().find(|(at, event)| *at == 0 && event.kind == IwEventKind::Mismatch).unwrap().1;
    assert_eq!((told.value, told.local, told.remote), (IwField::TagSize as u32, 8, 4));

    // Another session id: hellos cannot be read.
    let pair = Pair::new(|me| IwConfig { session_id: u64::from(me), ..config(me) }, None);
    let events: Vec<_> = (1..100).flat_map(|step| pair.exchange(step * 10_000).0).collect();
    assert_eq!(events.iter().filter(|(at, event)| *at == 0 && event.kind == IwEventKind::Unreadable).count(), 1);

    // Another player at the peer's address.
    let (one, other) = (Endpoint::new(1, 1, 0), Endpoint::new(1, 1, 5));
    assert_eq!((one.add(0, IW_COMPACT, 1), other.add(0, IW_COMPACT, 6)), (Ok(0), Ok(0)));
    assert_eq!(one.handle(1, 0, &other.transmit().unwrap().1), IwStatus::Ok);
    let told = one.event().unwrap();
    assert_eq!((told.kind, told.remote, told.local), (IwEventKind::WrongPlayers, 5, 6));
}

#[test]
fn a_peer_that_is_started_anew_is_told_and_followed_into_the_next_epoch() {
    let mut pair = Pair::new(config, None);
    for step in 0..20 {
        pair.exchange(step * 16_667);
    }
    pair.0[1] = Endpoint::with(1, 1, &IwConfig { incarnation: u64::MAX, ..config(1) });
    assert_eq!(pair.0[1].add(0, IW_COMPACT, 0), Ok(0));
    let (mut restarted, mut ahead) = (0, 0);
    for step in 20..100 {
        let now = step * 16_667;
        for (at, event) in pair.exchange(now).0 {
            let epoch = match event.kind {
                IwEventKind::Restarted => pair.0[at].get(iw_session_next_epoch).unwrap(),
                IwEventKind::EpochAhead => event.value,
                _ => continue,
            };
            (restarted, ahead) = if at == 0 { (restarted + 1, ahead) } else { (restarted, ahead + 1) };
            assert_eq!(unsafe { iw_session_begin_epoch(pair.0[at].session, now, epoch) }, IwStatus::Ok);
        }
    }
    assert_eq!((restarted, ahead), (1, 1));
    assert_eq!([0, 1].map(|at: usize| pair.0[at].get(iw_session_epoch)), [Some(1); 2]);
}

#[test]
fn a_goodbye_tells_where_the_peer_ended() {
    let pair = Pair::new(config, None);
    for frame in 0..6 {
        assert_eq!(pair.0[0].push(frame * 16_667, &[1]), Ok(frame as u32));
        pair.exchange(frame * 16_667);
    }
    assert_eq!(unsafe { iw_session_close(pair.0[0].session, 100_000) }, IwStatus::Ok);
    let mut ended = Vec::new();
    for step in 0..20 {
        let (events, _) = pair.exchange(100_000 + step * 16_667);
        ended.extend(events.iter().filter(|(_, event)| event.kind == IwEventKind::PeerClosed).copied());
        assert_eq!(pair.0[0].get(iw_session_is_closed), Some(u32::from(step >= 2)), "three goodbyes, a frame apart");
    }
    let [(1, bye)] = ended[..] else { panic!("{ended:?}") };
    assert_eq!((bye.peer, bye.value, bye.frame), (0, 0, 6));
}

#[test]
fn a_session_in_rust_sends_the_same_bytes() {
    let endpoint = Endpoint::new(1, 4, 0);
    let mut session = Session::<1, 4>::new(Config::builder().incarnation(config(0).incarnation).build().unwrap());
    let peer = session.add_peer(Instant::ORIGIN, PeerConfig::compact(1)).unwrap();
    assert_eq!(endpoint.add(0, IW_COMPACT, 1), Ok(peer.get()));
    let other = Endpoint::new(1, 4, 1);
    other.add(0, IW_COMPACT, 0).unwrap();
    for step in 1..FRAMES + 12 {
        let micros = u64::from(step) * 16_667;
        let now = Instant::from_micros(micros);
        if step > 5 {
            let input = step.to_le_bytes();
            let frame = session.push_input(now, input).ok().map(inputwire::Frame::get);
            assert_eq!(endpoint.push(micros, &input).ok(), frame);
            let _ = other.push(micros, &input);
        }
        unsafe {
            iw_session_handle_timeout(endpoint.session, micros);
            iw_session_handle_timeout(other.session, micros);
        }
        session.handle_timeout(now);
        for _ in 0..3 {
            while let Some((_, datagram)) = endpoint.transmit() {
                let mut buf = [0; MAX_DATAGRAM_SIZE];
                assert_eq!(session.poll_transmit(&mut buf).unwrap().datagram, datagram);
                assert_eq!(other.handle(micros, 0, &datagram), IwStatus::Ok);
            }
            while let Some((_, datagram)) = other.transmit() {
                assert_eq!(endpoint.handle(micros, 0, &datagram), IwStatus::Ok);
                assert_eq!(session.handle_datagram(now, peer, &datagram), Ok(()));
            }
            while other.event().is_some() {}
            while let Some(event) = endpoint.event() {
                match session.poll_event().unwrap() {
                    Event::Input { frame, input, .. } => {
                        assert_eq!((event.kind, event.frame), (IwEventKind::Input, frame.get()));
                        assert_eq!(event.input[..4], input);
                    }
                    Event::Peer { event: PeerEvent::Connected, .. } => assert_eq!(event.kind, IwEventKind::Connected),
                    Event::Peer { event: PeerEvent::Health { .. }, .. } => {
                        assert_eq!((event.kind, event.value), (IwEventKind::Health, 1));
                    }
                    Event::Peer { event: PeerEvent::Flushed, .. } => assert_eq!(event.kind, IwEventKind::Flushed),
                    other => panic!("{other:?}"),
                }
            }
        }
        let mut at = 0;
        let status = unsafe { iw_session_poll_timeout(endpoint.session, &raw mut at) };
        let due = session.poll_timeout().map(Instant::as_micros);
        assert_eq!((status == IwStatus::Ok).then_some(at), due);
    }
    assert!(endpoint.stats(0).unwrap().rtt_smoothed_us != IW_UNKNOWN);
}

//! Games of two to four players through the C interface, and one against a session in Rust.

use inputwire::{Config, Event, Instant, MAX_DATAGRAM_SIZE, PeerConfig, PeerEvent, Session};
use inputwire_c::*;

use crate::support::Endpoint;

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

#[test]
fn a_session_in_rust_sends_the_same_bytes() {
    let endpoint = Endpoint::new(1, 4, 0);
    let mut session = Session::<1, 4>::new(Config::builder().build().unwrap());
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

//! Games between two ends, or three, and between an end and a session in Rust.

use inputwire::{Config, DATAGRAM_MAX, Event, Instant, PeerConfig, Session};
use inputwire_c::*;

use crate::support::End;

fn input(player: u32, frame: u32, len: usize) -> Vec<u8> {
    (0..len).map(|byte| (player * 31 + frame * 7) as u8 ^ byte as u8).collect()
}

/// Plays so many frames among ends that all know each other: the peer numbers follow the order of players.
fn play(input_len: u32, players: u32, wire: u32, frames: u32) {
    let ends: Vec<End> = (0..players).map(|me| End::new(players - 1, input_len, me)).collect();
    let others = |me: u32| (0..players).filter(move |player| *player != me);
    for (me, end) in (0..).zip(&ends) {
        for (expected, player) in (0..).zip(others(me)) {
            assert_eq!(end.add(0, wire, player), Ok(expected));
        }
    }
    let mut told = vec![0; ends.len()];
    for step in 0..frames + 15 {
        let now = u64::from(step + 1) * 16_667;
        for (me, end) in (0..).zip(&ends) {
            let frame = end.figure(iw_next_frame).unwrap();
            if step >= 10 && frame < frames {
                assert_eq!(end.push(now, &input(me, frame, end.input)), Ok(frame));
            }
            assert_eq!(unsafe { iw_handle_timeout(end.session, now) }, IwStatus::Ok);
        }
        for _ in 0..4 {
            for (me, end) in (0..).zip(&ends) {
                while let Some(event) = end.event() {
                    if event.kind == IwEventKind::Input {
                        let player = others(me).nth(event.peer as usize).unwrap();
                        let bytes = &event.input[..event.input_len as usize];
                        assert_eq!(bytes, input(player, event.frame, end.input));
                        told[me as usize] += 1;
                    }
                }
                while let Some((peer, datagram)) = end.transmit() {
                    let player = others(me).nth(peer as usize).unwrap();
                    let from = others(player).position(|other| other == me).unwrap() as u32;
                    assert_eq!(ends[player as usize].handle(now, from, &datagram), IwStatus::Ok);
                }
            }
        }
    }
    for (end, told) in ends.iter().zip(told) {
        assert_eq!(told, frames * (players - 1), "inputs of {input_len} bytes, {players} players, wire {wire}");
        assert_eq!(end.figure(iw_confirmed), Some(frames - 1));
        let stats = end.stats(0).unwrap();
        assert_eq!((stats.health, stats.gaps, stats.refused), (IwHealth::Good, 0, [0; 32]));
    }
}

const FRAMES: u32 = if cfg!(miri) { 8 } else { 600 };

#[test]
fn every_size_plays_with_one_to_three_peers() {
    // Miri takes its time: there, the smallest and the largest.
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
fn a_session_in_rust_says_the_same_bytes() {
    let end = End::new(1, 4, 0);
    let mut session = Session::<1, 4>::new(Config::builder().build().unwrap());
    let peer = session.add_peer(Instant::ORIGIN, PeerConfig::compact(1)).unwrap();
    assert_eq!(end.add(0, IW_COMPACT, 1), Ok(peer.get()));
    let other = End::new(1, 4, 1);
    other.add(0, IW_COMPACT, 0).unwrap();
    for step in 1..FRAMES + 12 {
        let micros = u64::from(step) * 16_667;
        let now = Instant::from_micros(micros);
        if step > 5 {
            let ours = step.to_le_bytes();
            assert_eq!(end.push(micros, &ours).ok(), session.push_input(now, ours).ok().map(inputwire::Frame::get));
            let _ = other.push(micros, &ours);
        }
        unsafe {
            iw_handle_timeout(end.session, micros);
            iw_handle_timeout(other.session, micros);
        }
        session.handle_timeout(now);
        for _ in 0..3 {
            while let Some((_, datagram)) = end.transmit() {
                let mut buffer = [0; DATAGRAM_MAX];
                assert_eq!(session.poll_transmit(&mut buffer).unwrap().datagram, datagram);
                assert_eq!(other.handle(micros, 0, &datagram), IwStatus::Ok);
            }
            while let Some((_, datagram)) = other.transmit() {
                assert_eq!(end.handle(micros, 0, &datagram), IwStatus::Ok);
                assert_eq!(session.handle_datagram(now, peer, &datagram), Ok(()));
            }
            while other.event().is_some() {}
            while let Some(event) = end.event() {
                match session.poll_event().unwrap() {
                    Event::Input { frame, input, .. } => {
                        assert_eq!((event.kind, event.frame), (IwEventKind::Input, frame.get()));
                        assert_eq!(event.input[..4], input);
                    }
                    Event::Connected { .. } => assert_eq!(event.kind, IwEventKind::Connected),
                    Event::Health { .. } => assert_eq!((event.kind, event.value), (IwEventKind::Health, 1)),
                    Event::Flushed { .. } => assert_eq!(event.kind, IwEventKind::Flushed),
                    other => panic!("{other:?}"),
                }
            }
        }
        let mut at = 0;
        let status = unsafe { iw_poll_timeout(end.session, &raw mut at) };
        let due = session.poll_timeout().map(Instant::as_micros);
        assert_eq!((status == IwStatus::Ok).then_some(at), due);
    }
    assert!(end.stats(0).unwrap().rtt_smoothed_us != IW_UNKNOWN);
}

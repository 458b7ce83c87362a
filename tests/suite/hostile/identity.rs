//! The sender of a datagram, its session, epoch and run: rows I1 to I5 and I8 to I10. I6 and I7 are in `hello.rs`.

use inputwire::DatagramError::*;
use inputwire::{Epoch, Event, Health, PeerEvent, PeerId, Session};

use crate::support::forge::{Seal, classic_input, classic_response};
use crate::support::{
    MS, PEER, Pair, SECOND, T, Wire, act, at, drain, due, endpoint, events, frame, frames, healths, peer, peer_events,
    refuse, stats,
};

/// The input datagrams that one endpoint of a pair sent.
fn sent_inputs(pair: &Pair, from: usize) -> Vec<Vec<u8>> {
    let inputs = pair.sent[from].iter().filter(|(_, datagram)| datagram[0] >= 0x80);
    inputs.map(|(_, datagram)| datagram.clone()).collect()
}

#[test]
fn i1_a_datagram_of_an_earlier_epoch_is_refused() {
    for wire in Wire::COMPACT {
        for later in [1, 2, 3, 4, 5, 8, 1_000, Epoch::LAST_FREE.get()] {
            let mut pair = Pair::met(wire);
            pair.play(140);
            let earlier = sent_inputs(&pair, 1);
            pair.begin_epoch(later);
            pair.run(SECOND);
            pair.play(150);
            let reason = if later % 4 == 0 { BadTag } else { OtherEpoch };
            for datagram in earlier.iter().step_by(7) {
                refuse(&pair.sessions[0], pair.now, PEER, datagram, reason);
            }
        }
    }
}

#[test]
fn i2_inputs_of_a_later_epoch_are_refused_until_the_receiver_follows_and_none_is_lost() {
    for wire in Wire::COMPACT {
        for later in [1, 2, 4, 7] {
            let mut pair = Pair::met(wire);
            pair.play(10);
            pair.run(3 * T);
            pair.forget();
            let behind = pair.sessions[1].clone();
            pair.sessions[0].begin_epoch(at(pair.now), Epoch::new(later)).expect("newer");
            for number in 0..20 {
                pair.sessions[0].push_input(at(pair.now), act(0, number)).expect("room");
                pair.run(T);
            }
            let reason = if later % 4 == 0 { BadTag } else { OtherEpoch };
            assert!(pair.refused[1].iter().filter(|refused| **refused == reason).count() > 10, "{:?}", pair.refused[1]);
            for datagram in sent_inputs(&pair, 0) {
                // Its frame numbers may not even exist in the receiver's epoch.
                assert!(behind.clone().handle_datagram(at(pair.now), PEER, &datagram).is_err());
            }
            assert_eq!(peer_events(&pair.reported[1]), [PeerEvent::EpochAhead { epoch: Epoch::new(later) }]);
            assert!(frames(&pair.reported[1]).is_empty());
            pair.sessions[1].begin_epoch(at(pair.now), Epoch::new(later)).expect("newer");
            pair.run(SECOND);
            pair.assert_delivered(1, 20);
        }
    }
}

#[test]
fn i2_endpoints_in_different_epochs_stay_connected() {
    for wire in Wire::COMPACT {
        let mut pair = Pair::met(wire);
        pair.play(10);
        pair.forget();
        pair.sessions[0].begin_epoch(at(pair.now), Epoch::new(1)).expect("newer");
        for _ in 0..60 {
            let _ = pair.sessions[0].push_input(at(pair.now), [1]);
            let _ = pair.sessions[1].push_input(at(pair.now), [2]);
            pair.run(500 * MS);
        }
        for (player, reported) in pair.reported.iter().enumerate() {
            let silent = [Health::Interrupted, Health::Disconnected];
            assert!(
                !healths(reported).iter().any(|health| silent.contains(health)),
                "{player}: {:?}",
                healths(reported)
            );
        }
    }
}

#[test]
fn i3_another_session_or_pair_of_players_is_refused() {
    for wire in Wire::COMPACT {
        let mut pair = Pair::met(wire);
        pair.play(3);
        let session = &pair.sessions[0];
        let seal = Seal::new(wire, 1, 0);
        let others = [
            Seal { session_id: seal.session_id ^ 1, ..seal },
            Seal { session_id: 0, ..seal },
            Seal { sender: (2, seal.sender.1), ..seal },
            Seal { receiver: (2, seal.receiver.1), ..seal },
            Seal { sender: (2, seal.sender.1), receiver: (3, seal.receiver.1), ..seal },
            Seal { sender: seal.receiver, receiver: seal.sender, ..seal },
            // Nor are other runs, other settings, or half a tag.
            Seal { sender: (1, seal.sender.1 + 1), ..seal },
            Seal { receiver: (0, seal.receiver.1 ^ 1 << 40), ..seal },
            Seal { first_frame: 1, ..seal },
            Seal { window: 8, ..seal },
        ];
        for other in others {
            for datagram in [other.inputs(0, 3, 3, &[]), other.inputs(2, 4, 3, &[]), other.bye(3)] {
                refuse(session, pair.now, PEER, &datagram, BadTag);
            }
        }
        for other in &others[..2] {
            refuse(session, pair.now, PEER, &other.hello(), BadTag);
        }
        // A hello between other players is reported, since the address may be wrong, and has no other effect.
        for other in &others[2..5] {
            let (mut greeted, mut spared) = (session.clone(), session.clone());
            for copy in 0..5 {
                assert_eq!(greeted.handle_datagram(at(pair.now + 400 * MS), PEER, &other.hello()), Ok(()));
                let told = PeerEvent::WrongPlayers { sender: other.sender.0, receiver: other.receiver.0 };
                let expected = if copy == 0 { vec![told] } else { vec![] };
                assert_eq!(peer_events(&events(&mut greeted)), expected);
            }
            spared.handle_timeout(at(pair.now + 400 * MS));
            events(&mut spared);
            assert_eq!(stats(&greeted).silence, stats(&spared).silence, "it counted as a sign of life");
            for later in [500 * MS, SECOND, 9 * SECOND] {
                assert_eq!(due(&mut greeted, pair.now + later), due(&mut spared, pair.now + later));
                assert_eq!(events(&mut greeted), events(&mut spared));
            }
        }
    }
    let pair = Pair::met(Wire::Classic);
    for player in [0, 2, 256, u16::MAX] {
        for inputs in [&[][..], &[(0, 1)], &[(0, 1), (1, 2), (2, 3)]] {
            refuse(&pair.sessions[0], pair.now, PEER, &classic_input(player, inputs), WrongPlayer);
            refuse(&pair.sessions[0], pair.now, PEER, &classic_response(player, inputs), WrongPlayer);
        }
        // The player is checked before the order of the frames and their distance.
        refuse(&pair.sessions[0], pair.now, PEER, &classic_input(player, &[(2, 1), (1, 1)]), WrongPlayer);
        refuse(&pair.sessions[0], pair.now, PEER, &classic_input(player, &[(u32::MAX, 1)]), WrongPlayer);
    }
}

#[test]
fn i4_a_replay_at_any_later_time_delivers_and_reports_nothing() {
    for wire in Wire::ALL {
        let mut pair = Pair::met(wire);
        let mut recorded: Vec<Vec<u8>> = Vec::new();
        for epoch in 0..5 {
            if wire != Wire::Classic && epoch > 0 {
                pair.begin_epoch(epoch);
                pair.run(SECOND);
            }
            pair.play(70);
            recorded.extend(pair.sent[1].iter().map(|(_, datagram)| datagram.clone()));
            pair.forget();
            let mut victim = pair.sessions[0].clone();
            events(&mut victim);
            for (datagram, later) in recorded.iter().zip((0..).step_by(1_000)) {
                let _ = victim.handle_datagram(at(pair.now + later), PEER, datagram);
                let reported = events(&mut victim);
                let harmless = |event: &Event<1>| {
                    matches!(event, Event::Peer { event: PeerEvent::Health { .. } | PeerEvent::Flushed, .. })
                };
                assert!(reported.iter().all(harmless), "{wire:?}: {reported:?} from {datagram:02x?}");
            }
            assert_eq!(peer(&victim).last_frame(), peer(&pair.sessions[0]).last_frame());
        }
    }
}

#[test]
fn i4_a_dead_peer_is_not_kept_alive_by_replays() {
    for wire in Wire::COMPACT {
        let mut pair = Pair::met(wire);
        pair.play(70);
        let recorded: Vec<_> = pair.sent[1].iter().map(|(_, datagram)| datagram.clone()).collect();
        assert!(recorded.iter().any(|datagram| datagram[0] == 0x20), "hellos, too");
        let victim = &mut pair.sessions[0];
        events(victim);
        let mut reported = Vec::new();
        for (datagram, later) in recorded.iter().cycle().zip((0..6 * SECOND).step_by(20_000)) {
            let _ = victim.handle_datagram(at(pair.now + later), PEER, datagram);
            reported.extend(healths(&events(victim)));
        }
        assert_eq!(reported, [Health::Interrupted, Health::Disconnected]);
    }
}

#[test]
fn i5_a_reflected_datagram_is_refused() {
    for wire in Wire::COMPACT {
        let mut pair = Pair::met(wire);
        pair.play(20);
        pair.sessions[0].push_checksum(at(pair.now), frame(10), 7).expect("the first one");
        pair.run(SECOND);
        let reflected: Vec<_> = pair.sent[0].iter().map(|(_, datagram)| datagram.clone()).collect();
        let mut kinds = Vec::new();
        for datagram in reflected {
            kinds.push(datagram[0].min(0x80));
            let reason = if datagram[0] == 0x20 { Reflected } else { BadTag };
            refuse(&pair.sessions[0], pair.now, PEER, &datagram, reason);
        }
        kinds.dedup();
        assert!([0x20, 0x22, 0x80].iter().all(|kind| kinds.contains(kind)), "{kinds:02x?}");
        let bye = Seal::new(wire, 0, 1).bye(20);
        refuse(&pair.sessions[0], pair.now, PEER, &bye, BadTag);
        // Even before anything was received.
        let mut fresh = endpoint::<1, 120>(wire.settings(0), wire.peer(1));
        let hello = drain(&mut fresh).remove(0).1;
        refuse(&fresh, 0, PEER, &hello, Reflected);
    }
    let mut pair = Pair::met(Wire::Classic);
    pair.play(20);
    let reflected: Vec<_> = pair.sent[0].iter().map(|(_, datagram)| datagram.clone()).collect();
    for datagram in reflected.iter().filter(|datagram| datagram[0] == 0x01) {
        refuse(&pair.sessions[0], pair.now, PEER, datagram, WrongPlayer);
    }
    for datagram in reflected.iter().filter(|datagram| datagram[0] == 0x03) {
        refuse(&pair.sessions[0], pair.now, PEER, datagram, UnknownPing);
    }
}

#[test]
fn i8_a_forged_bye_is_only_a_hint_without_a_key_and_refused_with_one() {
    for wire in Wire::COMPACT {
        let mut pair = Pair::met(wire);
        pair.play(5);
        pair.forget();
        let seal = Seal::new(wire, 1, 0);
        let unkeyed = Seal { key: None, ..seal };
        if wire == Wire::Keyed {
            refuse(&pair.sessions[0], pair.now, PEER, &unkeyed.bye(5), Truncated);
            let guessed = Seal { key: Some([0; 16]), ..seal };
            refuse(&pair.sessions[0], pair.now, PEER, &guessed.bye(5), BadTag);
        } else {
            for _ in 0..5 {
                assert_eq!(pair.sessions[0].handle_datagram(at(pair.now), PEER, &unkeyed.bye(5)), Ok(()));
            }
            pair.run(10 * SECOND);
            let closed = PeerEvent::PeerClosed { epoch: Epoch::new(0), end: frame(5) };
            assert_eq!(peer_events(&pair.reported[0]), [closed], "reported once");
            assert!(healths(&pair.reported[0]).is_empty(), "silence decides, and there was none");
        }
        pair.play(5);
        let expected: Vec<_> = (5..10).collect();
        assert_eq!((frames(&pair.reported[0]), frames(&pair.reported[1])), (expected.clone(), expected));
        // One of another run, or one that comes before the run is known.
        let earlier = Seal { sender: (1, 999), ..seal };
        refuse(&pair.sessions[0], pair.now, PEER, &earlier.bye(5), BadTag);
        refuse(&endpoint::<1, 120>(wire.settings(0), wire.peer(1)), 0, PEER, &seal.bye(0), NotReady);
        // One that names another run of the receiver: so without a key, too, 64 random bits must be guessed.
        let named = seal.receiver.1 + 1;
        let rest = [&named.to_be_bytes()[..], &[0; 8]].concat();
        refuse(&pair.sessions[0], pair.now, PEER, &seal.bye_of(&rest), OtherRun);
    }
}

#[test]
fn i9_a_flood_of_hellos_draws_no_answer() {
    for wire in Wire::COMPACT {
        let seal = Seal::new(wire, 1, 0);
        let alone = endpoint::<1, 120>(wire.settings(0), wire.peer(1));
        let mut met = Pair::met(wire);
        met.play(3);
        let twice = seal.playing(1_000, 1);
        let wrong = Seal { window: 9, ..seal };
        let elsewhere = Seal { receiver: (7, seal.receiver.1), ..seal };
        for (session, start) in [(alone, 0), (met.sessions[0].clone(), met.now)] {
            for hello in [seal.hello(), twice.hello(), wrong.hello(), elsewhere.hello()] {
                let (mut flooded, mut spared) = (session.clone(), session.clone());
                // The first one is news, and no flood.
                for session in [&mut flooded, &mut spared] {
                    let _ = session.handle_datagram(at(start), PEER, &hello);
                }
                for later in (0..2 * SECOND).step_by(1_000) {
                    for _ in 0..5 {
                        let _ = flooded.handle_datagram(at(start + later), PEER, &hello);
                    }
                    assert_eq!(due(&mut flooded, start + later), due(&mut spared, start + later));
                }
            }
        }
    }
}

#[test]
fn i9_hellos_of_another_run_draw_one_answer_for_many_at_most_once_a_ping_interval() {
    for wire in Wire::COMPACT {
        let mut pair = Pair::met(wire);
        pair.play(3);
        let mut answers = Vec::new();
        let other = Seal { sender: (1, 0xfeed_0000_0000), ..Seal::new(wire, 1, 0) };
        pair.forget();
        for number in 1..200 {
            let hello = Seal { number, ..other }.hello();
            for _ in 0..5 {
                assert_eq!(pair.sessions[0].handle_datagram(at(pair.now), PEER, &hello), Err(OtherRun));
            }
            pair.run(10 * MS);
            let sent = pair.sent[0].drain(..).filter(|(_, datagram)| datagram[0] == 0x20);
            answers.extend(sent.map(|(when, answer)| (when, answer.len(), hello.len())));
        }
        assert!((9..=10).contains(&answers.len()), "{answers:?}");
        assert!(answers.iter().all(|(_, answer, cause)| answer <= cause), "no amplification");
        assert!(answers.windows(2).all(|pair| pair[1].0 - pair[0].0 >= 200 * MS), "{answers:?}");
    }
}

#[test]
fn i10_a_datagram_of_an_unknown_peer_is_refused() {
    for wire in Wire::ALL {
        let mut pair = Pair::met(wire);
        pair.play(3);
        let datagrams: Vec<_> = pair.sent[1].iter().map(|(_, datagram)| datagram.clone()).collect();
        for number in [1, 2, 1_000, u32::MAX] {
            for datagram in datagrams.iter().map(Vec::as_slice).chain([&[][..], &[0; 2_000]]) {
                refuse(&pair.sessions[0], pair.now, PeerId::new(number), datagram, UnknownPeer);
            }
        }
        let without_peers: Session<3, 1> = Session::new(wire.settings(0).build().expect("settings"));
        refuse(&without_peers, 0, PEER, &datagrams[0], UnknownPeer);
        assert_eq!(stats(&pair.sessions[0]).totals.refused.get(UnknownPeer), 0, "no peer counts it");
    }
}

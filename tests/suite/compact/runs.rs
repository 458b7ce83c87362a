//! Runs of endpoints: who is believed, who replaces whom and when, and what never stops a link that runs (PROTOCOL 3.10).

use std::time::Duration;

use inputwire::DatagramError::*;
use inputwire::{DatagramError, Epoch, Event, Frame, Health, PeerEvent, PeerId, Session};
use inputwire_sim::network::{Datagram, Faults, Network};

use crate::support::forge::{Seal, hello_named, hello_number};
use crate::support::{
    MS, PEER, Pair, SECOND, SILENCE, T, Wire, act, answer_of_another_run, at, drain, due, endpoint, events, frames,
    healths, incarnation, inputs, peer_events, stats,
};

/// Another run of either player.
const AGAIN: u64 = 0xfeed_0000_7000;

/// Plays so many frames, each of which must arrive at once on both sides, whatever `disturb` hands to either endpoint.
#[track_caller]
fn plays_on_without_a_gap(pair: &mut Pair, count: u32, mut disturb: impl FnMut(&mut Pair, u32)) {
    let start = pair.sessions[0].next_frame().get();
    pair.forget();
    for number in 0..count {
        disturb(pair, number);
        pair.play(1);
        let expected: Vec<_> = (start..=start + number).collect();
        for (player, reported) in pair.reported.iter().enumerate() {
            assert_eq!(frames(reported), expected, "a gap at endpoint {player}");
        }
    }
}

fn inject(pair: &mut Pair, to: usize, datagram: &[u8]) -> Result<(), DatagramError> {
    pair.sessions[to].handle_datagram(at(pair.now), PEER, datagram)
}

/// All datagrams that an endpoint sent.
fn sent_by(pair: &Pair, from: usize) -> Vec<Vec<u8>> {
    pair.sent[from].iter().map(|(_, datagram)| datagram.clone()).collect()
}

/// Both applications follow to the next epoch, as they should after a restart.
fn begin_next_epoch(pair: &mut Pair) {
    let next = pair.sessions.iter().filter_map(Session::next_epoch).max().expect("many are left");
    pair.begin_epoch(next.get());
    pair.run(SECOND);
    pair.forget();
}

#[test]
fn a_hello_with_other_settings_in_a_running_game_is_reported_once_and_stops_nothing() {
    for wire in Wire::COMPACT {
        let fields = ["input size", "window", "first frame", "tag size", "wire version"];
        for (to, field) in (0..2).flat_map(|to| fields.map(|field| (to, field))) {
            let mut pair = Pair::met(wire);
            pair.play(20);
            let from = u16::from(to == 0);
            let seal = Seal { sender: (from, AGAIN), ..Seal::new(wire, from, 1 - from) };
            let mut body = seal.hello_body();
            match field {
                "input size" => body[5] += 1,
                "window" => body[6] -= 1,
                "tag size" => body[7] = 4,
                "wire version" => body[0] += 1,
                _ => body[18] += 1,
            }
            plays_on_without_a_gap(&mut pair, 200, |pair, number| {
                if number % 10 == 3 {
                    assert_eq!(inject(pair, to, &seal.hello_of(&body)), Ok(()));
                }
            });
            let told = peer_events(&pair.reported[to]);
            let [PeerEvent::Mismatch { field: named, .. }] = told[..] else { panic!("{wire:?}: {told:?}") };
            assert_eq!(named.to_string(), field, "{wire:?}");
            assert_eq!(peer_events(&pair.reported[1 - to]), []);
            pair.run(10 * SECOND);
            plays_on_without_a_gap(&mut pair, 5, |_, _| {});
        }
    }
}

#[test]
fn a_program_that_is_killed_and_started_again_plays_on_in_the_next_epoch_whatever_number_it_drew() {
    for wire in Wire::COMPACT {
        for number in [AGAIN, incarnation(1) - 1, 1 << 32, u64::MAX] {
            let mut pair = Pair::met(wire);
            pair.delay = 30 * MS;
            pair.play(30);
            pair.restart(wire, 1, number);
            let restarted_at = pair.now;
            pair.forget();
            while peer_events(&pair.reported[0]).is_empty() && pair.now < restarted_at + 3 * SECOND {
                pair.run(10 * MS);
            }
            assert_eq!(peer_events(&pair.reported[0]), [PeerEvent::Restarted], "{number:#x}");
            // The silence of the old run, then a hello there, an answer back.
            assert!(pair.now <= restarted_at + SILENCE + 100 * MS, "after {} us", pair.now - restarted_at);
            let epoch = pair.sessions[0].next_epoch().expect("many are left");
            pair.sessions[0].begin_epoch(at(pair.now), epoch).expect("newer");
            pair.run(SECOND);
            assert_eq!(peer_events(&pair.reported[1]), [PeerEvent::EpochAhead { epoch }]);
            pair.sessions[1].begin_epoch(at(pair.now), epoch).expect("newer");
            pair.run(SECOND);
            pair.forget();
            pair.play(10);
            pair.run(SECOND);
            pair.assert_delivered(0, 10);
            pair.assert_delivered(1, 10);
        }
    }
}

#[test]
fn a_peer_that_is_removed_and_added_again_meets_a_new_run_in_a_lobby_and_in_the_first_frames() {
    for wire in Wire::COMPACT {
        for played in [0, 1, 50, 119] {
            let mut pair = Pair::met(wire);
            pair.delay = 20 * MS;
            pair.play(played);
            let session = &mut pair.sessions[0];
            assert_eq!(session.incarnation(), Some(incarnation(0)));
            session.remove_peer(at(pair.now), PEER);
            assert_eq!(session.incarnation(), Some(incarnation(0) + 1));
            let again = session.add_peer(at(pair.now), wire.peer(1)).expect("room");
            assert_eq!(again, PeerId::new(1));
            // Its side is driven by hand, since its peer has another id now.
            let mut told: [Vec<PeerEvent>; 2] = [Vec::new(), Vec::new()];
            let mut taken: [Vec<(u32, [u8; 1])>; 2] = [Vec::new(), Vec::new()];
            let mut network = Network::new(2, 0);
            for (from, to) in [(0, 1), (1, 0)] {
                network.set_faults(from, to, Faults { delay_us: 20 * MS, ..Faults::default() });
            }
            let (start, ids) = (pair.now, [again, PEER]);
            for now in (start..start + 4 * SECOND).step_by(5_000) {
                while let Some(Datagram { to, bytes, .. }) = network.deliver(now) {
                    let _ = pair.sessions[to].handle_datagram(at(now), ids[to], &bytes);
                }
                for side in 0..2 {
                    let session = &mut pair.sessions[side];
                    session.handle_timeout(at(now));
                    for (_, sent) in drain(session) {
                        network.send(now, side, 1 - side, &sent);
                    }
                    while let Some(event) = session.poll_event() {
                        match event {
                            Event::Input { frame, input, .. } => taken[side].push((frame.get(), input)),
                            Event::Peer { event: PeerEvent::Health { .. } | PeerEvent::Flushed, .. } => {}
                            Event::Peer { event, .. } => {
                                told[side].push(event);
                                if let PeerEvent::Restarted | PeerEvent::EpochAhead { .. } = event {
                                    let epoch = match event {
                                        PeerEvent::EpochAhead { epoch } => epoch,
                                        _ => session.next_epoch().expect("many are left"),
                                    };
                                    session.begin_epoch(at(now), epoch).expect("newer");
                                    taken[side].clear();
                                    for number in 0..10 {
                                        session.push_input(at(now), act(side, number)).expect("room");
                                    }
                                }
                            }
                            other @ Event::LocalStall { .. } => panic!("{other:?}"),
                            _ => {}
                        }
                    }
                }
            }
            let epoch = Epoch::new(1);
            assert_eq!(told[0], [PeerEvent::EpochAhead { epoch }, PeerEvent::Connected], "{played}");
            assert_eq!(told[1], [PeerEvent::Restarted, PeerEvent::Connected], "{played}");
            for (side, taken) in taken.iter().enumerate() {
                assert_eq!(*taken, (0..10).map(|number| (number, act(1 - side, number))).collect::<Vec<_>>());
            }
        }
    }
}

#[test]
fn no_late_datagram_of_the_last_match_on_the_same_socket_is_taken() {
    for wire in Wire::COMPACT {
        let mut pair = Pair::met(wire);
        pair.play(240);
        let late = [sent_by(&pair, 0), sent_by(&pair, 1)];
        // Both programs start their next match: the same id, players and key, and new runs.
        pair.restart(wire, 0, AGAIN);
        pair.restart(wire, 1, AGAIN + 1);
        let mut fresh = pair.sessions.clone();
        for (to, session) in fresh.iter_mut().enumerate() {
            for datagram in &late[1 - to] {
                let _ = session.handle_datagram(at(pair.now), PEER, datagram);
            }
            assert_eq!(frames(&events(session)), [], "into a match that has not begun");
        }
        pair.run(SECOND);
        let mut waiting = [late[1].iter(), late[0].iter()];
        plays_on_without_a_gap(&mut pair, 100, |pair, _| {
            for (to, waiting) in waiting.iter_mut().enumerate() {
                for datagram in waiting.by_ref().take(3) {
                    assert!(inject(pair, to, datagram).is_err(), "{datagram:02x?}");
                }
            }
        });
        pair.assert_delivered(0, 100);
        pair.assert_delivered(1, 100);
    }
}

#[test]
fn a_dead_peer_is_interrupted_and_disconnected_on_time_whatever_is_replayed() {
    for wire in Wire::COMPACT {
        for (ping, interrupt, disconnect) in [(20, 100, 1_000), (200, 500, 5_000), (1_000, 500, 5_000)] {
            for begins_epoch in [false, true] {
                let settings = |player: u16| {
                    let [ping, interrupt, disconnect] = [ping, interrupt, disconnect].map(Duration::from_millis);
                    wire.settings(player).ping_interval(ping).interrupt_after(interrupt).disconnect_after(disconnect)
                };
                let mut pair = Pair::new(
                    endpoint::<1, 120>(settings(0), wire.peer(1)),
                    endpoint::<1, 120>(settings(1), wire.peer(0)),
                );
                // An earlier run of the peer, a change of epoch, and the run that dies.
                pair.run(SECOND);
                pair.play(30);
                pair.restart_with(wire, 1, settings(1).incarnation(AGAIN));
                pair.run(6 * SECOND);
                begin_next_epoch(&mut pair);
                pair.play(60);
                let replayed = sent_by(&pair, 1);
                pair.lost[1] = true;
                pair.run(T);
                pair.forget();
                if begins_epoch {
                    let next = pair.sessions[0].next_epoch().expect("many are left");
                    pair.sessions[0].begin_epoch(at(pair.now), next).expect("newer");
                }
                let silence = stats(&pair.sessions[0]).silence.expect("it lived");
                let last = pair.now - u64::try_from(silence.as_micros()).expect("short");
                let victim = &mut pair.sessions[0];
                events(victim);
                let mut told = Vec::new();
                for (now, datagram) in (pair.now..last + 8 * SECOND).step_by(1_000).zip(replayed.iter().cycle()) {
                    let _ = victim.handle_datagram(at(now), PEER, datagram);
                    drain(victim);
                    told.extend(healths(&events(victim)).into_iter().map(|health| (health, (now - last) / MS)));
                }
                let limit = interrupt.max(ping * 5 / 2);
                let expected = [(Health::Interrupted, limit), (Health::Disconnected, disconnect.max(limit))];
                assert_eq!(told, expected, "{wire:?}, pings of {ping} ms, an epoch begun: {begins_epoch}");
            }
        }
    }
}

#[test]
fn replays_of_every_datagram_of_every_earlier_run_leave_no_gap_in_a_game() {
    for wire in Wire::COMPACT {
        let mut pair = Pair::met(wire);
        let mut earlier = [Vec::new(), Vec::new()];
        for (player, number) in [(0, AGAIN), (1, AGAIN + 1), (1, AGAIN + 2), (0, AGAIN + 3)] {
            pair.play(30);
            for (from, earlier) in earlier.iter_mut().enumerate() {
                earlier.extend(sent_by(&pair, from));
            }
            pair.restart(wire, player, number);
            pair.forget();
            pair.run(2 * SECOND);
            begin_next_epoch(&mut pair);
        }
        assert!(earlier.iter().all(|earlier| earlier.len() > 100));
        let mut waiting = [0, 0];
        plays_on_without_a_gap(&mut pair, 120, |pair, _| {
            for to in 0..2 {
                // What the other one said, and what it said itself.
                for from in 0..2 {
                    for _ in 0..3 {
                        let datagram = &earlier[from][waiting[to] % earlier[from].len()];
                        assert!(inject(pair, to, datagram).is_err(), "{datagram:02x?}");
                        waiting[to] += 1;
                    }
                }
            }
        });
        for reported in &pair.reported {
            // The hellos of an earlier run come for longer than the limit: who replays them plays as a second program.
            assert!(peer_events(reported).iter().all(|event| *event == PeerEvent::SecondRun), "{reported:?}");
            assert_eq!(healths(reported), []);
        }
    }
}

#[test]
fn a_replayed_hello_of_an_earlier_run_teaches_a_fresh_session_neither_an_epoch_nor_a_run() {
    for wire in Wire::COMPACT {
        let mut pair = Pair::met(wire);
        pair.begin_epoch(7);
        pair.run(SECOND);
        pair.play(10);
        let replayed: Vec<_> = sent_by(&pair, 1).into_iter().filter(|sent| sent[0] == 0x20).collect();
        assert!(replayed.len() >= 3);
        pair.restart(wire, 0, AGAIN);
        pair.restart(wire, 1, AGAIN + 1);
        pair.forget();
        // Before, between and after the hellos of the run that is alive.
        pair.lost = [true; 2];
        for hello in replayed.iter().cycle().take(20) {
            let _ = inject(&mut pair, 0, hello);
            pair.run(30 * MS);
        }
        pair.lost = [false; 2];
        for hello in replayed.iter().cycle().take(20) {
            pair.run(30 * MS);
            let _ = inject(&mut pair, 0, hello);
        }
        assert_eq!(pair.sessions[0].next_epoch(), Some(Epoch::new(1)), "epoch 7 is over");
        for reported in &pair.reported {
            let told = peer_events(reported);
            assert!(told.iter().all(|event| matches!(event, PeerEvent::Connected | PeerEvent::SecondRun)), "{told:?}");
        }
        plays_on_without_a_gap(&mut pair, 10, |_, _| {});
    }
}

#[test]
fn a_blind_hello_with_the_greatest_run_or_epoch_binds_nobody() {
    let wire = Wire::Compact;
    let seal = Seal { sender: (1, u64::MAX), number: u32::MAX, ..Seal::new(wire, 1, 0) };
    let forged = [
        (seal.hello(), Ok(())),
        (Seal { epoch: Epoch::MAX.get(), ..seal }.hello(), Ok(())),
        (Seal { epoch: Epoch::MAX.get() + 1, ..seal }.hello(), Err(EpochRange)),
        (Seal { epoch: u32::MAX, ..seal }.hello(), Err(EpochRange)),
        (Seal { sender: (1, 0), ..seal }.hello(), Err(EpochRange)),
        (Seal { number: 0, ..seal }.hello(), Err(EpochRange)),
    ];
    // Before the peer appears, while the game runs, and while the peer is silent.
    let fresh = Pair::on(wire);
    let mut running = Pair::met(wire);
    running.play(10);
    for (mut pair, alive) in [(fresh, false), (running, true)] {
        for (datagram, outcome) in &forged {
            let outcome = if alive && outcome.is_ok() { Err(OtherRun) } else { *outcome };
            assert_eq!(inject(&mut pair, 0, datagram), outcome);
        }
        assert_eq!(pair.sessions[0].next_epoch(), Some(Epoch::new(1)));
        pair.run(SECOND);
        plays_on_without_a_gap(&mut pair, 10, |pair, number| {
            let (datagram, _) = &forged[usize::try_from(number).expect("small") % forged.len()];
            assert!(inject(pair, 0, datagram).is_err());
        });
        // A silence, and the same again: the peer comes back as the run that it was.
        pair.lost[1] = true;
        pair.run(3 * SECOND);
        for (datagram, outcome) in &forged {
            assert_eq!(inject(&mut pair, 0, datagram), *outcome);
        }
        pair.lost[1] = false;
        pair.run(SECOND);
        plays_on_without_a_gap(&mut pair, 10, |_, _| {});
        assert_eq!(pair.sessions[0].next_epoch(), Some(Epoch::new(1)));
        assert!(pair.reported.iter().all(|reported| !peer_events(reported).contains(&PeerEvent::Restarted)));
    }
}

#[test]
fn a_run_that_is_alive_is_replaced_by_none_and_a_silent_one_by_who_answers_a_hello_of_the_silence() {
    for wire in Wire::COMPACT {
        let mut pair = Pair::met(wire);
        pair.play(10);
        pair.run(100 * MS);
        let other = Seal { sender: (1, AGAIN), ..Seal::new(wire, 1, 0) };
        let session = &pair.sessions[0];
        let silence = stats(session).silence.expect("it lived");
        let silent_at = pair.now - u64::try_from(silence.as_micros()).expect("short") + SILENCE;
        let mut waiting = session.clone();
        let answer = answer_of_another_run(&mut waiting, silent_at, &other);
        // A microsecond too early, and in time.
        let mut early = session.clone();
        for now in (pair.now..silent_at - 1).step_by(10_000).chain([silent_at - 1]) {
            due(&mut early, now);
        }
        for answered in 0..20 {
            let hello = other.playing(50, answered).hello();
            assert_eq!(early.clone().handle_datagram(at(silent_at - 1), PEER, &hello), Err(OtherRun));
        }
        assert_eq!(waiting.clone().handle_datagram(at(silent_at), PEER, &answer), Ok(()));
        // One that answers an earlier hello, or names another run, is not believed, however often it comes.
        let last = hello_number(&pair.sent[0].iter().rev().find(|(_, sent)| sent[0] == 0x20).expect("one").1);
        for hello in [
            other.hello(),
            other.answering(1, 0).hello(),
            other.answering(1, last).hello(),
            Seal { receiver: (0, AGAIN), ..other }.playing(1, last + 1).hello(),
        ] {
            let mut session = waiting.clone();
            for _ in 0..10 {
                assert_eq!(session.handle_datagram(at(silent_at), PEER, &hello), Ok(()));
            }
            assert_eq!(peer_events(&events(&mut session)), []);
            let inputs = other.inputs(1, 11, 10, &[]);
            assert_eq!(session.handle_datagram(at(silent_at), PEER, &inputs), Err(BadTag));
            // The run that was silent may still come back.
            let mut back = session.clone();
            assert_eq!(
                back.handle_datagram(at(silent_at), PEER, &Seal::new(wire, 1, 0).inputs(1, 11, 10, &[])),
                Ok(())
            );
            assert_eq!(frames(&events(&mut back)), [10]);
            // Then the other one is refused again.
            assert_eq!(back.handle_datagram(at(silent_at), PEER, &answer), Err(OtherRun));
            // But the other one is answered at once, and is believed if it answers that.
            let sent = due(&mut session, silent_at);
            let named = sent.iter().find(|sent| sent[0] == 0x20).map(|sent| hello_named(sent));
            assert_eq!(named.map(|named| (named.incarnation, named.answered, named.playing)), Some((AGAIN, 1, false)));
        }
        let mut session = waiting;
        assert_eq!(session.handle_datagram(at(silent_at), PEER, &answer), Ok(()));
        assert_eq!(peer_events(&events(&mut session)), [PeerEvent::Restarted]);
    }
}

#[test]
fn after_a_restart_no_inputs_flow_either_way_until_the_next_epoch() {
    for wire in Wire::COMPACT {
        let mut pair = Pair::met(wire);
        pair.play(10);
        pair.restart(wire, 1, AGAIN);
        pair.forget();
        pair.run(2 * SECOND);
        for number in 0..10 {
            pair.sessions[0].push_input(at(pair.now), act(0, 10 + number)).expect("room");
            pair.sessions[1].push_input(at(pair.now), act(1, number)).expect("room");
            pair.run(T);
        }
        assert!(pair.reported.iter().all(|reported| frames(reported).is_empty()));
        assert!(pair.refused[0].contains(&NotReady));
        assert!(pair.sent[0].iter().filter(|(when, _)| *when + SECOND > pair.now).all(|(_, sent)| sent[0] == 0x20));
        begin_next_epoch(&mut pair);
        pair.play(10);
        pair.assert_delivered(0, 10);
        pair.assert_delivered(1, 10);
    }
}

#[test]
fn a_run_that_was_never_linked_is_replaced_without_a_restart() {
    for wire in Wire::COMPACT {
        let mut session = endpoint::<1, 120>(wire.settings(0), wire.peer(1));
        due(&mut session, 0);
        let first = Seal::new(wire, 1, 0);
        assert_eq!(session.handle_datagram(at(0), PEER, &first.answering(1, 1).hello()), Ok(()));
        due(&mut session, 100 * MS);
        let other = Seal { sender: (1, AGAIN), ..first };
        assert_eq!(session.handle_datagram(at(100 * MS), PEER, &other.answering(1, 2).hello()), Ok(()));
        assert_eq!(peer_events(&events(&mut session)), []);
        assert_eq!(session.handle_datagram(at(100 * MS), PEER, &first.inputs(1, 1, 0, &[])), Err(BadTag));
        assert_eq!(session.handle_datagram(at(100 * MS), PEER, &other.inputs(1, 1, 0, &[])), Ok(()));
        assert_eq!(frames(&events(&mut session)), [0], "and its inputs flow at once");
    }
}

#[test]
fn an_input_of_a_candidate_proves_it_and_a_signalled_run_saves_the_first_trip() {
    for wire in Wire::COMPACT {
        let seal = Seal::new(wire, 1, 0);
        // The peer's hello names nobody: it has not heard of us. Its inputs can only follow ours.
        let mut session = endpoint::<1, 120>(wire.settings(0), wire.peer(1));
        session.push_input(at(0), [7]).expect("room");
        assert!(due(&mut session, 0).iter().all(|sent| sent[0] == 0x20), "nobody is known yet");
        assert_eq!(session.handle_datagram(at(0), PEER, &seal.hello()), Ok(()));
        assert!(due(&mut session, 0).iter().any(|sent| sent[0] >= 0x80), "inputs wait for no answer");
        assert_eq!(session.handle_datagram(at(MS), PEER, &seal.timed(1, 1, 1, [5, 0, 1], &[])), Ok(()));
        assert_eq!(inputs(&events(&mut session)), [(0, [0])]);
        let sent = due(&mut session, 2 * MS);
        let named = hello_named(sent.iter().find(|sent| sent[0] == 0x20).expect("it is told so at once"));
        assert_eq!((named.incarnation, named.playing), (incarnation(1), true));
        // Words and byes need more than a candidate.
        let mut signalled = endpoint::<1, 120>(wire.settings(0), wire.peer(1).incarnation(incarnation(1)));
        assert_eq!(signalled.handle_datagram(at(0), PEER, &seal.bye(0)), Err(NotReady));
    }
}

#[test]
fn a_link_that_runs_says_no_hello_unless_the_peer_waits_for_one() {
    for wire in Wire::COMPACT {
        let mut pair = Pair::met(wire);
        pair.play(10);
        pair.forget();
        plays_on_without_a_gap(&mut pair, 300, |_, _| {});
        assert!(pair.sent.iter().flatten().all(|(_, sent)| sent[0] != 0x20));
        // The peer was silent for one that heard nothing: it asks, and is answered until it plays.
        let asking = Seal::new(wire, 1, 0).answering(1_000, 1).hello();
        assert_eq!(inject(&mut pair, 0, &asking), Ok(()));
        pair.lost[1] = true;
        pair.run(450 * MS);
        let answers = pair.sent[0].iter().filter(|(_, sent)| sent[0] == 0x20).count();
        assert!((2..=3).contains(&answers), "{answers} in 450 ms");
        pair.lost[1] = false;
        pair.run(100 * MS);
        pair.play(1);
        pair.forget();
        plays_on_without_a_gap(&mut pair, 100, |_, _| {});
        assert!(pair.sent.iter().flatten().all(|(_, sent)| sent[0] != 0x20));
    }
}

#[test]
fn two_ends_with_inputs_link_in_two_trips_and_a_restart_in_five_after_the_silence() {
    for wire in Wire::COMPACT {
        let trip = 50 * MS;
        let mut pair = Pair::on(wire);
        pair.delay = trip;
        for (player, session) in pair.sessions.iter_mut().enumerate() {
            session.push_input(at(0), act(player, 0)).expect("room");
        }
        pair.run(2 * trip);
        pair.assert_delivered(0, 1);
        pair.assert_delivered(1, 1);

        pair.run(SECOND);
        pair.play(10);
        pair.restart(wire, 1, AGAIN);
        let last =
            pair.now - u64::try_from(stats(&pair.sessions[0]).silence.expect("it lived").as_micros()).expect("short");
        pair.forget();
        let mut linked = [None; 2];
        while linked.contains(&None) && pair.now < last + 3 * SECOND {
            for ((session, reported), linked) in pair.sessions.iter_mut().zip(&mut pair.reported).zip(&mut linked) {
                let told = peer_events(&std::mem::take(reported));
                let follows =
                    told.iter().any(|event| matches!(event, PeerEvent::Restarted | PeerEvent::EpochAhead { .. }));
                let epoch = Epoch::new(1);
                if follows && session.begin_epoch(at(pair.now), epoch).is_ok() {
                    session.push_input(at(pair.now), [1]).expect("room");
                }
                let received = session.epoch() == epoch && session.confirmed_frame() == Some(Frame::new(0));
                *linked = linked.or(received.then_some(pair.now));
            }
            pair.run(MS);
        }
        for linked in linked {
            let after = linked.expect("in time") - (last + SILENCE);
            assert!(after <= 5 * trip + 8 * MS, "{after} us after the silence");
        }
    }
}

#[test]
fn two_sessions_whose_transport_was_closed_for_long_go_on_as_the_runs_that_they_were() {
    for wire in Wire::COMPACT {
        let mut pair = Pair::met(wire);
        pair.play(10);
        for session in &mut pair.sessions {
            session.handle_transport_closed(at(pair.now), PEER);
        }
        pair.run(60 * SECOND);
        for session in &mut pair.sessions {
            session.handle_transport_opened(at(pair.now), PEER);
        }
        pair.forget();
        pair.run(SECOND);
        assert!(pair.reported.iter().all(|reported| peer_events(reported).is_empty()), "{:?}", pair.reported);
        plays_on_without_a_gap(&mut pair, 20, |_, _| {});
    }
}

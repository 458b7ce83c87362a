//! A player joins a game that is under way, or comes back (PROTOCOL 3.12).

use inputwire::{
    AddPeerError, Config, ConfigError, Departure, Epoch, Event, PeerConfig, PeerEvent, PeerId, PushError, Session,
};

use crate::support::forge::Seal;
use crate::support::gathering::{Gathering, News};
use crate::support::{
    MS, PEER, SECOND, T, Wire, act, at, due, endpoint, events, frame, incarnation, inputs, signalled,
};

/// Three ends play; player 2 dies in frame 30 and has left at both others, which have removed it and play on.
fn without_one(wire: Wire) -> Gathering<3> {
    let mut mesh = Gathering::met(wire, 3);
    mesh.play(30);
    mesh.crash(2);
    mesh.disconnect(0, 2);
    mesh.play(30);
    mesh.run(SECOND);
    mesh.remove(0, 2);
    mesh.remove(1, 2);
    mesh.forget();
    mesh
}

/// The inputs of a player from one frame to the one before another.
fn played(player: usize, from: u32, end: u32) -> Vec<(u32, [u8; 1])> {
    (from..end).map(|frame| (frame, act(player, frame))).collect()
}

#[test]
fn a_player_that_crashed_comes_back_as_a_new_run_from_a_frame_ahead() {
    for wire in Wire::COMPACT {
        for ahead in [2, 60] {
            let mut mesh = without_one(wire);
            let pushed = mesh.end(0).next_frame().get().max(mesh.end(1).next_frame().get()) - 1;
            let from = pushed + ahead;
            let known: Vec<_> = (0..2).map(|end| mesh.inputs[end][2].len()).collect();
            mesh.admit(0, 2, from);
            mesh.admit(1, 2, from);
            mesh.join(2, 0xfeed_0000_0000, from);
            assert_eq!(mesh.end(2).next_frame(), frame(from));
            let last = mesh.id(0, 2);
            assert_eq!(mesh.end(0).peer(last).expect("a peer").last_frame(), Some(frame(from - 1)), "zeros are known");
            // The others go on to the frame at which it begins.
            while mesh.end(0).next_frame() < frame(from) || mesh.end(1).next_frame() < frame(from) {
                for end in 0..2 {
                    if mesh.end(end).next_frame() < frame(from) {
                        mesh.push(end).expect("room");
                    }
                }
                mesh.run(T);
            }
            mesh.play(40);
            mesh.run(SECOND);
            let end = from + 40;
            for (here, known) in known.into_iter().enumerate() {
                assert_eq!(mesh.inputs[here][2][known..], played(2, from, end), "at {here}");
                assert_eq!(mesh.inputs[2][here], played(here, from, end), "of {here}");
                assert_eq!(mesh.inputs[here][1 - here], played(1 - here, 0, end));
                assert_eq!(mesh.end(here).confirmed_frame(), Some(frame(end - 1)));
                assert_eq!(mesh.news(here), []);
            }
        }
    }
}

#[test]
fn a_first_input_after_zeros_is_decoded_whatever_the_others_pushed_before() {
    for wire in Wire::COMPACT {
        // Each input is the one before it plus one, so a wrong predecessor would show.
        let mut sessions = [0, 1].map(|player| {
            let other = PeerConfig::compact(1 - player).incarnation(incarnation(1 - player));
            endpoint::<4, 8>(wire.settings(player), if player == 1 { other.from(frame(300)) } else { other })
        });
        // The old one has pushed up to frame 298 alone, and adds the joiner then.
        let mut old: Session<1, 4, 8> = Session::new(wire.settings(0).build().expect("settings"));
        for number in 0..299_u32 {
            old.push_input(at(0), number.to_be_bytes()).expect("nobody holds the window");
        }
        old.add_peer(at(0), PeerConfig::compact(1).incarnation(incarnation(1)).from(frame(300))).expect("it is ahead");
        sessions[0] = old;
        let [zero, one] = &mut sessions;
        assert_eq!((zero.next_frame(), one.next_frame()), (frame(299), frame(300)));
        let mut got = [Vec::new(), Vec::new()];
        for step in 0..20_u32 {
            let now = u64::from(step) * T;
            zero.push_input(at(now), zero.next_frame().get().to_be_bytes()).expect("room");
            if step > 0 {
                one.push_input(at(now), (!one.next_frame().get()).to_be_bytes()).expect("room");
            }
            for _ in 0..3 {
                for datagram in due(zero, now) {
                    assert_eq!(one.handle_datagram(at(now), PEER, &datagram), Ok(()), "{datagram:02x?}");
                }
                for datagram in due(one, now) {
                    assert_eq!(zero.handle_datagram(at(now), PEER, &datagram), Ok(()), "{datagram:02x?}");
                }
            }
            got[0].extend(inputs(&events(zero)));
            got[1].extend(inputs(&events(one)));
        }
        let expected: Vec<_> = (300..319_u32).map(|number| (number, (!number).to_be_bytes())).collect();
        assert_eq!(got[0], expected);
        let expected: Vec<_> = (300..319_u32).map(|number| (number, number.to_be_bytes())).collect();
        assert_eq!(got[1], expected);
    }
}

#[test]
fn what_was_pushed_before_a_peer_joins_is_neither_owed_to_it_nor_held_for_it() {
    let mut session: Session<1, 1> = Session::new(Wire::Compact.settings(0).build().expect("settings"));
    for _ in 0..200 {
        session.push_input(at(0), [1]).expect("nobody holds the window");
    }
    let joiner = PeerConfig::compact(1).incarnation(incarnation(1)).from(frame(260));
    assert_eq!((joiner.join_frame(), PeerConfig::<1>::compact(1).join_frame()), (Some(frame(260)), None));
    let id = session.add_peer(at(0), joiner).expect("it is ahead");
    assert_eq!(session.peer(id).expect("a peer").unacked(), 0);
    for number in 200..380 {
        assert_eq!(session.push_input(at(0), [1]), Ok(frame(number)));
        let unacked = session.peer(id).expect("a peer").unacked();
        assert_eq!(unacked, (number + 1_u32).saturating_sub(260));
    }
    assert_eq!(session.push_input(at(0), [1]), Err(PushError::WindowFull(id)), "120 from frame 260 on");
}

#[test]
fn a_peer_joins_only_ahead_of_every_push_and_only_on_the_compact_wire() {
    let mut session: Session<3, 1> = Session::new(Wire::Compact.settings(0).build().expect("settings"));
    session.add_peer(at(0), PeerConfig::compact(1)).expect("room");
    for _ in 0..10 {
        session.push_input(at(0), [1]).expect("room");
    }
    let add = |from| session.clone().add_peer(at(0), PeerConfig::compact(2).from(frame(from)));
    for from in [0, 9, 10, u32::MAX] {
        assert_eq!(add(from), Err(AddPeerError::EpochRunning), "from {from}");
    }
    for from in [11, 300, u32::MAX - 1] {
        assert!(add(from).is_ok(), "from {from}");
    }
    let classic = PeerConfig::classic(2).from(frame(300));
    assert_eq!(session.add_peer(at(0), classic), Err(AddPeerError::EpochRunning));
}

#[test]
fn who_joins_begins_at_the_frame_that_it_gives_to_every_peer() {
    let mut session: Session<3, 1> = Session::new(Wire::Compact.settings(0).build().expect("settings"));
    session.add_peer(at(0), PeerConfig::compact(1).from(frame(500))).expect("room");
    session.add_peer(at(0), PeerConfig::compact(2).from(frame(500))).expect("room");
    assert_eq!(session.next_frame(), frame(500));
    assert_eq!(session.add_peer(at(0), PeerConfig::compact(3).from(frame(500))).map(PeerId::get), Ok(2));
    assert_eq!(session.push_input(at(0), [1]), Ok(frame(500)));
    // The next epoch has no such frame.
    session.begin_epoch(at(0), Epoch::new(1)).expect("newer");
    assert_eq!(session.push_input(at(0), [1]), Ok(frame(0)));
    assert!(session.peers().all(|peer| session.peer(peer).is_some_and(|peer| peer.last_frame().is_none())));
}

#[test]
fn nobody_joins_while_somebody_who_left_is_still_there() {
    let mut mesh = Gathering::<3>::met(Wire::Compact, 3);
    mesh.play(5);
    mesh.crash(2);
    mesh.disconnect(0, 2);
    mesh.run(SECOND);
    let now = at(mesh.now);
    let joiner = || PeerConfig::compact(9).from(frame(300));
    assert_eq!(mesh.end(0).add_peer(now, joiner()), Err(AddPeerError::Departed));
    mesh.remove(0, 2);
    assert!(mesh.end(0).add_peer(now, joiner()).is_ok());
}

#[test]
fn a_mesh_has_at_most_63_peers_and_without_one_there_may_be_more() {
    for (mesh, most) in [(true, 63), (false, 65)] {
        let config = Wire::Compact.settings(0).mesh(mesh).build().expect("settings");
        let mut session: Session<65, 1> = Session::new(config);
        for player in 1..=most {
            session.add_peer(at(0), PeerConfig::compact(player)).expect("room");
        }
        let refused = session.add_peer(at(0), PeerConfig::compact(99));
        assert_eq!(refused, Err(if mesh { AddPeerError::MeshTooLarge } else { AddPeerError::Full }));
    }
}

#[test]
fn a_datagram_has_to_hold_the_longest_word_with_an_input() {
    // 10 bytes and the tag, 8 for each of eight peers, and an input of 16 bytes, which takes 17 in the worst case.
    let add = |wire: Wire, bytes: usize, mesh: bool| {
        let settings = wire.settings(0).max_datagram_size(bytes).mesh(mesh);
        Session::<8, 16>::new(settings.build().expect("settings")).add_peer(at(0), PeerConfig::compact(1)).map(|_| ())
    };
    for (wire, tag) in [(Wire::Compact, 2), (Wire::Keyed, 8)] {
        let fits = |bytes| add(wire, bytes, true).is_ok();
        let least = (56..200).find(|bytes| fits(*bytes)).expect("at some length");
        assert_eq!(least, 10 + tag + 64 + 17);
        assert!((least..=1_024).all(fits));
        assert_eq!(add(wire, least - 1, true), Err(AddPeerError::MaxDatagramSize));
        assert_eq!(add(wire, 56, false), Ok(()), "no words, no limit");
    }
    // What the error and the guide advise.
    assert!(AddPeerError::MaxDatagramSize.to_string().contains("19 + 8 x MAX_PEERS + INPUT_LEN"));
    assert_eq!(add(Wire::Keyed, 19 + 8 * 8 + 16, true), Ok(()));
    assert_eq!(add(Wire::Keyed, 19 + 8 * 8 + 16 - 1, true), Err(AddPeerError::MaxDatagramSize));
    // Two peers are a mesh, one is none.
    let small = || Wire::Compact.settings(0).max_datagram_size(56).build().expect("settings");
    let joiner = PeerConfig::compact(1);
    assert_eq!(Session::<2, 32>::new(small()).add_peer(at(0), joiner), Err(AddPeerError::MaxDatagramSize));
    assert!(Session::<1, 32>::new(small()).add_peer(at(0), joiner).is_ok());
    assert_eq!(Config::builder().max_datagram_size(55).build().err(), Some(ConfigError::MaxDatagramSize));
}

#[test]
fn a_joiner_that_may_miss_what_a_leaver_said_is_out_with_it_and_the_others_agree() {
    for wire in Wire::COMPACT {
        // Players 0, 1 and 3 play; player 2 joins from a frame ahead, and player 3 dies before that. Who notices first?
        for first in [0, 2] {
            let mut mesh = Gathering::<3>::met(wire, 4);
            mesh.play(10);
            mesh.crash(2);
            mesh.disconnect(0, 2);
            mesh.run(SECOND);
            for end in [0, 1, 3] {
                mesh.remove(end, 2);
                mesh.admit(end, 2, 100);
            }
            mesh.join(2, 0xfeed_0000_0000, 100);
            mesh.run(SECOND);
            mesh.forget();
            mesh.die_known(3, &[3, 1, 0]);
            mesh.disconnect(first, 3);
            mesh.run(SECOND);
            let out = mesh.news(2);
            assert!(out.iter().any(|news| matches!(news, News::Dropped(_))) || mesh.end(2).is_closed(), "{out:?}");
            for end in [0, 1] {
                assert_eq!(mesh.departure(end, 3), Departure::Departed { last: Some(frame(12)) }, "first {first}");
                assert_eq!(mesh.departure(end, 2), Departure::Departed { last: None }, "it never played");
                assert_eq!(mesh.inputs[end][3], played(3, 0, 13));
            }
            mesh.assert_silent(&[0, 1]);
        }
    }
}

#[test]
fn a_joiner_added_while_a_player_leaves_is_out_if_it_came_too_late() {
    for (from, is_out) in [(40, true), (6, true), (5, false), (2, false)] {
        let (mut session, [one, two]) = signalled();
        let five = Seal::new(Wire::Compact, 2, 0).inputs(5, 5, 0, &[]);
        assert_eq!(session.handle_datagram(at(0), two, &five), Ok(()));
        session.disconnect_peer(at(0), two);
        let joiner = session.add_peer(at(0), PeerConfig::compact(3).from(frame(from))).expect("nobody has departed");
        let departure = session.peer(joiner).expect("a peer").departure();
        assert_eq!(departure == Departure::Present, !is_out, "from {from}: {departure:?}");
        let told =
            events(&mut session).contains(&Event::Peer { peer: joiner, event: PeerEvent::Departing { by: None } });
        assert_eq!(told, is_out);
        assert_eq!(session.peer(one).expect("a peer").departure(), Departure::Present);
    }
}

#[test]
fn who_goes_with_a_leaver_is_reported_with_the_survivor_whose_word_named_that_one() {
    for told in [false, true] {
        let (mut session, [one, two]) = signalled();
        for (peer, player) in [(one, 1), (two, 2)] {
            let five = Seal::new(Wire::Compact, player, 0).inputs(5, 5, 0, &[]);
            assert_eq!(session.handle_datagram(at(0), peer, &five), Ok(()));
        }
        let joiner = session.add_peer(at(0), PeerConfig::compact(3).from(frame(40))).expect("nobody has left");
        if told {
            let word = Seal::new(Wire::Compact, 1, 0).word(0, &[(2, 5)], &[]);
            assert_eq!(session.handle_datagram(at(0), one, &word), Ok(()));
        } else {
            session.disconnect_peer(at(0), two);
        }
        let by = told.then_some(one);
        let named: Vec<_> = events(&mut session)
            .into_iter()
            .filter(|event| matches!(event, Event::Peer { event: PeerEvent::Departing { .. }, .. }))
            .collect();
        let departing = |peer| Event::Peer { peer, event: PeerEvent::Departing { by } };
        // The application need not be told whom it disconnected itself.
        let expected = if told { vec![departing(two), departing(joiner)] } else { vec![departing(joiner)] };
        assert_eq!(named, expected);
    }
}

#[test]
fn who_comes_back_is_not_named_by_old_words_and_can_leave_again() {
    for wire in Wire::COMPACT {
        let mut mesh = Gathering::<3>::met(wire, 3);
        mesh.play(30);
        mesh.crash(2);
        mesh.disconnect(0, 2);
        mesh.run(SECOND);
        let old: Vec<_> = mesh.words.iter().filter(|word| word.from < 2 && word.to < 2).cloned().collect();
        assert!(old.len() >= 2);
        for end in 0..2 {
            mesh.remove(end, 2);
            mesh.admit(end, 2, 60);
        }
        mesh.join(2, 0xfeed_0000_0000, 60);
        mesh.play(30);
        mesh.run(SECOND);
        mesh.forget();
        for word in old.iter().chain(old.iter().rev()) {
            assert_eq!(mesh.hand(word.from, word.to, &word.bytes), Ok(()), "a word of this epoch, about another run");
        }
        mesh.run(SECOND);
        assert_eq!((mesh.news(0), mesh.news(1), mesh.news(2)), (Vec::new(), Vec::new(), Vec::new()));
        mesh.play(30);
        mesh.run(100 * MS);
        mesh.crash(2);
        mesh.disconnect(1, 2);
        mesh.run(SECOND);
        let departed: Vec<_> = (0..2).map(|end| mesh.departure(end, 2)).collect();
        assert!(matches!(departed[0], Departure::Departed { last: Some(_) }), "{departed:?}");
        assert_eq!(departed[0], departed[1]);
        mesh.assert_silent(&[0, 1]);
    }
}

/// Player 2 comes back to a game of four, and player 0 hears of it only after player 3 has left. Of the last five inputs of player 3,
/// the one that came back has all, player 1 two and player 0 none. Returns the frame from which it joins.
fn without_word_of_a_newcomer(wire: Wire) -> (Gathering<3>, u32) {
    let mut mesh = Gathering::<3>::met(wire, 4);
    mesh.play(30);
    mesh.run(100 * MS);
    mesh.crash(2);
    mesh.disconnect(0, 2);
    mesh.run(SECOND);
    for end in [0, 1, 3] {
        mesh.remove(end, 2);
    }
    let from = mesh.end(3).next_frame().get() + 60;
    for end in [1, 3] {
        mesh.admit(end, 2, from);
    }
    mesh.join(2, 0xfeed_0000_0000, from);
    for _ in 0..60 {
        for end in [1, 3] {
            mesh.push(end).expect("room");
        }
        mesh.run(16 * MS);
    }
    mesh.run(100 * MS);
    mesh.forget();
    mesh.push_known(3, &[0, 2, 5]);
    mesh.crash(3);
    mesh.ways[2][1].delay = 150 * MS;
    mesh.disconnect(1, 3);
    mesh.run(2 * SECOND);
    (mesh, from)
}

#[test]
fn an_end_that_has_not_heard_of_a_newcomer_agrees_on_who_left_once_it_adds_it() {
    for wire in Wire::COMPACT {
        let (mut mesh, from) = without_word_of_a_newcomer(wire);
        for end in 0..3 {
            assert!(matches!(mesh.departure(end, 3), Departure::Departing { .. }), "{end} waits");
        }
        mesh.admit(0, 2, from);
        mesh.run(2 * SECOND);
        mesh.assert_departed(&[0, 1], 3, Some(from + 4));
        assert_eq!(mesh.departure(2, 3), Departure::Departed { last: Some(frame(from + 4)) });
        mesh.assert_silent(&[0, 1, 2]);
    }
}

#[test]
fn a_newcomer_that_is_called_off_is_waited_for_until_all_have_removed_it_and_what_it_gave_stays() {
    for wire in Wire::COMPACT {
        let (mut mesh, from) = without_word_of_a_newcomer(wire);
        // Player 1 has what the newcomer said; player 0 would be content with less.
        mesh.crash(2);
        mesh.run(SECOND);
        for end in 0..2 {
            assert!(matches!(mesh.departure(end, 3), Departure::Departing { .. }), "{end} waits");
        }
        mesh.remove(1, 2);
        mesh.run(SECOND);
        mesh.assert_departed(&[0, 1], 3, Some(from + 4));
        mesh.assert_silent(&[0, 1]);
    }
}

#[test]
fn nobody_departs_on_what_was_agreed_with_a_survivor_that_another_one_still_plays_with() {
    // Player 0 waits for the late word of player 2 only, and then removes it; player 1 does not.
    let mut mesh = Gathering::<3>::met(Wire::Compact, 4);
    mesh.play(10);
    mesh.run(100 * MS);
    mesh.push_known(3, &[0, 0, 3]);
    mesh.crash(3);
    mesh.ways[2].iter_mut().for_each(|way| way.delay = 300 * MS);
    mesh.disconnect(0, 3);
    mesh.run(100 * MS);
    mesh.remove(0, 2);
    mesh.run(100 * MS);
    assert!(matches!(mesh.departure(0, 3), Departure::Departing { .. }));
    mesh.run(SECOND);
    mesh.remove(1, 2);
    mesh.run(SECOND);
    mesh.assert_departed(&[0, 1], 3, Some(12));
}

/// Player 2 was just removed by players 0 and 1: it comes back only from a frame above `end`, where no word of before means it.
fn comes_back_only_beyond(mesh: &mut Gathering<3>, end: u32) {
    let late: Vec<_> = mesh.words.iter().filter(|word| word.to < 2).cloned().collect();
    assert!(!late.is_empty());
    let now = at(mesh.now);
    let beyond = end.max(mesh.end(0).next_frame().get()) + 1;
    for survivor in 0..2 {
        let session = mesh.end(survivor);
        let back = PeerConfig::compact(2);
        let add = |peer| session.clone().add_peer(now, peer);
        let refused = Err(AddPeerError::EpochRunning);
        assert_eq!((add(back), add(back.from(frame(end)))), (refused, refused));
        assert!(add(PeerConfig::compact(4)).is_ok(), "the first frames are still held");
        let mut next = session.clone();
        next.begin_epoch(now, Epoch::new(1)).expect("newer");
        assert!(next.add_peer(now, back).is_ok(), "no word of the epoch before counts");
        mesh.admit(survivor, 2, beyond);
    }
    mesh.forget();
    for word in &late {
        let _ = mesh.hand(word.from, word.to, &word.bytes);
    }
    mesh.join(2, 0xfeed_0000_0000, beyond);
    mesh.run(SECOND);
    assert_eq!([0, 1, 2].map(|end| mesh.news(end)), [vec![], vec![], vec![]]);
}

#[test]
fn who_left_comes_back_in_the_same_epoch_only_from_a_frame_beyond_all_that_late_words_say_of_it() {
    for wire in Wire::COMPACT {
        // In a lobby, in a game, and far ahead of the others.
        for (together, alone) in [(0, 0), (5, 0), (5, 35)] {
            let mut mesh = Gathering::<3>::met(wire, 3);
            mesh.play(together);
            for _ in 0..alone {
                mesh.push(2).expect("room");
                mesh.run(17 * MS);
            }
            mesh.run(100 * MS);
            mesh.crash(2);
            mesh.disconnect(0, 2);
            mesh.run(SECOND);
            let end = together + alone;
            mesh.assert_departed(&[0, 1], 2, end.checked_sub(1));
            (0..2).for_each(|survivor| mesh.remove(survivor, 2));
            comes_back_only_beyond(&mut mesh, end);
        }
    }
}

#[test]
fn who_went_with_a_leaver_before_its_first_frame_comes_back_only_beyond_that_frame() {
    for wire in Wire::COMPACT {
        let mut mesh = Gathering::<3>::met(wire, 4);
        mesh.crash(2);
        mesh.disconnect(0, 2);
        mesh.run(SECOND);
        for end in [0, 1, 3] {
            mesh.remove(end, 2);
            mesh.admit(end, 2, 60);
        }
        mesh.play(20);
        mesh.run(200 * MS);
        mesh.forget();
        mesh.crash(3);
        mesh.disconnect(0, 3);
        mesh.run(SECOND);
        mesh.assert_departed(&[0, 1], 2, None);
        for end in 0..2 {
            mesh.remove(end, 3);
            mesh.remove(end, 2);
        }
        comes_back_only_beyond(&mut mesh, 60);
    }
}

#[test]
fn the_only_other_player_comes_back_whatever_room_the_session_has() {
    let mut mesh = Gathering::<3>::met(Wire::Compact, 2);
    mesh.play(5);
    mesh.run(100 * MS);
    mesh.disconnect(0, 1);
    mesh.remove(0, 1);
    let now = at(mesh.now);
    assert!(mesh.end(0).add_peer(now, PeerConfig::compact(1)).is_ok(), "no other peer can name it");
}

/// Three returns in one epoch, while every word of before comes again between any two steps.
#[test]
fn late_words_of_three_departures_mean_nobody_that_came_back() {
    let mut handed = 0;
    for wire in Wire::COMPACT {
        for (count, killer, seed) in [(3, 0, 1), (3, 1, 2), (4, 0, 3), (4, 3, 4), (4, 1, 5)] {
            let mut mesh = Gathering::<3>::met(wire, count);
            mesh.seed(seed);
            let survivors: Vec<usize> = (0..count).filter(|end| *end != 2).collect();
            let mut late = Vec::new();
            mesh.play(10);
            for round in 0..3_u64 {
                mesh.set_loss(200);
                mesh.play(5);
                mesh.crash(2);
                mesh.disconnect(killer, 2);
                mesh.run(2 * SECOND);
                mesh.set_loss(0);
                mesh.run(2 * SECOND);
                late.extend(mesh.words.iter().filter(|word| word.to != 2 && word.from != 2).cloned());
                let mut again = |mesh: &mut Gathering<3>, late: &[_]| {
                    for word in late.iter().chain(late.iter().rev()) {
                        let word: &crate::support::gathering::Word = word;
                        let _ = mesh.hand(word.from, word.to, &word.bytes);
                        handed += 1;
                    }
                };
                assert!(survivors.iter().all(|end| mesh.end(*end).departures_settled()));
                for end in &survivors {
                    mesh.remove(*end, 2);
                    again(&mut mesh, &late);
                }
                let next = survivors.iter().map(|end| mesh.end(*end).next_frame().get()).max().expect("some");
                let from = next + 1;
                for end in &survivors {
                    mesh.admit(*end, 2, from);
                    again(&mut mesh, &late);
                }
                mesh.forget();
                mesh.join(2, 0xfeed_0000_0000 + (round << 32), from);
                again(&mut mesh, &late);
                mesh.run(20 * MS);
                again(&mut mesh, &late);
                mesh.run(SECOND);
                while survivors.iter().any(|end| mesh.end(*end).next_frame().get() < from) {
                    for end in &survivors {
                        if mesh.end(*end).next_frame().get() < from {
                            mesh.push(*end).expect("room");
                        }
                    }
                    mesh.run(T);
                    again(&mut mesh, &late);
                }
                mesh.play(10);
                again(&mut mesh, &late);
                mesh.run(SECOND);
                for end in 0..count {
                    assert_eq!(mesh.news(end), [], "{wire:?} {count} {killer} round {round}, at {end}");
                    for other in (0..count).filter(|other| *other != end) {
                        assert_eq!(mesh.departure(end, other), Departure::Present);
                    }
                    assert_eq!(mesh.end(end).confirmed_frame(), Some(frame(from + 9)));
                }
            }
        }
    }
    assert!(handed > 1_000);
}

#[test]
fn an_end_that_has_pushed_nothing_may_join_from_an_earlier_frame_than_it_was_to() {
    let mut session: Session<2, 1> = Session::new(Wire::Compact.settings(0).build().expect("settings"));
    let first = session.add_peer(at(0), PeerConfig::compact(1).from(frame(100))).expect("room");
    session.remove_peer(at(0), first);
    assert!(session.add_peer(at(0), PeerConfig::compact(1).from(frame(50))).is_ok());
    assert_eq!(session.next_frame(), frame(50));
}

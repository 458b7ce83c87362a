//! Words that no honest survivor sends, or that come at the wrong moment: rows W1 to W9.

use inputwire::DatagramError::{self, *};
use inputwire::{Departure, Epoch, Event, PeerConfig, PeerEvent, PeerId, PushError, Session};

use crate::fuzz::watch::similar;
use crate::support::forge::Seal;
use crate::support::{PEER, SECOND, Wire, at, drain, events, frame, incarnation, refuse};

const SENDER: PeerId = PeerId::new(0);
const LEAVER: PeerId = PeerId::new(2);
const WINDOW: u32 = 120;
const OUT_OF_SYNC: Event<1> = Event::Peer { peer: SENDER, event: PeerEvent::OutOfSync };

/// The session of player 0, which has met players 1, 2 and 3, and knows five inputs of each.
fn member(wire: Wire, mesh: bool) -> Session<3, 1> {
    let config = wire.settings(0).mesh(mesh);
    let mut session = Session::new(config.build().expect("settings"));
    for player in 1..=3 {
        let peer = PeerConfig::compact(player).incarnation(incarnation(player));
        let id = session.add_peer(at(0), peer).expect("room");
        let inputs = Seal::new(wire, player, 0).inputs(5, 5, 0, &[]);
        assert_eq!(session.handle_datagram(at(0), id, &inputs), Ok(()));
    }
    drain(&mut session);
    events(&mut session);
    session
}

/// The same, which has named player 3.
fn survivor(wire: Wire) -> Session<3, 1> {
    let mut session = member(wire, true);
    session.disconnect_peer(at(0), LEAVER);
    drain(&mut session);
    events(&mut session);
    session
}

/// Bytes after the set: which of the players, how many inputs, the frame of the first one, and their body.
fn inputs(index: u8, count: u8, base: u32, body: &[u8]) -> Vec<u8> {
    [&[index, count][..], &base.to_be_bytes(), body].concat()
}

/// A word of every kind.
fn words(seal: &Seal) -> Vec<Vec<u8>> {
    vec![
        seal.farewell(),
        seal.word(0, &[(3, 5)], &[]),
        seal.word_of_game(1, &[(3, 0, 5)], &[0, 2], &[]),
        seal.word(1, &[(2, 5), (3, 0)], &[]),
        seal.word(3, &[(2, 9), (3, 125), (7, 4_000_000_000)], &[]),
        seal.word(4, &[(3, 8)], &inputs(0, 3, 5, &[])),
        seal.word(7, &[(2, 5), (3, 7)], &inputs(1, 1, 6, &[])),
    ]
}

fn reject(session: &Session<3, 1>, word: &[u8], reason: DatagramError) {
    refuse(session, SECOND / 2, SENDER, word, reason);
}

/// The same for one that tells of more than anybody can repair: that is reported, once an epoch.
fn reject_out_of_sync(session: &Session<3, 1>, word: &[u8]) {
    let (mut refused, mut spared) = (session.clone(), session.clone());
    spared.handle_timeout(at(SECOND / 2));
    let expected = events(&mut spared);
    for copy in 0..3 {
        assert_eq!(refused.handle_datagram(at(SECOND / 2), SENDER, word), Err(OutOfSync));
        let mut reported = events(&mut refused);
        if copy == 0 {
            let place = reported.iter().position(|event| *event == OUT_OF_SYNC).expect("reported");
            reported.remove(place);
            assert_eq!(reported, expected);
        } else {
            assert_eq!(reported, []);
        }
    }
    assert_eq!(drain(&mut refused), drain(&mut spared));
    assert!(similar(&refused, &spared));
}

#[test]
fn w1_every_prefix_of_a_word_and_every_flipped_bit_is_refused() {
    for wire in Wire::COMPACT {
        for session in [member(wire, true), survivor(wire)] {
            for word in words(&Seal::new(wire, 1, 0)) {
                assert_eq!(session.clone().handle_datagram(at(SECOND / 2), SENDER, &word), Ok(()), "{word:02x?}");
                for len in 0..word.len() {
                    reject(&session, &word[..len], if len < 4 + wire.tag_len() { Truncated } else { BadTag });
                }
                for bit in 0..8 * word.len() {
                    let mut flipped = word.clone();
                    flipped[bit / 8] ^= 1 << (bit % 8);
                    let outcome = session.clone().handle_datagram(at(SECOND / 2), SENDER, &flipped);
                    let reason = outcome.expect_err("a flipped bit");
                    assert!(bit < 8 || reason == BadTag, "{reason:?}");
                    reject(&session, &flipped, reason);
                }
            }
        }
    }
}

#[test]
fn w2_a_word_outside_a_mesh_or_before_its_sender_is_known_is_refused() {
    for wire in Wire::COMPACT {
        let seal = Seal::new(wire, 1, 0);
        let alone = member(wire, false);
        for word in words(&seal).iter().map(Vec::as_slice).chain([&[0x23][..], &[0x23; 40]]) {
            reject(&alone, word, NoMesh);
        }
        let mut stranger: Session<3, 1> = Session::new(wire.settings(0).build().expect("settings"));
        stranger.add_peer(at(0), PeerConfig::compact(1)).expect("room");
        let mut signalled: Session<3, 1> = Session::new(wire.settings(0).build().expect("settings"));
        signalled.add_peer(at(0), PeerConfig::compact(1).incarnation(incarnation(1))).expect("room");
        for session in [&stranger, &signalled] {
            for len in 1..4 + wire.tag_len() {
                reject(session, &vec![0x23; len], Truncated);
            }
        }
        for word in words(&seal) {
            reject(&stranger, &word, NotReady);
            // Who knows the incarnation of a run that it has not heard yet knows its tag, too.
            assert_eq!(signalled.clone().handle_datagram(at(0), PEER, &word), Ok(()));
        }
        reject(&member(wire, true), &[0x23; 1_025], TooLong);
    }
}

#[test]
fn w3_a_word_of_another_epoch_direction_run_or_pair_is_refused() {
    for wire in Wire::COMPACT {
        let seal = Seal::new(wire, 1, 0);
        let others = [
            Seal { epoch: 1, ..seal },
            Seal::new(wire, 0, 1),
            Seal::new(wire, 2, 0),
            Seal { sender: (1, 7), ..seal },
            Seal { receiver: (0, 7), ..seal },
            Seal { session_id: 1, ..seal },
        ];
        for session in [member(wire, true), survivor(wire)] {
            for word in others.iter().flat_map(words) {
                reject(&session, &word, BadTag);
            }
        }
        // And those of the epoch before, in the next one.
        let mut later = survivor(wire);
        later.begin_epoch(at(0), Epoch::new(1)).expect("newer");
        drain(&mut later);
        for word in words(&seal) {
            reject(&later, &word, BadTag);
        }
    }
}

#[test]
fn w4_flags_and_counts_that_mean_nothing_are_refused_before_the_length() {
    for wire in Wire::COMPACT {
        let seal = Seal::new(wire, 1, 0);
        for session in [member(wire, true), survivor(wire)] {
            for flags in 8..=255 {
                reject(&session, &seal.word(flags, &[(3, 5)], &[]), MalformedBody);
                reject(&session, &seal.word_of_game(flags, &[], &[], &[]), MalformedBody);
            }
            for flags in 1..8 {
                reject(&session, &seal.word_of_game(flags, &[], &[], &[]), MalformedBody);
                reject(&session, &seal.word_of_game(flags - 1, &[], &[2], &[]), MalformedBody);
            }
            for count in 64..=255 {
                for counts in [[count, 0], [0, count], [count, count]] {
                    reject(&session, &seal.word_of(&[&[0][..], &counts].concat()), MalformedBody);
                    let long = [&[0][..], &counts, &[0xff; 900]].concat();
                    reject(&session, &seal.word_of(&long), MalformedBody);
                }
            }
            for count in 1..=63 {
                for counts in [[count, 0], [1, count]] {
                    reject(&session, &seal.word_of(&[&[0][..], &counts].concat()), WrongLength);
                    let [named, staying] = counts.map(usize::from);
                    let short = vec![0xff; named * 8 + staying * 2 - 1];
                    reject(&session, &seal.word_of(&[&[0][..], &counts, &short].concat()), WrongLength);
                }
            }
            for rest in [&[0][..], &[0; 6], &[0; 60]] {
                reject(&session, &seal.word(0, &[(3, 5)], rest), WrongLength);
                reject(&session, &seal.word_of_game(0, &[], &[], rest), WrongLength);
            }
            for len in 0..6 {
                reject(&session, &seal.word(4, &[(3, 5)], &vec![0; len]), WrongLength);
            }
        }
    }
}

#[test]
fn w5_players_that_do_not_ascend_or_are_an_end_of_the_link_are_refused() {
    for wire in Wire::COMPACT {
        let seal = Seal::new(wire, 1, 0);
        for session in [member(wire, true), survivor(wire)] {
            for players in [&[(3, 5), (3, 5)][..], &[(3, 5), (2, 5)], &[(2, 5), (7, 0), (3, 5)], &[(1, 9_999), (0, 5)]]
            {
                reject(&session, &seal.word(0, players, &[]), NotAscending);
            }
            for players in [&[(0, 5)][..], &[(1, 5)], &[(0, 5), (3, 9_999)], &[(1, 5), (3, 5)]] {
                reject(&session, &seal.word(0, players, &[]), WrongPlayer);
            }
        }
    }
}

#[test]
fn w6_an_end_further_ahead_than_a_window_is_refused_and_reported_once_an_epoch() {
    for wire in Wire::COMPACT {
        let seal = Seal::new(wire, 1, 0);
        for session in [member(wire, true), survivor(wire)] {
            for (player, known) in [(2, 5), (3, 5)] {
                let most = known + WINDOW;
                for end in [most + 1, most + 1_000, u32::MAX] {
                    reject_out_of_sync(&session, &seal.word(3, &[(player, end)], &[]));
                }
                let most = seal.word(3, &[(player, most)], &[]);
                assert_eq!(session.clone().handle_datagram(at(SECOND), SENDER, &most), Ok(()));
            }
            // Entry by entry.
            reject_out_of_sync(&session, &seal.word(0, &[(2, 9_999), (3, 5)], &[]));
            // An end of somebody who is no peer here is not judged.
            let stranger = seal.word(0, &[(7, u32::MAX)], &[]);
            assert_eq!(session.clone().handle_datagram(at(SECOND), SENDER, &stranger), Ok(()));
        }
    }
}

#[test]
fn w6_the_end_that_a_late_joiner_may_tell_counts_from_where_it_joined() {
    let mut session: Session<3, 1> = Session::new(Wire::Compact.settings(0).build().expect("settings"));
    let leaver = session.add_peer(at(0), PeerConfig::compact(3)).expect("room");
    session.push_input(at(0), [1]).expect("room");
    let joiner = PeerConfig::compact(1).incarnation(incarnation(1)).from(frame(300));
    let joiner = session.add_peer(at(0), joiner).expect("it is ahead");
    let seal = Seal::new(Wire::Compact, 1, 0);
    assert_eq!(session.handle_datagram(at(0), joiner, &seal.inputs(0, 300, 300, &[])), Ok(()));
    drain(&mut session);
    events(&mut session);
    let beyond = seal.word(0, &[(3, 300 + WINDOW + 1)], &[]);
    assert_eq!(session.clone().handle_datagram(at(0), joiner, &beyond), Err(OutOfSync));
    assert_eq!(session.handle_datagram(at(0), joiner, &seal.word(0, &[(3, 300 + WINDOW)], &[])), Ok(()));
    assert_ne!(session.peer(leaver).expect("a peer").departure(), Departure::Present);
}

#[test]
fn w6_inputs_of_another_run_of_a_player_are_not_agreed_on_and_a_word_that_names_no_run_is_taken() {
    for wire in Wire::COMPACT {
        let seal = Seal::new(wire, 1, 0);
        let source = u16::try_from(incarnation(3) >> 32).expect("two bytes");
        let other = source ^ 1;
        for session in [member(wire, true), survivor(wire)] {
            for end in [0, 1, 5, 125] {
                reject_out_of_sync(&session, &seal.word_of_runs(0, &[(3, other, end)], &[]));
            }
            reject_out_of_sync(&session, &seal.word_of_runs(4, &[(2, 0, 5), (3, other, 8)], &inputs(1, 3, 5, &[])));
            for source in [0, source] {
                let word = seal.word_of_runs(4, &[(3, source, 8)], &inputs(0, 3, 5, &[]));
                let mut session = session.clone();
                assert_eq!(session.handle_datagram(at(0), SENDER, &word), Ok(()));
                assert_eq!(session.peer(LEAVER).expect("a peer").last_frame(), Some(frame(7)));
            }
        }
    }
}

#[test]
fn w6_a_survivor_without_inputs_takes_those_of_the_first_run_that_it_hears_of_and_of_no_other() {
    for wire in Wire::COMPACT {
        let mut session: Session<3, 1> = Session::new(wire.settings(0).build().expect("settings"));
        for player in 1..=3 {
            let peer = PeerConfig::compact(player).incarnation(incarnation(player));
            session.add_peer(at(0), peer).expect("room");
        }
        let seal = Seal::new(wire, 1, 0);
        assert_eq!(session.handle_datagram(at(0), SENDER, &seal.inputs(0, 0, 0, &[])), Ok(()));
        assert_eq!(session.handle_datagram(at(0), SENDER, &seal.word_of_runs(0, &[(3, 7, 2)], &[])), Ok(()));
        drain(&mut session);
        events(&mut session);
        reject_out_of_sync(&session, &seal.word_of_runs(4, &[(3, 9, 2)], &inputs(0, 2, 0, &[])));
        let told = seal.word_of_runs(4, &[(3, 7, 2)], &inputs(0, 2, 0, &[]));
        assert_eq!(session.handle_datagram(at(0), SENDER, &told), Ok(()));
        assert_eq!(session.peer(LEAVER).expect("a peer").last_frame(), Some(frame(1)));
    }
}

#[test]
fn w7_inputs_in_a_word_that_are_too_many_too_far_or_malformed_are_refused() {
    for wire in Wire::COMPACT {
        let seal = Seal::new(wire, 1, 0);
        let word = |rest: &[u8]| seal.word(4, &[(2, 100), (3, 8)], rest);
        for session in [member(wire, true), survivor(wire)] {
            for count in 121..=255 {
                reject(&session, &word(&inputs(0, count, 0, &[])), TooManyInputs);
                reject(&session, &word(&inputs(9, count, u32::MAX, &[0])), TooManyInputs);
            }
            reject(&session, &word(&inputs(1, 0, 5, &[])), MalformedBody);
            for index in [2, 3, 63, 255] {
                reject(&session, &word(&inputs(index, 1, 5, &[])), MalformedBody);
            }
            for body in [&[0][..], &[0, 0], &[0x96, 0], &[0xff; 40]] {
                reject(&session, &word(&inputs(1, 1, 5, body)), MalformedBody);
            }
            // The body is judged before the frames.
            reject(&session, &word(&inputs(1, 1, 9_999, &[0])), MalformedBody);
            for (count, base) in [(4, 5), (1, 8), (120, 0), (1, u32::MAX), (2, u32::MAX - 1)] {
                reject(&session, &word(&inputs(1, count, base, &[])), FrameRange);
            }
            for (count, base) in [(3, 5), (1, 5), (8, 0), (1, 0), (2, 6)] {
                assert_eq!(
                    session.clone().handle_datagram(at(SECOND), SENDER, &word(&inputs(1, count, base, &[]))),
                    Ok(())
                );
            }
        }
    }
}

#[test]
fn w7_only_what_follows_the_known_inputs_is_taken_and_only_of_a_named_player() {
    let seal = Seal::new(Wire::Compact, 1, 0);
    for (count, base, end) in [(3, 5, 8), (8, 0, 8), (2, 6, 5), (5, 0, 5), (1, 4, 5), (2, 4, 6)] {
        let mut session = survivor(Wire::Compact);
        let word = seal.word(4, &[(3, 8)], &inputs(0, count, base, &[]));
        assert_eq!(session.handle_datagram(at(0), SENDER, &word), Ok(()));
        let known = session.peer(LEAVER).expect("a peer").last_frame();
        assert_eq!(known, Some(frame(end - 1)), "{count} from {base}");
    }
}

#[test]
fn w8_words_to_a_closed_session_and_of_a_named_peer_have_no_effect_but_the_answer_that_it_is_out() {
    for wire in Wire::COMPACT {
        let seal = Seal::new(wire, 1, 0);
        let mut closed = member(wire, true);
        closed.close(at(0));
        let mut accuser = member(wire, true);
        accuser.disconnect_peer(at(0), SENDER);
        for (session, answers) in [(&closed, false), (&accuser, true)] {
            for word in words(&seal) {
                let mut told = session.clone();
                assert_eq!(told.handle_datagram(at(0), SENDER, &word), Ok(()), "{word:02x?}");
                for peer in [PeerId::new(1), LEAVER] {
                    assert_eq!(told.peer(peer).expect("a peer").departure(), Departure::Present, "{word:02x?}");
                }
                let mut spared = session.clone();
                assert_eq!(events(&mut told), events(&mut spared));
                assert_eq!(told.push_input(at(0), [1]), spared.push_input(at(0), [1]));
                // A peer that plays on has to be told that it is out; one that says farewell knows.
                let plays_on = word != seal.farewell();
                let mut answer = drain(&mut told);
                answer.retain(|(to, datagram)| *to == SENDER && datagram[0] == 0x23);
                let lens: Vec<_> = answer.iter().map(|(_, answer)| answer.len()).collect();
                let farewell = (answers && plays_on).then_some(4 + wire.tag_len());
                assert_eq!(lens, Vec::from_iter(farewell), "{word:02x?}");
            }
        }
        assert_eq!(closed.push_input(at(0), [1]), Err(PushError::Closed));
    }
}

#[test]
fn w8_an_input_datagram_of_a_named_peer_that_is_shorter_than_the_answer_is_not_answered() {
    for wire in Wire::COMPACT {
        let seal = Seal::new(wire, 1, 0);
        let mut accuser = member(wire, true);
        accuser.disconnect_peer(at(0), SENDER);
        for (datagram, answers) in [(seal.inputs(0, 5, 0, &[]), false), (seal.inputs(0, 5, 0, &[0]), true)] {
            assert_eq!(datagram.len() >= seal.farewell().len(), answers);
            let mut told = accuser.clone();
            assert_eq!(told.handle_datagram(at(0), SENDER, &datagram), Ok(()));
            let answered = drain(&mut told).iter().any(|(to, answer)| (*to, answer[0]) == (SENDER, 0x23));
            assert_eq!(answered, answers, "{datagram:02x?}");
        }
    }
}

#[test]
fn w9_a_word_full_of_strangers_names_those_who_are_peers_and_is_answered_by_one() {
    for wire in Wire::COMPACT {
        let seal = Seal::new(wire, 1, 0);
        let players: Vec<_> = (2..65).map(|player| (player, 5)).collect();
        assert_eq!(players.len(), 63);
        let word = seal.word(3, &players, &[]);
        let mut session = member(wire, true);
        for _ in 0..1_000 {
            assert_eq!(session.handle_datagram(at(0), SENDER, &word), Ok(()));
        }
        for player in 1..=3 {
            let peer = session.peer(PeerId::new(player - 1)).expect("a peer");
            assert_eq!(peer.departure() == Departure::Present, player == 1);
        }
        let sent = drain(&mut session);
        let words: Vec<_> = sent.iter().filter(|(_, datagram)| datagram[0] == 0x23).collect();
        assert_eq!(words.len(), 1, "{words:02x?}");
        assert_eq!((words[0].0, words[0].1.len()), (SENDER, 4 + wire.tag_len() + 16 + 2));
    }
}

//! The survivors of a player agree on its last input (PROTOCOL 3.12).

use std::cell::Cell;
use std::collections::BTreeSet;
use std::time::Duration;

use inputwire::{Config, Departure, Epoch, Event, Health, PeerConfig, PeerEvent, PushError, Session};

use crate::support::forge::Seal;
use crate::support::gathering::{Gathering, News};
use crate::support::{MS, PEER, SECOND, T, Wire, act, at, drain, due, events, frame, incarnation, signalled};

type Small = Gathering<3, 1, 2>;

/// Where the flags of a word stand.
fn flags(wire: Wire, word: &[u8]) -> u8 {
    word[1 + wire.tag_len()]
}

/// Every order of three numbers.
fn orders<T: Copy>([a, b, c]: [T; 3]) -> [[T; 3]; 6] {
    [[a, b, c], [a, c, b], [b, a, c], [b, c, a], [c, a, b], [c, b, a]]
}

#[test]
fn all_survivors_get_what_any_one_of_them_has() {
    for wire in Wire::COMPACT {
        for known in orders([2, 1, 0]) {
            for first in 0..3 {
                let mut mesh = Small::met(wire, 4);
                mesh.die_known(3, &known);
                mesh.disconnect(first, 3);
                mesh.run(SECOND);
                for end in 0..3 {
                    let by = (end != first).then_some(News::Departing(3, Some(first)));
                    let expected: Vec<_> = by.into_iter().chain([News::Departed(3, Some(1))]).collect();
                    assert_eq!(mesh.news(end), expected, "{known:?}, first {first}");
                }
                mesh.assert_departed(&[0, 1, 2], 3, Some(1));
            }
        }
    }
}

#[test]
fn a_player_that_never_sent_anything_has_no_last_input() {
    for wire in Wire::COMPACT {
        let mut mesh = Small::met(wire, 3);
        mesh.crash(2);
        mesh.disconnect(0, 2);
        mesh.run(SECOND);
        assert_eq!(mesh.news(1), [News::Departing(2, Some(0)), News::Departed(2, None)]);
        mesh.assert_departed(&[0, 1], 2, None);
    }
}

#[test]
fn nothing_is_sent_for_departures_while_all_live() {
    let mut mesh = Gathering::<3>::met(Wire::Compact, 4);
    mesh.set_loss(200);
    mesh.play(300);
    assert!(mesh.words.is_empty());
    assert!(mesh.end(0).departures_settled());
}

#[test]
fn a_disconnected_peer_is_not_heard_and_counts_as_disconnected_while_its_inputs_stay_readable() {
    for wire in Wire::COMPACT {
        let mut mesh = Gathering::<3>::met(wire, 3);
        mesh.play(10);
        mesh.run(100 * MS);
        mesh.cut(0, 1, true);
        mesh.disconnect(0, 2);
        let id = mesh.id(0, 2);
        assert_eq!(mesh.departure(0, 2), Departure::Departing { end: frame(10) });
        mesh.play(5);
        mesh.run(100 * MS);
        let peer = mesh.end(0).peer(id).expect("a peer");
        assert_eq!((peer.health(), peer.last_frame()), (Health::Disconnected, Some(frame(9))));
        assert_eq!(peer.remote_input(frame(9)), Some(act(2, 9)));
        assert_eq!(peer.pace(), None);
        assert_eq!(mesh.inputs[0][2].len(), 10);
    }
}

#[test]
fn a_word_is_due_at_once_also_while_an_input_is() {
    let mut mesh = Small::met(Wire::Compact, 3);
    mesh.run(7 * MS);
    mesh.push(0).expect("room");
    mesh.disconnect(0, 2);
    let sent = drain(mesh.end(0));
    let kinds: Vec<_> = sent.iter().map(|(_, datagram)| datagram[0]).collect();
    assert!(kinds.contains(&0x23), "{kinds:02x?}");
}

#[test]
fn agreement_takes_two_trips_and_three_where_inputs_are_missing() {
    let interval = T;
    for (known, trips, intervals) in [([5, 5, 5], 2, 2), ([5, 3, 3], 3, 3), ([5, 0, 2], 3, 3)] {
        for (first, trip) in [(0, 80 * MS), (1, 80 * MS), (2, 15 * MS), (0, 5 * MS)] {
            let mut mesh = Gathering::<3>::met(Wire::Compact, 4);
            mesh.die_known(3, &known);
            mesh.set_delay(trip);
            mesh.run(200 * MS);
            let named_at = mesh.now;
            mesh.disconnect(first, 3);
            mesh.run(SECOND);
            for end in 0..3 {
                let took = mesh.departed_at(end, 3) - named_at;
                let most = trips * trip + intervals * interval;
                assert!(took <= most, "{known:?} at {end}: {took} us of {most}, {trip} us a trip, first {first}");
            }
            mesh.assert_departed(&[0, 1, 2], 3, Some(4));
        }
    }
}

#[test]
fn words_are_an_interval_apart_and_a_ping_interval_after_a_long_while() {
    // Frames of 20 ms, so that a word is sent after ten seconds exactly.
    let frame_interval = Duration::from_millis(20);
    let mut mesh = Gathering::<3>::of(Wire::Compact, 3, &|settings| settings.frame_interval(frame_interval));
    mesh.run(SECOND);
    mesh.crash(2);
    mesh.cut(0, 1, true);
    mesh.disconnect(0, 2);
    let from = mesh.now;
    mesh.run(20 * SECOND);
    let times: Vec<_> = mesh.words_of(0, 1).map(|word| (word.at - from) / MS).collect();
    let expected: Vec<_> = (0..=10_000).step_by(20).chain((10_020..=20_000).step_by(200)).collect();
    assert_eq!(times, expected);
    mesh.cut(0, 1, false);
    mesh.run(SECOND);
    mesh.assert_departed(&[0, 1], 2, None);
}

#[test]
fn no_word_is_sent_to_a_run_that_only_signalling_named() {
    let (mut session, [met, unmet]) = signalled();
    let first = |player| Seal::new(Wire::Compact, player, 0).inputs(0, 0, 0, &[]);
    assert_eq!(session.handle_datagram(at(0), met, &first(1)), Ok(()));
    session.disconnect_peer(at(0), met);
    let words = |session: &mut Session<3, 1>| {
        let sent = drain(session).into_iter().filter(|(_, sent)| sent[0] == 0x23);
        sent.map(|(to, _)| to).collect::<Vec<_>>()
    };
    assert_eq!(words(&mut session), []);
    assert_eq!(session.handle_datagram(at(0), unmet, &first(2)), Ok(()));
    assert_eq!(words(&mut session), [unmet]);
}

#[test]
fn words_that_are_lost_are_said_again_until_both_have_them() {
    for wire in Wire::COMPACT {
        for (from, to) in [(0, 1), (1, 0), (1, 2), (2, 1)] {
            for nth in 1..=8 {
                let mut mesh = Small::met(wire, 4);
                mesh.die_known(3, &[2, 1, 0]);
                let count = Cell::new(0);
                mesh.lose = Box::new(move |sender, receiver, bytes| {
                    let counts = (sender, receiver) == (from, to) && bytes[0] == 0x23;
                    count.set(count.get() + u32::from(counts));
                    counts && count.get() < nth
                });
                mesh.disconnect(0, 3);
                mesh.run(2 * SECOND);
                mesh.assert_departed(&[0, 1, 2], 3, Some(1));
            }
        }
    }
}

#[test]
fn words_that_arrive_twice_or_late_or_in_reverse_change_nothing() {
    for wire in Wire::COMPACT {
        let mut mesh = Small::met(wire, 4);
        mesh.die_known(3, &[0, 2, 1]);
        mesh.twice = true;
        mesh.disconnect(2, 3);
        mesh.run(SECOND);
        mesh.assert_departed(&[0, 1, 2], 3, Some(1));
        let before: Vec<_> = (0..3).map(|end| mesh.news(end)).collect();
        mesh.twice = false;
        for word in mesh.words.clone().into_iter().rev() {
            assert_eq!(mesh.hand(word.from, word.to, &word.bytes), Ok(()));
        }
        mesh.run(SECOND);
        assert_eq!((0..3).map(|end| mesh.news(end)).collect::<Vec<_>>(), before);
        mesh.assert_departed(&[0, 1, 2], 3, Some(1));
    }
}

#[test]
fn the_last_word_of_each_pair_may_be_lost_and_a_late_question_is_answered_once() {
    for wire in Wire::COMPACT {
        let start = || {
            let mut mesh = Small::met(wire, 4);
            mesh.die_known(3, &[1, 2, 0]);
            mesh.disconnect(0, 3);
            mesh
        };
        let mut whole = start();
        whole.run(SECOND);
        let counts: Vec<Vec<_>> =
            (0..3).map(|from| (0..3).map(|to| whole.words_of(from, to).count()).collect()).collect();
        let mut mesh = start();
        let mut seen = vec![vec![0; 4]; 4];
        let last = counts.clone();
        mesh.lose = Box::new(move |from, to, bytes| {
            if bytes[0] != 0x23 || from > 2 || to > 2 {
                return false;
            }
            seen[from][to] += 1;
            seen[from][to] == last[from][to]
        });
        mesh.run(SECOND);
        mesh.assert_departed(&[0, 1, 2], 3, Some(1));
        // Player 1 had every input from the beginning.
        let asks = mesh.words_of(1, 0).find(|word| flags(wire, &word.bytes) & 2 != 0).expect("it asked").clone();
        mesh.forget();
        assert_eq!(mesh.hand(1, 0, &asks.bytes), Ok(()));
        mesh.run(SECOND);
        assert_eq!(mesh.words.iter().map(|word| (word.from, word.to)).collect::<Vec<_>>(), [(0, 1)]);
        assert_eq!(flags(wire, &mesh.words[0].bytes), 1, "it has everything, and asks nothing");
    }
}

#[test]
fn when_the_only_holder_of_an_input_dies_too_nobody_waits_for_what_it_had() {
    for wire in Wire::COMPACT {
        // Before it told anybody, and after all others heard what it has but got none of it.
        for told in [false, true] {
            let mut mesh = Small::met(wire, 4);
            mesh.die_known(3, &[2, 0, 0]);
            mesh.lose =
                Box::new(move |from, _, bytes| from == 0 && bytes[0] == 0x23 && (!told || flags(wire, bytes) & 4 != 0));
            mesh.disconnect(1, 3);
            mesh.run(100 * MS);
            assert_eq!(mesh.departure(1, 3), Departure::Departing { end: frame(0) });
            mesh.crash(0);
            mesh.disconnect(2, 0);
            mesh.run(SECOND);
            mesh.assert_departed(&[1, 2], 3, None);
            mesh.assert_departed(&[1, 2], 0, None);
        }
    }
}

#[test]
fn what_the_only_holder_gave_to_one_before_it_died_all_get() {
    for wire in Wire::COMPACT {
        for lucky in [1, 2] {
            let mut mesh = Small::met(wire, 4);
            mesh.die_known(3, &[2, 0, 0]);
            let unlucky = 3 - lucky;
            mesh.lose = Box::new(move |_, to, bytes| to == unlucky && bytes[0] == 0x23 && flags(wire, bytes) & 4 != 0);
            mesh.disconnect(1, 3);
            mesh.run(150 * MS);
            assert_eq!(mesh.departure(lucky, 3), Departure::Departed { last: Some(frame(1)) });
            assert_eq!(mesh.departure(unlucky, 3), Departure::Departing { end: frame(0) });
            mesh.crash(0);
            mesh.lose = Box::new(|_, _, _| false);
            mesh.disconnect(unlucky, 0);
            mesh.run(SECOND);
            mesh.assert_departed(&[1, 2], 3, Some(1));
        }
    }
}

#[test]
fn a_word_of_fewer_players_is_no_agreement_about_more() {
    for wire in Wire::COMPACT {
        let mut mesh = Small::met(wire, 4);
        mesh.die_known(3, &[0, 2, 0]);
        mesh.push_known(2, &[1, 0]);
        mesh.crash(2);
        mesh.ways[1][0].delay = 100 * MS;
        let start = mesh.now;
        mesh.disconnect(0, 3);
        mesh.run(40 * MS);
        assert_eq!(mesh.departure(1, 3), Departure::Departing { end: frame(2) });
        mesh.disconnect(0, 2);
        // The word about player 3 alone arrives 120 ms after the start, that about both not before 160 ms.
        mesh.run(start + 155 * MS - mesh.now);
        assert!(mesh.words_of(1, 0).any(|word| word.at <= start + 21 * MS));
        for player in [2, 3] {
            assert!(matches!(mesh.departure(0, player), Departure::Departing { .. }), "{player}");
        }
        mesh.run(SECOND);
        mesh.assert_departed(&[0, 1], 3, Some(1));
        mesh.assert_departed(&[0, 1], 2, Some(0));
    }
}

#[test]
fn whoever_completes_late_and_without_one_who_completed_reports_the_same() {
    for wire in Wire::COMPACT {
        for known in orders([2, 1, 0]) {
            let mut mesh = Small::met(wire, 4);
            mesh.die_known(3, &known);
            mesh.lose = Box::new(|from, to, bytes| (from, to) == (1, 2) && bytes[0] == 0x23);
            mesh.disconnect(0, 3);
            mesh.run(200 * MS);
            assert_eq!(mesh.departure(0, 3), Departure::Departed { last: Some(frame(1)) }, "{known:?}");
            assert!(matches!(mesh.departure(2, 3), Departure::Departing { .. }), "{known:?}");
            mesh.crash(1);
            mesh.disconnect(0, 1);
            mesh.run(SECOND);
            mesh.assert_departed(&[0, 2], 3, Some(1));
            mesh.assert_departed(&[0, 2], 1, None);
        }
    }
}

#[test]
fn a_player_that_lives_on_is_told_that_it_is_out_by_all() {
    for wire in Wire::COMPACT {
        let mut mesh = Gathering::<3>::met(wire, 4);
        mesh.play(30);
        mesh.cut_both(0, 3, true);
        mesh.forget();
        mesh.disconnect(0, 3);
        mesh.play(30);
        mesh.run(SECOND);
        let dropped: Vec<_> = mesh.news(3);
        assert!(matches!(dropped[..], [News::Dropped(1 | 2)]), "{dropped:?}");
        assert!(mesh.end(3).is_closed());
        assert_eq!(mesh.push(3), Err(PushError::Closed));
        for to in 0..3 {
            assert_eq!(mesh.byes.iter().filter(|bye| **bye == (3, to)).count(), 3, "to {to}");
        }
        let told: Vec<_> = mesh.words.iter().filter(|word| word.to == 3).collect();
        assert!(told.iter().all(|word| word.bytes[1 + wire.tag_len()..] == [0, 0, 0]), "{told:?}");
        let departed: BTreeSet<_> = (0..3).map(|end| mesh.departure(end, 3)).map(|one| format!("{one:?}")).collect();
        assert_eq!(departed.len(), 1, "{departed:?}");
        mesh.assert_silent(&[0, 1, 2]);
    }
}

#[test]
fn a_named_player_is_told_once_a_ping_interval_and_only_while_it_plays_on() {
    for wire in Wire::COMPACT {
        let mut mesh = Gathering::<3>::met(wire, 3);
        mesh.lose = Box::new(|_, to, bytes| to == 2 && bytes[0] == 0x23);
        mesh.disconnect(0, 2);
        mesh.play(180);
        let times: Vec<_> = mesh.words_of(0, 2).map(|word| word.at).collect();
        assert!((10..=16).contains(&times.len()), "{times:?}");
        assert!(times.windows(2).all(|pair| pair[1] - pair[0] >= 200 * MS), "{times:?}");
        mesh.crash(2);
        mesh.run(SECOND);
        mesh.forget();
        mesh.run(5 * SECOND);
        assert!(mesh.words.is_empty());
    }
}

#[test]
fn who_named_a_survivor_cannot_push_further_than_that_one_can_repair() {
    for wire in Wire::COMPACT {
        let mut mesh = Small::met(wire, 4);
        // Nobody hears that player 3 has named player 0, and the window of player 3 stays where player 0 left it.
        mesh.lose = Box::new(|from, _, bytes| from == 3 && bytes[0] == 0x23);
        mesh.disconnect(3, 0);
        assert_eq!(mesh.push(3), Ok(frame(0)));
        assert_eq!(mesh.push(3), Ok(frame(1)));
        mesh.run(100 * MS);
        let holder = mesh.id(3, 0);
        assert_eq!(mesh.push(3), Err(PushError::WindowFull(holder)));
        mesh.crash(3);
        mesh.disconnect(1, 3);
        mesh.run(SECOND);
        for end in [1, 2] {
            assert_eq!(mesh.departure(end, 3), Departure::Departed { last: Some(frame(1)) });
        }
        mesh.assert_silent(&[1, 2]);
    }
}

#[test]
fn a_departed_player_holds_the_window_no_more() {
    for wire in Wire::COMPACT {
        let mut mesh = Small::met(wire, 3);
        mesh.crash(2);
        for _ in 0..2 {
            mesh.push(0).expect("room");
        }
        mesh.run(100 * MS);
        let gone = mesh.id(0, 2);
        assert_eq!(mesh.push(0), Err(PushError::WindowFull(gone)));
        mesh.cut(1, 0, true);
        mesh.disconnect(0, 2);
        mesh.run(100 * MS);
        assert_eq!(mesh.push(0), Err(PushError::WindowFull(gone)), "named is not departed");
        mesh.cut(1, 0, false);
        mesh.run(SECOND);
        assert_eq!(mesh.push(0), Ok(frame(2)));
    }
}

#[test]
fn of_two_that_name_each_other_the_third_keeps_the_one_it_heard_first() {
    for wire in Wire::COMPACT {
        for (first, cut) in [(0, true), (1, true), (0, false), (1, false)] {
            let mut mesh = Gathering::<3>::met(wire, 3);
            mesh.play(10);
            mesh.forget();
            mesh.cut_both(0, 1, cut);
            mesh.ways[1 - first][2].delay = 60 * MS;
            mesh.disconnect(0, 1);
            mesh.disconnect(1, 0);
            mesh.play(60);
            mesh.run(SECOND);
            assert_eq!(mesh.news(1 - first).last(), Some(&News::Dropped(2)));
            assert!(mesh.end(1 - first).is_closed() && !mesh.end(first).is_closed());
            assert_eq!(mesh.departure(first, 1 - first), mesh.departure(2, 1 - first));
            assert!(matches!(mesh.departure(2, 1 - first), Departure::Departed { .. }));
            mesh.assert_silent(&[first, 2]);
        }
    }
}

#[test]
fn where_two_accusations_cross_both_accused_are_out_and_the_others_agree() {
    for wire in Wire::COMPACT {
        let mut mesh = Gathering::<3>::met(wire, 4);
        mesh.play(10);
        mesh.forget();
        mesh.cut_both(0, 1, true);
        mesh.ways[0][3].delay = 60 * MS;
        mesh.ways[1][2].delay = 60 * MS;
        mesh.disconnect(0, 1);
        mesh.disconnect(1, 0);
        mesh.play(60);
        mesh.run(SECOND);
        for out in [0, 1] {
            assert!(mesh.end(out).is_closed(), "{out}");
            assert_eq!(mesh.departure(2, out), mesh.departure(3, out));
            assert!(matches!(mesh.departure(2, out), Departure::Departed { .. }));
        }
        mesh.assert_silent(&[2, 3]);
    }
}

#[test]
fn in_a_circle_of_accusations_nobody_waits_for_ever() {
    for wire in Wire::COMPACT {
        for delays in orders([5 * MS, 40 * MS, 90 * MS]) {
            let mut mesh = Gathering::<3>::met(wire, 4);
            for (from, delay) in delays.into_iter().enumerate() {
                mesh.ways[from].iter_mut().for_each(|way| way.delay = delay);
            }
            for end in 0..3 {
                mesh.disconnect(end, (end + 1) % 3);
            }
            mesh.play(120);
            mesh.run(2 * SECOND);
            for end in 0..4 {
                let (closed, settled) = (mesh.end(end).is_closed(), mesh.end(end).departures_settled());
                assert!(closed || settled, "{end} waits: {delays:?}, {:?}", mesh.news(end));
            }
        }
    }
}

#[test]
fn an_application_that_takes_no_events_is_waited_for() {
    for wire in Wire::COMPACT {
        let mut mesh = Small::met(wire, 3);
        mesh.unpolled[1] = true;
        for _ in 0..2 {
            mesh.push(2).expect("room");
        }
        mesh.run(100 * MS);
        // Player 1 has no room for these two.
        for _ in 0..2 {
            mesh.push(2).expect("room");
        }
        mesh.run(100 * MS);
        mesh.crash(2);
        mesh.forget();
        mesh.disconnect(0, 2);
        mesh.run(2 * SECOND);
        assert_eq!(mesh.departure(1, 2), Departure::Departing { end: frame(2) });
        assert_eq!(mesh.departure(0, 2), Departure::Departed { last: Some(frame(3)) }, "it knows that nobody has more");
        assert!(!mesh.end(0).departures_settled() && !mesh.end(1).departures_settled());
        assert!(mesh.words_of(0, 1).count() > 50, "words go on");
        // They become rare where nothing is heard of the other one for long. But it answers.
        mesh.run(15 * SECOND);
        let since = mesh.now - SECOND;
        assert!(mesh.words_of(0, 1).filter(|word| word.at > since).count() > 50, "and on");
        mesh.unpolled[1] = false;
        mesh.run(SECOND);
        mesh.assert_departed(&[0, 1], 2, Some(3));
    }
}

/// Only one survivor has a window of inputs, of whose bytes one in so many is random. Returns the length of the longest word.
fn miss_a_whole_window<const INPUT_LEN: usize>(seed: u64, first: usize, one_in: u64) -> Option<usize> {
    let mut mesh = Gathering::<2, INPUT_LEN, 127>::met(Wire::Compact, 3);
    let mut rng = inputwire_sim::rng::Rng::new(seed);
    mesh.cut(2, 1, true);
    let mut byte = |_: u8| if rng.one_in(one_in) { crate::support::byte(&mut rng) } else { 0 };
    let inputs: Vec<[u8; INPUT_LEN]> = (0..127).map(|_| [0; INPUT_LEN].map(&mut byte)).collect();
    for input in &inputs {
        let now = at(mesh.now);
        mesh.end(2).push_input(now, *input).expect("room");
        mesh.run(5 * MS);
    }
    mesh.run(2 * SECOND);
    assert_eq!(mesh.end(2).push_input(at(0), [0; INPUT_LEN]), Err(PushError::WindowFull(mesh.id(2, 1))));
    assert_eq!((mesh.inputs[0][2].len(), mesh.inputs[1][2].len()), (127, 0));
    mesh.crash(2);
    mesh.disconnect(first, 2);
    mesh.run(5 * SECOND);
    for end in 0..2 {
        assert_eq!(mesh.news(end).last(), Some(&News::Departed(2, Some(126))), "seed {seed}");
        let delivered: Vec<_> = mesh.inputs[end][2].iter().map(|(_, input)| *input).collect();
        assert!(delivered == inputs, "at {end}: {} inputs", delivered.len());
    }
    mesh.assert_silent(&[0, 1]);
    mesh.words.iter().map(|word| word.bytes.len()).max()
}

#[test]
fn a_whole_window_can_be_missing_and_need_not_fit_a_datagram_that_may_be_full_to_the_last_byte() {
    for (seed, first) in [(1, 0), (2, 1)] {
        assert!(miss_a_whole_window::<255>(seed, first, 1) <= Some(1_024));
    }
    assert_eq!(miss_a_whole_window::<16>(3, 0, 2), Some(1_024));
}

#[test]
fn inputs_in_a_word_need_nothing_that_either_end_may_have_left_behind() {
    // Every input differs from the one before it, and the first that is missing is not the first of all.
    let mut mesh = Gathering::<2, 4, 8>::met(Wire::Compact, 3);
    let input = |number: u32| (0x0101_0101 * (number + 1)).to_be_bytes();
    for number in 0..20 {
        mesh.cut(2, 1, number >= 12);
        let now = at(mesh.now);
        mesh.end(2).push_input(now, input(number)).expect("room");
        mesh.run(60 * MS);
    }
    assert_eq!(mesh.inputs[1][2].len(), 12);
    mesh.crash(2);
    mesh.disconnect(1, 2);
    mesh.run(SECOND);
    let expected: Vec<_> = (0..20).map(|number| (number, input(number))).collect();
    assert_eq!(mesh.inputs[1][2], expected);
    assert_eq!(mesh.news(1), [News::Departed(2, Some(19))]);
}

#[test]
fn a_goodbye_whose_end_is_known_departs_at_once() {
    let mut mesh = Gathering::<3>::met(Wire::Keyed, 3);
    mesh.play(10);
    mesh.run(100 * MS);
    mesh.lose = Box::new(|_, _, bytes| bytes[0] == 0x23);
    let now = at(mesh.now);
    mesh.end(2).close(now);
    mesh.run(100 * MS);
    for end in 0..2 {
        let expected = [News::Departing(2, None), News::Closed(2), News::Departed(2, Some(9))];
        assert_eq!(mesh.news(end), expected, "although no word arrives");
    }
    mesh.lose = Box::new(|_, _, _| false);
    mesh.run(SECOND);
    mesh.assert_departed(&[0, 1], 2, Some(9));
}

#[test]
fn a_goodbye_whose_end_only_some_know_is_agreed_on_and_one_that_nobody_knows_is_cut() {
    for (known, last) in [([5, 3], 4), ([3, 5], 4), ([3, 3], 2), ([2, 3], 2)] {
        let mut mesh = Gathering::<3>::met(Wire::Keyed, 3);
        mesh.push_known(2, &known);
        mesh.push_known(2, &[0, 0]);
        while mesh.end(2).next_frame() < frame(5) {
            mesh.push(2).expect("room");
        }
        let now = at(mesh.now);
        mesh.end(2).close(now);
        for end in 0..2 {
            mesh.cut(2, end, true);
        }
        // Only its goodbyes arrive, two seconds later.
        mesh.run(1_900 * MS);
        for end in 0..2 {
            mesh.cut(2, end, false);
        }
        mesh.lose = Box::new(|from, _, bytes| from == 2 && bytes[0] != 0x21);
        mesh.run(2 * SECOND);
        // Whoever is told by the other one first does not look at the goodbye.
        let named = [0, 1].map(|end| mesh.news(end)[0]);
        assert!(named.contains(&News::Departing(2, None)), "{known:?}: {named:?}");
        mesh.assert_departed(&[0, 1], 2, Some(last));
    }
}

#[test]
fn who_pushes_and_closes_at_once_is_known_to_all_to_the_last_input() {
    let seeds = if cfg!(debug_assertions) { 100 } else { 1_000 };
    for seed in 0..seeds {
        let wire = Wire::COMPACT[usize::from(seed % 2 == 1)];
        let mut mesh = Gathering::<2>::new(wire, 3);
        mesh.seed(seed);
        mesh.run(500 * MS);
        mesh.set_loss(200);
        mesh.play(20);
        mesh.push(2).expect("room");
        let last = mesh.end(2).next_frame().get() - 1;
        let now = at(mesh.now);
        mesh.end(2).close(now);
        mesh.run(3 * SECOND);
        if wire == Wire::Compact {
            // Without a key a goodbye is a hint, on which the application acts.
            for end in 0..2 {
                let closed = mesh.news(end).contains(&News::Closed(2));
                if closed {
                    mesh.disconnect(end, 2);
                }
            }
            mesh.run(SECOND);
        }
        mesh.set_loss(0);
        mesh.run(SECOND);
        if (0..2).all(|end| mesh.departure(end, 2) == Departure::Present) {
            // All three goodbyes were lost, to both.
            mesh.disconnect(0, 2);
            mesh.run(SECOND);
        }
        for end in 0..2 {
            assert_eq!(mesh.inputs[end][2].len(), usize::try_from(last + 1).expect("few"), "seed {seed}");
            assert_eq!(mesh.departure(end, 2), Departure::Departed { last: Some(frame(last)) }, "seed {seed}");
        }
        assert!(mesh.end(0).departures_settled() && mesh.end(1).departures_settled());
    }
}

#[test]
fn an_epoch_begins_anew_what_was_open_and_no_word_of_the_old_one_counts() {
    for wire in Wire::COMPACT {
        let mut mesh = Small::met(wire, 3);
        mesh.die_known(2, &[2, 0]);
        mesh.lose = Box::new(|_, to, bytes| to == 1 && bytes[0] == 0x23);
        mesh.disconnect(0, 2);
        mesh.run(100 * MS);
        let old = mesh.words_of(0, 1).last().expect("a word").bytes.clone();
        let now = at(mesh.now);
        mesh.end(0).begin_epoch(now, Epoch::new(1)).expect("newer");
        assert_eq!(mesh.departure(0, 2), Departure::Departing { end: frame(0) }, "named it stays");
        mesh.run(SECOND);
        assert_eq!(mesh.news(1), [News::Ahead(0, 1)]);
        let now = at(mesh.now);
        mesh.end(1).begin_epoch(now, Epoch::new(1)).expect("newer");
        assert_eq!(mesh.hand(0, 1, &old), Err(inputwire::DatagramError::BadTag));
        mesh.lose = Box::new(|_, _, _| false);
        mesh.run(SECOND);
        mesh.inputs[0][2].clear();
        assert_eq!(mesh.news(0), [News::Departed(2, None)]);
        assert_eq!(mesh.news(1), [News::Ahead(0, 1), News::Departing(2, Some(0)), News::Departed(2, None)]);
        mesh.assert_departed(&[0, 1], 2, None);
        // Whoever departed before has departed again in the next one.
        mesh.forget();
        for end in 0..2 {
            let now = at(mesh.now);
            mesh.end(end).begin_epoch(now, Epoch::new(2)).expect("newer");
        }
        mesh.run(SECOND);
        mesh.assert_departed(&[0, 1], 2, None);
    }
}

#[test]
fn who_was_named_is_still_reported_with_the_survivor_in_the_next_epoch() {
    let (mut session, [one, two]) = signalled();
    let seal = Seal::new(Wire::Compact, 1, 0);
    assert_eq!(session.handle_datagram(at(0), one, &seal.inputs(0, 0, 0, &[])), Ok(()));
    assert_eq!(session.handle_datagram(at(0), one, &seal.word(0, &[(2, 0)], &[])), Ok(()));
    session.begin_epoch(at(0), Epoch::new(1)).expect("newer");
    let departing = Event::Peer { peer: two, event: PeerEvent::Departing { by: Some(one) } };
    assert_eq!(events(&mut session).into_iter().filter(|event| *event == departing).count(), 1);
}

#[test]
fn a_survivor_that_restarts_after_its_word_holds_up_nobody_and_one_before_it_until_it_is_named() {
    for after in [true, false] {
        let mut mesh = Gathering::<3>::met(Wire::Compact, 4);
        mesh.die_known(3, &[2, 2, 2]);
        if !after {
            mesh.lose = Box::new(|from, _, bytes| from == 2 && bytes[0] == 0x23);
        }
        mesh.disconnect(0, 3);
        mesh.run(100 * MS);
        mesh.lose = Box::new(|_, _, _| false);
        let settings = Wire::Compact.settings(2).incarnation(0xfeed_0000_0000);
        let mut session = Session::new(settings.build().expect("settings"));
        for other in [0, 1, 3] {
            session.add_peer(at(mesh.now), PeerConfig::compact(other)).expect("room");
        }
        mesh.ends[2] = Some(session);
        mesh.run(2 * SECOND);
        for end in 0..2 {
            let news = mesh.news(end);
            assert_eq!(news.contains(&News::Departed(3, Some(1))), after, "{news:?}");
            assert!(news.contains(&News::Restarted(2)), "{news:?}");
        }
        mesh.disconnect(0, 2);
        mesh.run(SECOND);
        mesh.assert_departed(&[0, 1], 3, Some(1));
        mesh.assert_departed(&[0, 1], 2, None);
    }
}

#[test]
fn survivors_with_inputs_of_two_runs_of_a_player_agree_in_no_epoch_but_the_next_one() {
    for wire in Wire::COMPACT {
        // The bits of which words speak may be 0 in the second run.
        for (first, second, run) in [(2, 3, 0xfeed_0000_0000), (3, 2, 0xfeed_0000_0000), (2, 2, 0x0123_0000_0000_4567)]
        {
            let mut mesh = Gathering::<3>::new(wire, 3);
            mesh.cut_both(0, 2, true);
            mesh.run(SECOND);
            mesh.push_known(2, &[0, first]);
            mesh.join(2, run, 0);
            mesh.run(SECOND);
            mesh.cut_both(0, 2, false);
            mesh.run(SECOND);
            mesh.push_known(2, &[second, 0]);
            mesh.crash(2);
            mesh.disconnect(0, 2);
            mesh.run(2 * SECOND);
            let lengths = [0, 1].map(|end| mesh.inputs[end][2].len());
            assert_eq!(lengths.map(u32::try_from), [Ok(second), Ok(first)], "inputs of one run");
            assert_eq!(mesh.departure(0, 2), Departure::Departing { end: frame(second) });
            let told = mesh.news(1);
            assert_eq!(told.iter().filter(|news| **news == News::OutOfSync(0)).count(), 1, "{told:?}");
            for end in [1, 0] {
                let now = at(mesh.now);
                mesh.end(end).begin_epoch(now, Epoch::new(1)).expect("newer");
                mesh.inputs[end][2].clear();
                mesh.run(SECOND);
            }
            assert!(mesh.news(0).contains(&News::Ahead(1, 1)));
            mesh.assert_departed(&[0, 1], 2, None);
        }
    }
}

#[test]
fn a_departed_player_may_be_removed_although_another_one_leaves_before_all_have_removed_it() {
    let mut mesh = Gathering::<3>::met(Wire::Compact, 4);
    mesh.play(10);
    mesh.run(100 * MS);
    mesh.crash(3);
    mesh.disconnect(0, 3);
    mesh.run(SECOND);
    assert!((0..3).all(|end| mesh.end(end).departures_settled()));
    mesh.remove(0, 3);
    mesh.crash(2);
    mesh.disconnect(0, 2);
    mesh.run(SECOND);
    assert!(!mesh.end(1).departures_settled());
    mesh.remove(1, 3);
    mesh.forget();
    mesh.run(SECOND);
    for end in 0..2 {
        assert_eq!(mesh.departure(end, 2), Departure::Departed { last: Some(frame(9)) }, "at {end}");
        assert!(mesh.end(end).departures_settled());
    }
}

/// Who removes a player sends no more words, and the others would ask for ever.
#[test]
fn an_end_whose_last_word_has_not_gone_out_is_not_settled() {
    let mut mesh = Gathering::<3>::met(Wire::Compact, 3);
    mesh.play(10);
    mesh.set_delay(5 * MS);
    mesh.crash(2);
    mesh.disconnect(0, 2);
    let (mut before, mut settled) = (mesh.end(0).clone(), false);
    while !settled {
        assert!(mesh.now < 60 * SECOND, "the departure is settled");
        before = mesh.end(0).clone();
        mesh.run(MS);
        settled = mesh.end(0).departures_settled();
    }
    let (peer, now) = (mesh.id(0, 1), at(mesh.now));
    let last = mesh.words_of(1, 0).last().expect("a word that settles it").clone();
    before.handle_datagram(now, peer, &last.bytes).expect("its word");
    assert!(!before.departures_settled());
    drain(&mut before);
    assert!(before.departures_settled());
}

#[test]
fn of_two_players_one_departs_at_once() {
    for wire in Wire::COMPACT {
        let mut mesh = Gathering::<1>::met(wire, 2);
        mesh.play(7);
        mesh.run(100 * MS);
        mesh.disconnect(0, 1);
        assert_eq!(mesh.departure(0, 1), Departure::Departed { last: Some(frame(6)) });
        assert_eq!(mesh.end(0).confirmed_frame(), None, "nobody is left to confirm");
        mesh.settle();
        assert_eq!(mesh.news(0), [News::Departed(1, Some(6))]);
        for _ in 0..300 {
            mesh.push(0).expect("nobody holds the window");
        }
    }
}

#[test]
fn nobody_waits_for_a_classic_peer_and_it_departs_at_its_first_missing_frame() {
    let mut session: Session<3, 1> = Session::new(Wire::Compact.settings(0).build().expect("settings"));
    let classic = session.add_peer(at(0), PeerConfig::classic(1)).expect("room");
    let [two, three] = [2, 3].map(|player| {
        let peer = PeerConfig::compact(player).incarnation(incarnation(player));
        session.add_peer(at(0), peer).expect("room")
    });
    for (peer, player) in [(two, 2), (three, 3)] {
        let first = Seal::new(Wire::Compact, player, 0).inputs(3, 3, 0, &[]);
        assert_eq!(session.handle_datagram(at(0), peer, &first), Ok(()));
    }
    // The classic peer is no survivor, so only player 3 has to agree on player 2.
    session.disconnect_peer(at(0), two);
    let word = Seal::new(Wire::Compact, 3, 0).word(3, &[(2, 3)], &[]);
    assert_eq!(session.handle_datagram(at(0), three, &word), Ok(()));
    assert_eq!(session.peer(two).expect("a peer").departure(), Departure::Departed { last: Some(frame(2)) });
    // Frames 0 and 1, then 5: frames 2 to 4 are missing.
    let inputs = crate::support::forge::classic_input(1, &[(0, 4), (1, 5), (5, 6)]);
    assert_eq!(session.handle_datagram(at(0), classic, &inputs), Ok(()));
    session.disconnect_peer(at(0), classic);
    assert_eq!(session.peer(classic).expect("a peer").departure(), Departure::Departed { last: Some(frame(1)) });
    let reported = events(&mut session);
    let departed = Event::Peer { peer: classic, event: PeerEvent::Departed { last: Some(frame(1)) } };
    let delivered = reported.iter().filter(|event| matches!(event, Event::Input { peer, .. } if *peer == classic));
    assert_eq!(delivered.count(), 3, "what lies above the hole was delivered as well");
    assert!(reported.contains(&departed), "{reported:?}");
    assert!(due(&mut session, SECOND).iter().all(|datagram| datagram[0] >= 0x20), "nothing on the classic wire");
    // What it still sends is not taken: not even what was missing.
    events(&mut session);
    let late = crate::support::forge::classic_input(1, &[(2, 7), (3, 8), (6, 9)]);
    assert_eq!(session.handle_datagram(at(SECOND), classic, &late), Ok(()));
    assert!(events(&mut session).iter().all(|event| !matches!(event, Event::Input { .. })));
    assert_eq!(session.peer(classic).expect("a peer").departure(), Departure::Departed { last: Some(frame(1)) });
}

#[test]
fn inputs_of_the_departed_come_before_its_departure_is_reported() {
    let mut session: Session<1, 1> =
        crate::support::endpoint(Wire::Compact.settings(0), PeerConfig::compact(1).incarnation(incarnation(1)));
    let inputs = Seal::new(Wire::Compact, 1, 0).inputs(5, 5, 0, &[]);
    assert_eq!(session.handle_datagram(at(0), PEER, &inputs), Ok(()));
    session.disconnect_peer(at(0), PEER);
    let reported = events(&mut session);
    let departed = Event::Peer { peer: PEER, event: PeerEvent::Departed { last: Some(frame(4)) } };
    assert_eq!(reported.last(), Some(&departed), "{reported:?}");
    assert_eq!(crate::support::frames(&reported), [0, 1, 2, 3, 4]);
}

#[test]
fn without_a_mesh_a_disconnected_peer_has_departed_at_once_and_no_word_passes() {
    for wire in Wire::COMPACT {
        let mut mesh = Gathering::<3>::of(wire, 3, &|settings| settings.mesh(false));
        mesh.run(SECOND);
        mesh.push_known(2, &[5, 3]);
        mesh.disconnect(0, 2);
        assert_eq!(mesh.departure(0, 2), Departure::Departed { last: Some(frame(4)) });
        mesh.run(5 * SECOND);
        assert_eq!(mesh.departure(1, 2), Departure::Present);
        assert!(mesh.words.is_empty());
        let word = Seal::new(wire, 1, 0).word(0, &[(2, 3)], &[]);
        assert_eq!(mesh.hand(1, 0, &word), Err(inputwire::DatagramError::NoMesh));
        // Its goodbye under a key names nobody but itself.
        let now = at(mesh.now);
        mesh.end(1).close(now);
        mesh.run(SECOND);
        let is_departed = mesh.departure(0, 1) != Departure::Present;
        assert_eq!(is_departed, wire == Wire::Keyed);
    }
}

#[test]
fn a_peer_that_never_pushes_counts_for_what_is_confirmed_until_it_has_departed() {
    let mut mesh = Gathering::<3>::met(Wire::Compact, 3);
    for _ in 0..60 {
        let _ = (mesh.push(0), mesh.push(1));
        mesh.run(T);
    }
    mesh.run(100 * MS);
    assert_eq!(mesh.end(0).confirmed_frame(), None, "who only listens is a peer like any other");
    mesh.crash(2);
    mesh.disconnect(0, 2);
    mesh.run(SECOND);
    assert_eq!(mesh.end(0).confirmed_frame(), Some(frame(59)));
    assert_eq!(mesh.end(0).push_checksum(at(0), frame(59), 7), Ok(()));
}

#[test]
fn a_push_may_not_lead_a_peer_by_more_than_the_settings_allow() {
    let config = |player: u16| Wire::Compact.settings(player).max_lead(10);
    assert_eq!(config(0).build().map(|config| config.max_lead()), Ok(Some(10)));
    assert_eq!(Config::builder().build().map(|config| config.max_lead()), Ok(None));
    let mut mesh = Gathering::<3>::of(Wire::Compact, 3, &|settings| settings.max_lead(10));
    mesh.run(SECOND);
    // Player 1 acknowledges and pushes seldom, as a tab in the background does.
    for number in 0..10 {
        assert_eq!(mesh.push(0), Ok(frame(number)));
        let _ = mesh.push(2);
        mesh.run(T);
    }
    mesh.run(SECOND);
    let (late, other) = (mesh.id(0, 1), mesh.id(0, 2));
    assert_eq!(mesh.end(0).peer(late).expect("a peer").unacked(), 0);
    assert_eq!(mesh.push(0), Err(PushError::TooFarAhead(late)));
    assert_eq!(mesh.end(0).skip_to(at(0), frame(50), [0]), Ok(frame(10)), "nor may a skip");
    mesh.push(1).expect("room");
    mesh.run(100 * MS);
    assert_eq!(mesh.push(0), Ok(frame(10)));
    assert_eq!(mesh.push(0), Err(PushError::TooFarAhead(late)));
    // Whoever left is no lead.
    mesh.crash(1);
    mesh.disconnect(0, 1);
    mesh.run(SECOND);
    for number in 11..20 {
        assert_eq!(mesh.push(0), Ok(frame(number)));
    }
    assert_eq!(mesh.push(0), Err(PushError::TooFarAhead(other)));
}

#[test]
fn a_restarted_player_is_out_and_its_old_words_name_nobody() {
    for wire in Wire::COMPACT {
        let mut mesh = Gathering::<3>::met(wire, 3);
        mesh.play(5);
        mesh.crash(2);
        mesh.disconnect(0, 2);
        mesh.run(SECOND);
        mesh.assert_departed(&[0, 1], 2, Some(4));
        let old: Vec<_> = mesh.words.clone();
        mesh.play(20);
        for end in 0..2 {
            mesh.remove(end, 2);
            mesh.admit(end, 2, 60);
        }
        mesh.forget();
        // Old words about player 2 end before it joined, so they mean another one.
        for word in old.iter().filter(|word| word.from < 2 && word.to < 2) {
            let _ = mesh.hand(word.from, word.to, &word.bytes);
        }
        mesh.run(SECOND);
        for end in 0..2 {
            assert_eq!(mesh.departure(end, 2), Departure::Present, "at {end}");
            assert_eq!(mesh.news(end), []);
        }
    }
}

#[test]
fn a_word_about_nobody_who_is_a_peer_is_not_answered() {
    for wire in Wire::COMPACT {
        let mut mesh = Gathering::<3>::met(wire, 3);
        let word = Seal::new(wire, 1, 0).word(2, &[(9, 100)], &[]);
        assert_eq!(mesh.hand(1, 0, &word), Ok(()));
        mesh.run(5 * SECOND);
        assert!(mesh.words.is_empty(), "{:?}", mesh.words);
        assert!(mesh.end(0).departures_settled());
    }
}

#[test]
fn datagrams_of_a_named_peer_change_nothing() {
    for wire in Wire::COMPACT {
        let mut mesh = Gathering::<3>::met(wire, 3);
        mesh.play(5);
        mesh.run(100 * MS);
        mesh.cut(1, 0, true);
        mesh.disconnect(0, 2);
        let before = mesh.departure(0, 2);
        let seal = Seal::new(wire, 2, 0);
        let end = mesh.end(0).next_frame().get();
        for datagram in [
            seal.inputs(1, 6, end, &[]),
            seal.word(1, &[(1, 3)], &[]),
            seal.bye(6),
            seal.playing(900, 1).hello(),
            Seal { epoch: 5, ..seal }.playing(901, 1).hello(),
        ] {
            assert_eq!(mesh.hand(2, 0, &datagram), Ok(()), "{datagram:02x?}");
        }
        mesh.settle();
        assert_eq!(mesh.departure(0, 2), before);
        assert_eq!(mesh.departure(0, 1), Departure::Present);
        assert_eq!(mesh.news(0), []);
        let damaged: Vec<u8> = seal.inputs(0, 6, end, &[]).iter().map(|byte| byte ^ u8::from(*byte == 6)).collect();
        assert!(mesh.hand(2, 0, &damaged).is_err() || damaged == seal.inputs(0, 6, end, &[]));
    }
}

#[test]
fn whoever_departs_is_reported_however_the_words_are_interleaved() {
    // Random loss, delays and order of naming: all survivors report the same last input.
    let seeds = if cfg!(debug_assertions) { 60 } else { 1_000 };
    for seed in 0..seeds {
        let mut rng = inputwire_sim::rng::Rng::new(seed);
        let mut mesh = Gathering::<3, 1, 8>::new(Wire::Compact, 4);
        mesh.seed(seed);
        for way in mesh.ways.iter_mut().flatten() {
            way.delay = rng.between(1, 120) * MS;
        }
        mesh.run(SECOND);
        mesh.set_loss(u32::try_from(rng.below(400)).expect("few"));
        mesh.twice = rng.one_in(2);
        mesh.play(20 + u32::try_from(rng.below(10)).expect("few"));
        mesh.crash(3);
        for end in 0..3 {
            mesh.cut(3, end, rng.one_in(3));
        }
        mesh.play(3);
        mesh.disconnect(rng.index(3), 3);
        mesh.play(u32::try_from(rng.below(5)).expect("few"));
        let second = rng.one_in(2);
        if second {
            mesh.crash(2);
            mesh.disconnect(rng.index(2), 2);
        }
        mesh.play(10);
        mesh.set_loss(0);
        mesh.run(5 * SECOND);
        let ends: &[usize] = if second { &[0, 1] } else { &[0, 1, 2] };
        if mesh.departure(0, 3) == Departure::Present {
            // The only one who named it died before anybody heard.
            mesh.disconnect(0, 3);
            mesh.run(SECOND);
        }
        let last: BTreeSet<_> = ends.iter().map(|end| format!("{:?}", mesh.departure(*end, 3))).collect();
        assert!(last.len() == 1 && last.iter().all(|last| last.starts_with("Departed")), "seed {seed}: {last:?}");
        let inputs: BTreeSet<_> = ends.iter().map(|end| mesh.inputs[*end][3].clone()).collect();
        assert_eq!(inputs.len(), 1, "seed {seed}");
        mesh.assert_silent(ends);
    }
}

/// Player 3 of four is started in place of itself: player 1 knows inputs of the first run, player 2 of the second one, player 0 of none.
fn between_two_runs(wire: Wire) -> Gathering<3> {
    let mut mesh = Gathering::<3>::new(wire, 4);
    mesh.cut_both(0, 3, true);
    mesh.cut_both(2, 3, true);
    mesh.run(SECOND);
    mesh.push_known(3, &[0, 3, 0]);
    mesh.cut_both(1, 3, true);
    mesh.join(3, 0xfeed_0000_0000, 0);
    mesh.cut_both(2, 3, false);
    mesh.run(SECOND);
    for number in 0..3 {
        let now = at(mesh.now);
        mesh.end(3).push_input(now, [200 + number]).expect("room");
        mesh.run(50 * MS);
    }
    mesh.crash(3);
    mesh.forget();
    mesh
}

#[test]
fn nobody_departs_while_survivors_know_two_runs_of_it_and_one_knows_none() {
    for wire in Wire::COMPACT {
        for (from, to) in [(1, 0), (2, 0), (1, 2), (2, 1)] {
            for by in 0..3 {
                let mut mesh = between_two_runs(wire);
                mesh.ways[from][to].delay = 5 * MS;
                mesh.disconnect(by, 3);
                mesh.run(2 * SECOND);
                let news: Vec<_> = (0..3).flat_map(|end| mesh.news(end)).collect();
                assert!(!news.iter().any(|news| matches!(news, News::Departed(..))), "{news:?}");
                assert!(news.iter().any(|news| matches!(news, News::OutOfSync(_))), "{news:?}");
            }
        }
    }
}

#[test]
fn after_out_of_sync_an_epoch_of_the_reserve_is_free() {
    let mut mesh = Gathering::<3>::new(Wire::Compact, 3);
    let begin = |mesh: &mut Gathering<3>, end: usize| {
        let now = at(mesh.now);
        mesh.end(end).begin_epoch(now, Epoch::LAST_FREE).expect("newer");
    };
    (0..3).for_each(|end| begin(&mut mesh, end));
    mesh.cut_both(0, 2, true);
    mesh.run(SECOND);
    mesh.push_known(2, &[0, 3]);
    mesh.join(2, 0xfeed_0000_0000, 0);
    begin(&mut mesh, 2);
    mesh.cut_both(0, 2, false);
    mesh.run(SECOND);
    mesh.push_known(2, &[3, 0]);
    mesh.crash(2);
    assert_eq!(mesh.end(1).next_epoch(), None);
    mesh.disconnect(0, 2);
    mesh.run(SECOND);
    assert!(mesh.news(1).contains(&News::OutOfSync(0)));
    let next = mesh.end(1).next_epoch().expect("one of the reserve");
    assert_eq!(next, Epoch::new(Epoch::LAST_FREE.get() + 1));
    let now = at(mesh.now);
    mesh.end(1).begin_epoch(now, next).expect("free");
    assert_eq!(mesh.end(1).next_epoch(), None, "until it is needed again");
    mesh.run(SECOND);
    assert!(mesh.news(0).contains(&News::Ahead(1, next.get())));
}

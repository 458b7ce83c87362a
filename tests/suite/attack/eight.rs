//! Eight players: all at once, one after the other, and one against all.

use inputwire::{Departure, Epoch, Health};
use inputwire_sim::rng::Rng;

use crate::support::forge::Seal;
use crate::support::gathering::{Gathering, News};
use crate::support::{MS, SECOND, T, Wire, act, at};

type Eight = Gathering<7>;

fn eight(wire: Wire) -> Eight {
    let mut mesh = Eight::met(wire, 8);
    mesh.play(5);
    mesh.run(100 * MS);
    mesh.forget();
    mesh
}

#[test]
fn eight_that_accuse_whom_they_like_at_once_come_to_an_end_and_those_that_stay_agree() {
    for seed in 0..12 {
        let mut rng = Rng::new(seed);
        let mut mesh = eight(Wire::COMPACT[rng.index(2)]);
        for _ in 0..=rng.index(8) {
            let (end, player) = (rng.index(8), rng.index(8));
            if end != player {
                mesh.disconnect(end, player);
            }
            if rng.one_in(3) {
                mesh.run(rng.below(30 * MS));
            }
        }
        mesh.run(3 * SECOND);
        let stays: Vec<_> =
            (0..8).filter(|end| !mesh.news(*end).iter().any(|news| matches!(news, News::Dropped(_)))).collect();
        for (one, other) in stays.iter().flat_map(|one| stays.iter().map(move |other| (*one, *other))) {
            if one == other || mesh.departure(one, other) != Departure::Present {
                continue;
            }
            for player in (0..8).filter(|player| ![one, other].contains(player)) {
                assert_eq!(
                    mesh.departure(one, player),
                    mesh.departure(other, player),
                    "seed {seed}: {one} {other} {player}"
                );
            }
        }
        let before = mesh.words.len();
        mesh.run(5 * SECOND);
        assert_eq!(mesh.words.len(), before, "seed {seed}: words without end");
    }
}

#[test]
fn players_that_leave_one_after_the_other_cost_words_in_proportion_to_the_pairs_that_stay() {
    for wire in Wire::COMPACT {
        let mut mesh = eight(wire);
        for last in (1..8_usize).rev() {
            mesh.play(3);
            mesh.crash(last);
            mesh.disconnect(0, last);
            mesh.run(SECOND);
            for end in 0..last {
                assert!(matches!(mesh.departure(end, last), Departure::Departed { .. }), "{wire:?}, {last} at {end}");
                assert!(mesh.end(end).departures_settled());
                mesh.remove(end, last);
            }
            let pairs = last * (last - 1);
            assert!(mesh.words.len() <= 8 * pairs + 1, "{wire:?}, {last}: {} words", mesh.words.len());
            mesh.forget();
        }
        for _ in 0..200 {
            mesh.push(0).expect("nobody holds the window");
        }
    }
}

#[test]
fn a_player_that_asks_without_end_is_answered_once_a_frame_and_the_others_not_at_all() {
    for wire in Wire::COMPACT {
        let mut mesh = eight(wire);
        mesh.crash(7);
        mesh.disconnect(0, 7);
        mesh.run(SECOND);
        mesh.forget();
        // It claims to lack everything, a thousand times a second.
        let asks = Seal::new(wire, 1, 0).word(2, &[(7, 0)], &[]);
        for _ in 0..1_000 {
            assert_eq!(mesh.hand(1, 0, &asks), Ok(()));
            mesh.run(MS);
        }
        let most = usize::try_from(SECOND / T + 2).expect("small");
        let answers = mesh.words_of(0, 1).count();
        assert!((1..=most).contains(&answers), "{wire:?}: {answers}");
        let others = mesh.words.iter().filter(|word| word.from > 1 || word.to > 1).count();
        assert_eq!(others, 0, "{wire:?}");
        // When it stops, all is as before.
        mesh.run(SECOND);
        mesh.assert_silent(&[0, 1, 2, 3, 4, 5, 6]);
    }
}

#[test]
fn words_that_were_ever_sent_come_again_in_any_order_and_change_nothing_that_was_reported() {
    for seed in 0..10 {
        let mut rng = Rng::new(seed);
        let mut mesh = eight(Wire::COMPACT[rng.index(2)]);
        mesh.die_known(7, &[9, 7, 9, 6, 9, 9, 8]);
        mesh.disconnect(rng.index(7), 7);
        mesh.run(SECOND);
        mesh.crash(6);
        mesh.disconnect(0, 6);
        mesh.run(SECOND);
        let words = mesh.words.clone();
        let news: Vec<_> = (0..6).map(|end| mesh.news(end)).collect();
        for _ in 0..400 {
            let word = &words[rng.index(words.len())];
            if word.to < 6 {
                let _ = mesh.hand(word.from, word.to, &word.bytes);
            }
            mesh.run(rng.below(5 * MS));
        }
        mesh.run(SECOND);
        for (end, news) in news.into_iter().enumerate() {
            assert_eq!(mesh.news(end), news, "seed {seed}");
            let expected: Vec<_> = (0..14).map(|frame| (frame, act(7, frame))).collect();
            assert_eq!(mesh.inputs[end][7], expected, "seed {seed} at {end}");
        }
        mesh.assert_silent(&[0, 1, 2, 3, 4, 5]);
        // Nor after both were removed and an epoch has begun.
        for end in 0..6 {
            mesh.remove(end, 6);
            mesh.remove(end, 7);
        }
        for end in 0..6 {
            let now = at(mesh.now);
            mesh.end(end).begin_epoch(now, Epoch::new(1)).expect("newer");
        }
        mesh.run(SECOND);
        mesh.forget();
        for word in words.iter().filter(|word| word.to < 6 && word.from < 6) {
            assert!(mesh.hand(word.from, word.to, &word.bytes).is_err(), "seed {seed}: a word of another epoch");
        }
        mesh.play(10);
        mesh.run(100 * MS);
        assert!((0..6).all(|end| mesh.news(end).is_empty() && mesh.inputs[end][(end + 1) % 6].len() == 15));
    }
}

#[test]
fn a_way_that_fails_in_one_direction_among_eight_disturbs_no_other_way() {
    for wire in Wire::COMPACT {
        let mut mesh = eight(wire);
        mesh.cut(0, 1, true);
        mesh.play(180);
        for (end, player) in (0..8).flat_map(|end| (0..8).map(move |player| (end, player))) {
            if end == player || end < 2 && player < 2 {
                continue;
            }
            let id = mesh.id(end, player);
            let health = mesh.end(end).peer(id).expect("a peer").health();
            assert_eq!(health, Health::Good, "{wire:?}: {player} at {end}");
        }
        mesh.cut(0, 1, false);
        mesh.run(SECOND);
        mesh.play(60);
        mesh.run(100 * MS);
        let least = (0..8).flat_map(|end| (0..8).filter(move |player| end != *player).map(move |player| (end, player)));
        let least = least.map(|(end, player)| mesh.inputs[end][player].len()).min();
        assert!(least >= Some(170), "{wire:?}: {least:?}");
    }
}

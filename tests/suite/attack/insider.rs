//! Who is inside: a survivor that lies, and a player that lied before it left.

use inputwire::{Departure, Epoch, Health, PushError};

use crate::support::forge::Seal;
use crate::support::gathering::{Gathering, News, number};
use crate::support::{MS, SECOND, Wire, at, frame};

/// The goodbye of player 2 to another one, with an end of its own.
fn goodbye(to: usize, end: u32) -> Vec<u8> {
    Seal::new(Wire::Keyed, 2, number(to)).bye(end)
}

#[test]
fn nothing_is_delivered_of_a_player_after_its_departure_was_reported() {
    // It tells each survivor the end that this one knows, and so each departure is final at once.
    for known in [[3, 5], [5, 3], [0, 5], [119, 3]] {
        let mut mesh = Gathering::<3>::met(Wire::Keyed, 3);
        mesh.push_known(2, &known);
        for (to, end) in known.into_iter().enumerate() {
            assert_eq!(mesh.hand(2, to, &goodbye(to, end)), Ok(()));
            mesh.settle();
        }
        mesh.crash(2);
        mesh.run(2 * SECOND);
        for (end, known) in known.into_iter().enumerate() {
            assert_eq!(mesh.inputs[end][2].len(), usize::try_from(known).expect("few"), "{known:?} at {end}");
            assert_eq!(mesh.departure(end, 2), Departure::Departed { last: known.checked_sub(1).map(frame) });
        }
        // Both still come to an end, whatever it did, and play on.
        mesh.assert_silent(&[0, 1]);
        mesh.play(200);
        mesh.run(100 * MS);
        assert_eq!(mesh.inputs[0][1].len(), 200, "{known:?}");
    }
}

#[test]
fn whoever_lied_about_its_end_holds_up_no_later_departure() {
    let mut mesh = Gathering::<3>::met(Wire::Keyed, 4);
    mesh.push_known(2, &[3, 7, 0, 5]);
    for (to, end) in [(0, 3), (1, 7), (3, 5)] {
        assert_eq!(mesh.hand(2, to, &goodbye(to, end)), Ok(()));
        mesh.settle();
    }
    mesh.crash(2);
    mesh.run(SECOND);
    mesh.die_known(3, &[4, 9, 0]);
    mesh.disconnect(0, 3);
    mesh.run(SECOND);
    mesh.assert_departed(&[0, 1], 3, Some(8));
    for end in 0..2 {
        mesh.remove(end, 2);
        mesh.remove(end, 3);
    }
    mesh.assert_silent(&[0, 1]);
}

#[test]
fn whoever_cannot_get_what_another_has_of_a_departed_player_learns_it() {
    for (apart, wire) in [(121, Wire::Compact), (121, Wire::Keyed), (300, Wire::Keyed)] {
        let mut mesh = Gathering::<3>::met(wire, 3);
        // It plays on with one survivor alone, although the other one does not get its inputs.
        mesh.cut(2, 0, true);
        let seal = Seal::new(wire, 2, 1);
        for end in 1..=apart {
            mesh.hand(2, 1, &seal.inputs(1, end, 0, &[])).expect("taken");
            mesh.settle();
        }
        mesh.crash(2);
        mesh.disconnect(0, 2);
        mesh.run(SECOND);
        assert_eq!(mesh.news(0), [News::OutOfSync(1)], "once");
        assert_eq!(mesh.departure(0, 2), Departure::Departing { end: frame(0) });
        assert_eq!(mesh.news(1), [News::Departing(2, Some(0)), News::Departed(2, Some(apart - 1))]);
        // What they do about it: a new epoch.
        mesh.forget();
        for end in 0..2 {
            let now = at(mesh.now);
            mesh.end(end).begin_epoch(now, Epoch::new(1)).expect("a newer one");
            mesh.run(100 * MS);
        }
        mesh.run(SECOND);
        assert!(mesh.news(0).contains(&News::Departed(2, None)) && mesh.news(1).contains(&News::Departed(2, None)));
        mesh.assert_silent(&[0, 1]);
        mesh.play(200);
    }
}

#[test]
fn a_survivor_that_lies_holds_up_a_departure_until_it_is_named_itself() {
    for wire in Wire::COMPACT {
        let mut mesh = Gathering::<3>::met(wire, 4);
        mesh.die_known(3, &[4, 6, 2]);
        // Player 2 tells both others of inputs that nobody has, and gives none, or gives forged ones.
        mesh.lose = Box::new(|from, _, bytes| from == 2 && bytes[0] == 0x23);
        mesh.disconnect(0, 3);
        for (number_, rest) in [(0, &[][..]), (4, &[0, 3, 0, 0, 0, 6])] {
            for to in 0..2 {
                let lie = Seal::new(wire, 2, number(to)).word(3 | number_, &[(3, 100)], rest);
                let _ = mesh.hand(2, to, &lie);
            }
            mesh.run(SECOND);
        }
        for end in 0..2 {
            assert!(matches!(mesh.departure(end, 3), Departure::Departing { .. }));
        }
        // A game that goes on without it is whole again, with what the honest ones have in common.
        mesh.lose = Box::new(|_, _, _| false);
        mesh.crash(2);
        mesh.disconnect(1, 2);
        mesh.run(SECOND);
        assert_eq!(mesh.departure(0, 3), mesh.departure(1, 3));
        assert!(matches!(mesh.departure(0, 3), Departure::Departed { .. }));
        assert_eq!(mesh.inputs[0][3], mesh.inputs[1][3]);
        mesh.assert_silent(&[0, 1]);
    }
}

#[test]
fn a_player_that_was_announced_and_never_comes_is_named_to_whoever_waits_for_it() {
    for wire in Wire::COMPACT {
        let mut mesh = Gathering::<3>::met(wire, 3);
        mesh.crash(2);
        for end in 0..2 {
            mesh.disconnect(end, 2);
        }
        mesh.run(SECOND);
        for end in 0..2 {
            mesh.remove(end, 2);
            mesh.admit(end, 2, 50);
        }
        mesh.forget();
        mesh.play(300);
        let absent = mesh.id(0, 2);
        assert_eq!(mesh.push(0), Err(PushError::WindowFull(absent)));
        assert_eq!(mesh.end(0).peer(absent).expect("a peer").health(), Health::Connecting, "it has never been there");
        // Nothing else tells that it will not come: the application has waited long enough.
        mesh.disconnect(1, 2);
        mesh.run(SECOND);
        mesh.assert_departed(&[0, 1], 2, None);
        mesh.play(200);
    }
}

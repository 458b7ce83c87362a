//! Who is inside: a survivor that lies, and a player that lied before it left.

use inputwire::Departure;

use crate::support::forge::Seal;
use crate::support::gathering::{Gathering, number};
use crate::support::{MS, SECOND, Wire, frame};

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

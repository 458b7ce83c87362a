//! What a new epoch clears, and what it keeps.

use inputwire::{Epoch, EpochError, PeerEvent};

use super::{fresh, hand, of_type, pong};
use crate::support::forge::{classic_input, classic_response};
use crate::support::{MS, SECOND, at, due, events, frame, frames, healths, inputs, peer, peer_events, stats};

#[test]
fn an_epoch_empties_the_windows_and_keeps_peers_round_trips_and_health() {
    let mut session = fresh();
    let ping = of_type(&mut session, 0, 0x02).remove(0);
    assert_eq!(hand(&mut session, 50 * MS, &pong(&ping)), Ok(()));
    session.push_input(at(50 * MS), [1]).expect("room");
    assert_eq!(hand(&mut session, 50 * MS, &classic_input(1, &[(0, 1), (9, 9)])), Ok(()));
    events(&mut session);
    assert_eq!(hand(&mut session, 60 * MS, &classic_input(1, &[(12, 9)])), Ok(()));
    let before = stats(&session);
    session.begin_epoch(at(60 * MS), Epoch::new(7)).expect("newer");

    assert_eq!((session.epoch(), session.next_frame()), (Epoch::new(7), frame(0)));
    assert_eq!(
        (session.local_input(frame(0)), peer(&session).remote_input(frame(0)), peer(&session).last_frame()),
        (None, None, None)
    );
    let after = stats(&session);
    assert_eq!((after.rtt, after.health, after.totals), (before.rtt, before.health, before.totals));
    assert_eq!((before.missing, after.missing), (10, 0));
    assert!(frames(&events(&mut session)).is_empty(), "undelivered inputs are gone");

    // Frames start over: the same ones are new, and a jump is measured from the first frame.
    assert_eq!(hand(&mut session, 60 * MS, &classic_input(1, &[(0, 5)])), Ok(()));
    let reported = events(&mut session);
    assert_eq!(inputs(&reported), [(0, [5])]);
    assert!(healths(&reported).is_empty() && peer_events(&reported).is_empty());
    session.push_input(at(61 * MS), [8]).expect("room");
    assert_eq!(of_type(&mut session, 61 * MS, 0x01), [classic_input(0, &[(0, 8)])]);
}

#[test]
fn an_epoch_must_be_newer_and_does_not_restart_the_ping_schedule() {
    let mut session = fresh();
    due(&mut session, 0);
    session.begin_epoch(at(0), Epoch::new(5)).expect("newer");
    for old in [0, 4, 5] {
        let same = session.clone();
        assert_eq!(session.begin_epoch(at(0), Epoch::new(old)), Err(EpochError::NotNewer));
        assert_eq!(session, same);
    }
    assert!(due(&mut session, 499 * MS).is_empty());
    assert_eq!(of_type(&mut session, 500 * MS, 0x02).len(), 1);
}

#[test]
fn lost_inputs_keep_counting_and_a_conflict_is_reported_again() {
    let mut session = fresh();
    for epoch in 1..=3_u32 {
        assert_eq!(hand(&mut session, SECOND, &classic_input(1, &[(0, 1), (119, 1)])), Ok(()));
        assert_eq!(hand(&mut session, SECOND, &classic_input(1, &[(121, 1)])), Ok(()));
        assert_eq!(hand(&mut session, SECOND, &classic_response(1, &[(119, 2)])), Ok(()));
        let reported = peer_events(&events(&mut session));
        assert!(reported.contains(&PeerEvent::Conflict));
        assert!(reported.contains(&PeerEvent::Lost { first: frame(0), count: 2 }), "{reported:?}");
        assert_eq!(stats(&session).lost_inputs, u64::from(epoch) * 2);
        session.begin_epoch(at(SECOND), Epoch::new(epoch)).expect("newer");
    }
}

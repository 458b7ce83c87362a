//! A valid datagram of every kind, each with a receiver that accepts it.

use std::collections::BTreeMap;

use super::forge::classic_input;
use super::{Accepted, MS, PEER, Pair, SECOND, Wire, at, frame};

/// The kind of a datagram: two of the same kind take the same path through the code.
pub(crate) fn kind(wire: Wire, datagram: &[u8]) -> String {
    match (wire, datagram[0]) {
        (Wire::Classic, 0x01) => format!("INPUT of {}", datagram[7]),
        (_, kind @ 0x80..) => {
            let timed = if kind & 0x40 == 0 { "" } else { " with timing" };
            let head = 3 + wire.tag_len() + usize::from(kind & 15 == 15) + if kind & 0x40 == 0 { 0 } else { 8 };
            let body = if datagram.len() > head { ", changing" } else { "" };
            format!("{} inputs{timed}{body}", (kind & 15).min(2) + u8::from(kind & 15 == 15))
        }
        (_, kind) => format!("type {kind:02x}"),
    }
}

/// Plays a game in which everything happens, and keeps one accepted datagram of each kind.
pub(crate) fn specimens(wire: Wire) -> Vec<Accepted<1, 120>> {
    let mut pair = Pair::on(wire);
    pair.recording = true;
    pair.delay = 30 * MS;
    pair.run(3 * SECOND);
    pair.play(40);
    for session in &mut pair.sessions {
        session.push_checksum(at(pair.now), frame(30), 0x1234_5678_9abc_def0).expect("the first one");
    }
    pair.lost[0] = true;
    pair.play(30);
    pair.lost[0] = false;
    pair.play(20);
    pair.run(SECOND);
    pair.sessions[0].close(at(pair.now));
    pair.run(SECOND);
    let mut kinds = BTreeMap::new();
    for accepted in pair.accepted {
        kinds.entry(kind(wire, &accepted.datagram)).or_insert(accepted);
    }
    let mut specimens: Vec<_> = kinds.into_values().collect();
    if wire == Wire::Classic {
        let Accepted { receiver, now, datagram } = specimens[0].clone();
        let player = u16::from_be_bytes([datagram[1], datagram[2]]);
        let mut flagged = classic_input(player, &[(0, 9), (3, 8)]);
        flagged[8] = 0xff;
        let made = [vec![0x04], vec![0x10, 1, 2, 3, 4, 5, 6, 7, 8], classic_input(player, &[]), flagged];
        specimens.extend(made.map(|datagram| Accepted { receiver: receiver.clone(), now, datagram }));
    }
    for Accepted { receiver, now, datagram } in &specimens {
        assert_eq!(receiver.clone().handle_datagram(at(*now), PEER, datagram), Ok(()), "{datagram:02x?}");
    }
    specimens
}

#[test]
fn the_specimens_cover_every_kind_that_is_accepted() {
    for wire in Wire::ALL {
        let kinds: Vec<_> = specimens(wire).iter().map(|specimen| kind(wire, &specimen.datagram)).collect();
        let expected: &[&str] = match wire {
            Wire::Classic => &[
                "INPUT of 0",
                "INPUT of 1",
                "INPUT of 2",
                "INPUT of 3",
                "type 02",
                "type 03",
                "type 04",
                "type 10",
                "type 12",
                "type 13",
            ],
            _ => &[
                "0 inputs",
                "0 inputs with timing",
                "2 inputs, changing",
                "3 inputs, changing",
                "type 20",
                "type 21",
                "type 22",
            ],
        };
        for kind in expected {
            assert!(kinds.iter().any(|found| found == kind), "{wire:?}: no {kind} in {kinds:?}");
        }
    }
}

//! Any bytes as datagrams to a session in the middle of a game: laws 3, 4, 8, 9, 13 and 14.

use std::sync::OnceLock;

use inputwire::{DatagramError, Health, MAX_DATAGRAM_SIZE, PeerConfig, Session};

use super::bytes::Bytes;
use super::cast::{PEER, Scene, Wire, scenes};
use super::draw;
use super::watch::{at, drain, may_be_reported, poll, same, similar, wake};

/// The ping interval of the classic wire, in microseconds.
const PING: u64 = 500_000;

/// The scenes, by the type of the session.
struct Stages {
    bytes: Vec<Scene<1, 120>>,
    small: Vec<Scene<4, 8>>,
    large: Vec<Scene<255, 5>>,
}

fn stages() -> &'static Stages {
    static STAGES: OnceLock<Stages> = OnceLock::new();
    STAGES.get_or_init(|| Stages {
        bytes: [
            scenes(Wire::Compact, PeerConfig::compact),
            scenes(Wire::Keyed, PeerConfig::compact),
            scenes(Wire::Classic, PeerConfig::classic),
        ]
        .concat(),
        small: [scenes(Wire::Compact, PeerConfig::compact), scenes(Wire::Keyed, PeerConfig::compact)].concat(),
        large: scenes(Wire::Compact, PeerConfig::compact),
    })
}

pub fn run(data: &[u8]) {
    play(data);
}

/// One first byte for each scene on a wire with inputs of `input_len` bytes.
pub fn choices(wire: Wire, input_len: usize) -> impl DoubleEndedIterator<Item = u8> {
    let stages = stages();
    (0..=u8::MAX).filter(move |choice| {
        let index = usize::from(choice >> 3);
        let found = match (choice & 7, input_len) {
            (0, 1) => stages.bytes.get(index).map(|scene| scene.wire),
            (4, 4) => stages.small.get(index).map(|scene| scene.wire),
            (7, 255) => stages.large.get(index).map(|scene| scene.wire),
            _ => None,
        };
        found == Some(wire)
    })
}

/// Does the same as `run`, and returns how many datagrams were accepted.
pub fn play(data: &[u8]) -> usize {
    let mut bytes = Bytes::new(data);
    let choice = bytes.u8();
    let stages = stages();
    let index = usize::from(choice >> 3);
    match choice & 7 {
        0..=3 => play_scene(&stages.bytes[index % stages.bytes.len()], bytes),
        4..=6 => play_scene(&stages.small[index % stages.small.len()], bytes),
        _ => play_scene(&stages.large[index % stages.large.len()], bytes),
    }
}

fn play_scene<const INPUT_LEN: usize, const WINDOW: usize>(
    scene: &Scene<INPUT_LEN, WINDOW>,
    mut bytes: Bytes<'_>,
) -> usize {
    let mut session = scene.session.clone();
    let mut accepted = 0;
    let mut now = scene.now;
    let mut answered_at = None;
    for _ in 0..8 {
        if bytes.is_empty() {
            break;
        }
        let what = bytes.u8();
        now = now.max(bytes.moment(now, None));
        if what & 1 != 0 {
            session.handle_timeout(at(now));
            drain(&mut session, |_, _| {});
        }
        let standing = scene.standing(&session);
        let datagram = match scene.wire {
            Wire::Classic => draw::classic(&mut bytes, scene.seal.sender.0, standing),
            _ => draw::compact(&mut bytes, &scene.seal, standing),
        };
        let before = session.clone();
        let unknown = before.peer(PEER).is_some_and(|peer| peer.health() == Health::Connecting);
        let outcome = session.handle_datagram(at(now), PEER, &datagram);
        accepted += usize::from(outcome.is_ok());
        wake(&session, now);
        check(&mut session, before, now, &datagram, outcome);
        if what & 1 != 0 {
            drain(&mut session, |_, answer| {
                // The first datagram that proves a run is answered by the hello that says so, once.
                let proves = unknown && datagram[0] >= 0x22 && answer[0] == 0x20;
                // One that says that this endpoint is out closes the session, which says goodbye; so does a closed one with the
                // acknowledgement of its last input.
                let closes = datagram[0] == 0x23 || datagram[0] >= 0x80 && outcome.is_ok();
                let closes = closes && answer[0] == 0x21;
                if !proves && !closes {
                    check_amplification(scene.wire, WINDOW, &datagram, answer);
                }
                if scene.wire == Wire::Classic && answer[0] == 0x13 {
                    let before = answered_at.replace(now);
                    assert!(
                        before.is_none_or(|before| now - before >= PING),
                        "law 14: responses at {before:?} and {now}"
                    );
                }
            });
        }
        if what & 2 != 0 {
            poll(&mut session, |_| {});
        }
    }
    drain(&mut session, |_, _| {});
    poll(&mut session, |_| {});
    wake(&session, now);
    accepted
}

/// What is accepted of the datagrams that each scene draws from these bytes: the type, 0x80 for all inputs, and whether it is a word
/// that names a player.
pub fn accepted(data: &[u8]) -> Vec<(u8, bool)> {
    let of = |scene: &Scene<1, 120>| {
        let mut session = scene.session.clone();
        let datagram = draw::compact(&mut Bytes::new(data), &scene.seal, scene.standing(&session));
        session.handle_datagram(at(scene.now), PEER, &datagram).ok()?;
        Some((datagram[0].min(0x80), datagram[0] == 0x23 && datagram[2 + scene.seal.len()] > 0))
    };
    stages().bytes.iter().filter(|scene| scene.wire != Wire::Classic).filter_map(of).collect()
}

/// Laws 3 and 4: a refused datagram is as if only time had passed, and an accepted one changes nothing when repeated.
pub fn check<const INPUT_LEN: usize, const WINDOW: usize>(
    session: &mut Session<1, INPUT_LEN, WINDOW>,
    mut before: Session<1, INPUT_LEN, WINDOW>,
    now: u64,
    datagram: &[u8],
    outcome: Result<(), DatagramError>,
) {
    if datagram.len() > MAX_DATAGRAM_SIZE {
        assert_eq!(outcome, Err(DatagramError::TooLong));
    }
    let Err(reason) = outcome else {
        before.clone_from(session);
        let _ = before.handle_datagram(at(now), PEER, datagram);
        assert!(same(session, &mut before), "law 4: repetition changed the session: {datagram:02x?}");
        return;
    };
    let counted = |session: &Session<1, INPUT_LEN, WINDOW>| {
        session.peer(PEER).map_or(0, |peer| peer.stats().totals.refused.get(reason))
    };
    assert_eq!(counted(session), counted(&before).saturating_add(1), "a refusal is counted once");
    before.handle_timeout(at(now));
    let unchanged = if may_be_reported(reason, datagram, before.peer(PEER)) {
        similar(session, &before)
    } else {
        same(session, &mut before)
    };
    assert!(unchanged, "law 3: {reason:?} changed the session: {datagram:02x?}");
}

/// Law 14: what a session sends at once in answer to a datagram is no longer than the datagram, except inputs.
fn check_amplification(wire: Wire, window: usize, cause: &[u8], answer: &[u8]) {
    let limit = match (wire, answer[0]) {
        (Wire::Classic, 0x13) => 5 + 5 * window,
        (_, 0x80..) => return,
        _ => cause.len(),
    };
    assert!(answer.len() <= limit, "law 14: {cause:02x?} is answered by {answer:02x?}");
}

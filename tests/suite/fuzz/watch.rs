//! The laws that hold after any call: when to wake, and how much there is to say and to tell.

use inputwire::{DATAGRAM_MAX, Event, Instant, PeerId, Session};

/// Events of a drain to a peer that are no inputs: one of each kind, and a mismatch for each field that can differ.
const NEWS_MAX: usize = 16;

pub fn at(micros: u64) -> Instant {
    Instant::from_micros(micros)
}

/// Law 8: the next wake is later than the newest moment, or there is none.
pub fn wake<const PEERS: usize, const INPUT: usize, const WINDOW: usize>(
    session: &Session<PEERS, INPUT, WINDOW>,
    newest: u64,
) -> Option<u64> {
    let wake = session.poll_timeout();
    assert!(wake.is_none_or(|wake| wake > at(newest)), "law 8: at {newest}, wake at {wake:?}");
    wake.map(Instant::as_micros)
}

/// Takes every datagram that is due. Law 9: at most one of each kind to a peer.
pub fn drain<const PEERS: usize, const INPUT: usize, const WINDOW: usize>(
    session: &mut Session<PEERS, INPUT, WINDOW>,
    mut send: impl FnMut(PeerId, &[u8]),
) {
    let mut buf = [0; DATAGRAM_MAX];
    let mut kinds: [Option<(PeerId, u64)>; PEERS] = [None; PEERS];
    while let Some(transmit) = session.poll_transmit(&mut buf) {
        let kind = match transmit.datagram {
            [tag @ 0..=0x3f, ..] => 1 << tag,
            [0x80..=0xff, ..] => 1 << 63,
            other => panic!("not a datagram of either wire: {other:02x?}"),
        };
        let place = kinds.iter_mut().find(|place| place.is_none_or(|(peer, _)| peer == transmit.peer));
        let (_, seen) = place.expect("no more peers than there are").get_or_insert((transmit.peer, 0));
        assert!(*seen & kind == 0, "law 9: a second datagram of a kind: {:02x?}", transmit.datagram);
        *seen |= kind;
        send(transmit.peer, transmit.datagram);
    }
}

/// Takes every event. Law 9: there are few beside the inputs of a window.
pub fn tell<const PEERS: usize, const INPUT: usize, const WINDOW: usize>(
    session: &mut Session<PEERS, INPUT, WINDOW>,
    mut take: impl FnMut(Event<INPUT>),
) {
    let mut count = 0;
    while let Some(event) = session.poll_event() {
        count += 1;
        assert!(count <= (WINDOW + NEWS_MAX) * PEERS, "law 9: too many events, now {event:?}");
        take(event);
    }
}

/// Whether two sessions are the same but for counters, which nothing depends on.
pub fn same<const PEERS: usize, const INPUT: usize, const WINDOW: usize>(
    one: &mut Session<PEERS, INPUT, WINDOW>,
    other: &mut Session<PEERS, INPUT, WINDOW>,
) -> bool {
    one.clear_counters();
    other.clear_counters();
    one == other
}

//! The laws that hold after any call: when to wake, and how many datagrams and events there are.

use std::time::Duration;

use inputwire::{DatagramError, Event, Instant, MAX_DATAGRAM_SIZE, PeerId, PeerRef, Session, Totals};

/// The most events about a peer between two polls, besides inputs: one of each kind, and a mismatch for each field.
const PEER_EVENTS_MAX: usize = 16;

pub fn at(micros: u64) -> Instant {
    Instant::from_micros(micros)
}

/// Law 8: the next wake is later than the newest time, or there is none.
pub fn wake<const MAX_PEERS: usize, const INPUT_LEN: usize, const WINDOW: usize>(
    session: &Session<MAX_PEERS, INPUT_LEN, WINDOW>,
    newest: u64,
) -> Option<u64> {
    let wake = session.poll_timeout();
    assert!(wake.is_none_or(|wake| wake > at(newest)), "law 8: at {newest}, wake at {wake:?}");
    wake.map(Instant::as_micros)
}

/// Takes every datagram that is due. Law 9: at most one of each kind to a peer.
pub fn drain<const MAX_PEERS: usize, const INPUT_LEN: usize, const WINDOW: usize>(
    session: &mut Session<MAX_PEERS, INPUT_LEN, WINDOW>,
    mut send: impl FnMut(PeerId, &[u8]),
) {
    let mut buf = [0; MAX_DATAGRAM_SIZE];
    let mut kinds: [Option<(PeerId, u64)>; MAX_PEERS] = [None; MAX_PEERS];
    while let Some(transmit) = session.poll_transmit(&mut buf) {
        let kind = match transmit.datagram {
            [kind @ 0..=0x3f, ..] => 1 << kind,
            [0x80..=0xff, ..] => 1 << 63,
            other => panic!("not a datagram of either wire: {other:02x?}"),
        };
        let place = kinds.iter_mut().find(|place| place.is_none_or(|(peer, _)| peer == transmit.peer));
        let (_, seen) = place.expect("at most `MAX_PEERS` peers").get_or_insert((transmit.peer, 0));
        assert!(*seen & kind == 0, "law 9: a second datagram of a kind: {:02x?}", transmit.datagram);
        *seen |= kind;
        send(transmit.peer, transmit.datagram);
    }
}

/// Polls every event. Law 9: there are few besides the inputs of a window.
pub fn poll<const MAX_PEERS: usize, const INPUT_LEN: usize, const WINDOW: usize>(
    session: &mut Session<MAX_PEERS, INPUT_LEN, WINDOW>,
    mut handle: impl FnMut(Event<INPUT_LEN>),
) {
    let mut count = 0;
    while let Some(event) = session.poll_event() {
        count += 1;
        assert!(count <= (WINDOW + PEER_EVENTS_MAX) * MAX_PEERS, "law 9: too many events, now {event:?}");
        handle(event);
    }
}

/// Whether a refused datagram may be reported, besides being counted: one that proves that the peer is out of sync, a hello
/// of another run, and a hello that nobody can read while the peer is not alive.
pub fn may_be_reported<const INPUT_LEN: usize>(
    reason: DatagramError,
    datagram: &[u8],
    peer: Option<PeerRef<'_, INPUT_LEN>>,
) -> bool {
    match reason {
        DatagramError::OutOfSync | DatagramError::OtherRun => true,
        DatagramError::BadTag => {
            // After a late call the health is judged later than whether the peer's run is alive.
            let lately = |silence: Duration| silence < Duration::from_millis(500);
            let alive = peer.is_some_and(|peer| peer.stats().silence.is_some_and(lately));
            !alive && datagram.first() == Some(&0x20)
        }
        _ => false,
    }
}

/// Whether two sessions hold the same inputs and think the same of their peer.
pub fn similar<const MAX_PEERS: usize, const INPUT_LEN: usize, const WINDOW: usize>(
    one: &Session<MAX_PEERS, INPUT_LEN, WINDOW>,
    other: &Session<MAX_PEERS, INPUT_LEN, WINDOW>,
) -> bool {
    let of = |session: &Session<MAX_PEERS, INPUT_LEN, WINDOW>| {
        let peers = session.peers().filter_map(|id| session.peer(id)).map(|peer| {
            let mut stats = peer.stats();
            stats.totals = Totals::default();
            (stats, peer.last_frame(), peer.latest_input(), peer.suggested_delay())
        });
        (session.next_frame(), session.confirmed_frame(), session.epoch(), peers.collect::<Vec<_>>())
    };
    of(one) == of(other)
}

/// Whether two sessions are equal except for counters, on which nothing depends.
pub fn same<const MAX_PEERS: usize, const INPUT_LEN: usize, const WINDOW: usize>(
    one: &mut Session<MAX_PEERS, INPUT_LEN, WINDOW>,
    other: &mut Session<MAX_PEERS, INPUT_LEN, WINDOW>,
) -> bool {
    one.clear_counters();
    other.clear_counters();
    one == other
}

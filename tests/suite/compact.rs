//! The rules of the compact wire (PROTOCOL 3), one by one.

mod closing;
mod departures;
mod epochs;
mod hello;
mod joining;
mod keys;
mod mesh;
mod reports;
mod runs;
mod schedule;
mod timing;

use inputwire::{ConfigBuilder, Session};

use crate::support::forge::Seal;
use crate::support::{PEER, Wire, at, due, endpoint, events, incarnation};

/// A session that knows its peer's run from signalling, has sent its first hello and input datagram, and received one.
fn running(settings: ConfigBuilder) -> Session<1, 1> {
    let mut session = endpoint::<1, 120>(settings, Wire::Compact.peer(1).incarnation(incarnation(1)));
    let first = Seal::new(Wire::Compact, 1, 0).inputs(0, 0, 0, &[]);
    assert_eq!(session.handle_datagram(at(0), PEER, &first), Ok(()));
    due(&mut session, 0);
    events(&mut session);
    session
}

/// The times at which input datagrams are sent, polled every half millisecond, with how many inputs each carries.
fn input_times(session: &mut Session<1, 1>, from: u64, until: u64) -> Vec<(u64, u8)> {
    let mut times = Vec::new();
    for now in (from..until).step_by(500) {
        let sent = due(session, now);
        times.extend(sent.iter().filter(|sent| sent[0] >= 0x80).map(|sent| (now, sent[0] & 15)));
    }
    times
}

//! Any times: laws 8 and 9, no burst however late the poll, and no repeated wakes without a reason.

use std::time::Duration;

use inputwire::{Config, PeerConfig, PeerId, Session};

use super::bytes::Bytes;
use super::watch::{at, drain, poll, wake};

type Local = Session<2, 1>;

/// That of the session; its peer has the next one.
const INCARNATION: u64 = 0x5eed_0000_0020;
/// All deadlines of two peers: without a drain there are no more wakes than these.
const DEADLINES: usize = 20;

pub fn run(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let Some(mut session) = session(&mut bytes) else { return };
    let mut others = [PeerConfig::compact(0), PeerConfig::classic(0)].map(|peer| {
        let player = 1 + u16::from(peer == PeerConfig::classic(0));
        let mut other = Session::<1, 1>::new(
            Config::builder().local_player(player).incarnation(INCARNATION + 1).build().expect("a configuration"),
        );
        other.add_peer(at(0), peer).expect("room for a peer");
        other
    });
    // The newest time so far, like that of the session.
    let mut now = 0;
    for _ in 0..32 {
        if bytes.is_empty() {
            break;
        }
        let time = match bytes.below(8) {
            0 => bytes.u64(),
            1 => u64::MAX - u64::from(bytes.u16()),
            2 => now + (u64::MAX - now) / (2 + u64::from(bytes.u8())),
            _ => bytes.moment(now, wake(&session, now)),
        };
        let what = bytes.below(16);
        match what {
            0..=2 => {
                let _ = session.push_input(at(time), [what]);
            }
            3..=6 => {
                let other = usize::from(what & 1);
                let from = PeerId::new(u32::from(what & 1));
                others[other].handle_timeout(at(time));
                let _ = others[other].push_input(at(time), [what]);
                session.handle_timeout(at(time));
                drain(&mut others[other], |_, datagram| {
                    let _ = session.handle_datagram(at(time), from, datagram);
                });
            }
            7 => session.handle_transport_closed(at(time), PeerId::new(u32::from(bytes.below(2)))),
            8 => session.handle_transport_opened(at(time), PeerId::new(u32::from(bytes.below(2)))),
            9 => session.close(at(time)),
            _ => session.handle_timeout(at(time)),
        }
        now = now.max(time);
        wake(&session, now);
        match bytes.below(4) {
            0 => {}
            1 => undrained(session.clone(), now),
            _ => {
                drain(&mut session, |to, datagram| {
                    let other = &mut others[to.get() as usize];
                    let _ = other.handle_datagram(at(now), PeerId::new(0), datagram);
                });
                poll(&mut session, |_| {});
                quiet(&mut session, now);
            }
        }
    }
    drained(session, now);
}

/// A session with a peer on each wire, and any settings that are allowed.
fn session(bytes: &mut Bytes<'_>) -> Option<Local> {
    let mut config = Config::builder().incarnation(INCARNATION).early_copies(bytes.flag());
    if bytes.flag() {
        config = config.frame_interval(Duration::from_micros(u64::from(bytes.u16()) * 160));
        config = config.ping_interval(Duration::from_millis(u64::from(bytes.u8()) * 40));
        config = config.disconnect_after(Duration::from_millis(u64::from(bytes.u16()) * 60));
    }
    let mut session = Session::new(config.build().ok()?);
    session.add_peer(at(0), PeerConfig::compact(1).incarnation(INCARNATION + 1)).expect("room for a peer");
    session.add_peer(at(0), PeerConfig::classic(2)).expect("room for a peer");
    Some(session)
}

/// A drained session stays drained at the same time.
fn quiet(session: &mut Local, now: u64) {
    session.handle_timeout(at(now));
    drain(session, |to, datagram| panic!("a burst to {to} at {now}: {datagram:02x?}"));
    poll(session, |event| panic!("a second poll at {now} reports {event:?}"));
}

/// A caller that does not drain is not woken in a loop.
fn undrained(mut session: Local, mut now: u64) {
    for _ in 0..DEADLINES {
        let Some(due) = wake(&session, now) else { return };
        now = due;
        session.handle_timeout(at(now));
    }
    assert_eq!(wake(&session, now), None, "woken repeatedly without a drain");
}

/// A caller that drains is rarely woken for nothing.
fn drained(mut session: Local, mut now: u64) {
    let mut idle = 0;
    for _ in 0..12 {
        let Some(due) = wake(&session, now) else { return };
        now = due;
        session.handle_timeout(at(now));
        let mut found = 0;
        drain(&mut session, |_, _| found += 1);
        poll(&mut session, |_| found += 1);
        idle = if found == 0 { idle + 1 } else { 0 };
        assert!(idle <= 3, "woken for nothing at {now}");
        quiet(&mut session, now);
    }
}

//! A slept clock: hosts that sleep for minutes, clocks that jump, and the end of time.

use inputwire::{Event, Health, Instant, PushError, Session};
use inputwire_sim::rng::Rng;

use crate::support::{PEER, Pair, SECOND, T, Wire, act, at, drain, due, events, frames, healths, inputs, stalls};

/// Two endpoints whose clocks are their callers' affair, and the socket of each, which holds the latest datagrams.
struct Hosts {
    sessions: [Session<1, 1>; 2],
    sockets: [Vec<Vec<u8>>; 2],
    /// How much the clock of each is ahead of the true time, and whether the host sleeps.
    ahead: [u64; 2],
    asleep: [bool; 2],
    now: u64,
    reported: [Vec<Event<1>>; 2],
}

const SOCKET: usize = 200;

impl Hosts {
    fn met(wire: Wire) -> Self {
        let Pair { sessions, now, .. } = Pair::met(wire);
        Self {
            sessions,
            sockets: [Vec::new(), Vec::new()],
            ahead: [0; 2],
            asleep: [false; 2],
            now,
            reported: [Vec::new(), Vec::new()],
        }
    }

    /// A frame of both games: what is in the sockets, a push, events, datagrams.
    fn frame(&mut self) {
        for host in 0..2 {
            if self.asleep[host] {
                continue;
            }
            let now = at(self.now.saturating_add(self.ahead[host]));
            let session = &mut self.sessions[host];
            for datagram in std::mem::take(&mut self.sockets[host]) {
                let _ = session.handle_datagram(now, PEER, &datagram);
            }
            let _ = session.push_input(now, act(host, session.next_frame().get()));
            self.reported[host].extend(events(session));
            for (_, datagram) in drain(session) {
                let socket = &mut self.sockets[1 - host];
                socket.push(datagram);
                if socket.len() > SOCKET {
                    socket.remove(0);
                }
            }
            assert!(session.poll_timeout().is_none_or(|due| due > at(0).max(now.min(due))), "law 8");
        }
        self.now += T;
    }

    fn frames(&mut self, count: u64) {
        (0..count).for_each(|_| self.frame());
    }
}

#[test]
fn a_host_that_slept_for_minutes_wakes_to_a_link_that_runs_within_a_second() {
    for wire in Wire::ALL {
        for minutes in [1, 10, 600] {
            let mut hosts = Hosts::met(wire);
            hosts.frames(60);
            hosts.asleep[0] = true;
            // The other one plays on where it may; only the start of a long sleep is played frame by frame.
            hosts.frames(600);
            hosts.now += minutes * 60 * SECOND;
            hosts.frames(60);
            hosts.asleep[0] = false;
            hosts.reported = [Vec::new(), Vec::new()];
            hosts.frames(60);
            assert_eq!(stalls(&hosts.reported[0]).len(), 1, "{wire:?}, {minutes} min");
            let before = [0, 1].map(|host| frames(&hosts.reported[host]).len());
            hosts.frames(120);
            for (host, before) in before.into_iter().enumerate() {
                let delivered = frames(&hosts.reported[host]);
                assert!(delivered.len() >= before + 118, "{wire:?}, {minutes} min: {}", delivered.len());
                assert_eq!(hosts.sessions[host].peer(PEER).expect("a peer").health(), Health::Good);
                for (frame, input) in inputs(&hosts.reported[host]) {
                    assert_eq!(input, act(1 - host, frame));
                }
            }
        }
    }
}

#[test]
fn clocks_that_jump_ahead_and_back_lose_no_input_and_deliver_none_twice() {
    for seed in 0..40 {
        let mut rng = Rng::new(seed);
        let wire = rng.pick(&Wire::COMPACT);
        let mut hosts = Hosts::met(wire);
        for _ in 0..40 {
            let host = rng.index(2);
            match rng.below(4) {
                0 => hosts.ahead[host] += rng.below(3 * SECOND),
                1 => hosts.ahead[host] += rng.below(100 * 3_600 * SECOND),
                // It goes back: for the session it stands still until it has caught up.
                2 => hosts.ahead[host] = hosts.ahead[host].saturating_sub(rng.below(SECOND)),
                _ => hosts.now += rng.below(10 * SECOND),
            }
            hosts.frames(rng.below(40));
        }
        hosts.frames(600);
        for host in 0..2 {
            let delivered = inputs(&hosts.reported[host]);
            let pushed = hosts.sessions[1 - host].next_frame().get();
            let expected: Vec<_> = (0..pushed).map(|frame| (frame, act(1 - host, frame))).collect();
            assert!(delivered.len() + 3 >= expected.len(), "seed {seed}: {} of {pushed}", delivered.len());
            assert_eq!(delivered, expected[..delivered.len()], "seed {seed}");
        }
    }
}

#[test]
fn a_jump_of_the_clock_reports_each_change_once() {
    for wire in Wire::ALL {
        for jump in [SECOND, 60 * SECOND, 1 << 40, 1 << 60, u64::MAX / 2] {
            let mut hosts = Hosts::met(wire);
            hosts.frames(60);
            hosts.reported = [Vec::new(), Vec::new()];
            hosts.ahead[0] += jump;
            hosts.frames(120);
            let healths = healths(&hosts.reported[0]);
            assert!(healths.len() <= 2, "{wire:?}, {jump}: {healths:?}");
            assert_eq!(stalls(&hosts.reported[0]).len(), 1, "{wire:?}, {jump}");
            assert!(frames(&hosts.reported[0]).len() >= 118);
        }
    }
}

#[test]
fn a_link_runs_up_to_the_end_of_time_and_closes_there() {
    for wire in Wire::ALL {
        for before in [0, 1, SECOND, 20 * SECOND] {
            let mut hosts = Hosts::met(wire);
            hosts.frames(30);
            let last = u64::MAX - (1 << 40);
            hosts.ahead = [last - before - hosts.now; 2];
            hosts.frames(300);
            let session = &mut hosts.sessions[0];
            session.close(at(u64::MAX));
            assert_eq!(session.push_input(at(u64::MAX), [1]), Err(PushError::Closed));
            for _ in 0..5 {
                due(session, u64::MAX);
            }
            assert_eq!(session.poll_timeout(), None, "{wire:?}, {before}");
            assert!(session.is_closed(), "{wire:?}, {before} us before the end");
        }
    }
}

#[test]
fn a_moment_is_never_before_the_one_it_follows() {
    let ends = [0, 1, u64::MAX - (1 << 40), u64::MAX - 2, u64::MAX - 1, u64::MAX];
    for (one, other) in ends.iter().flat_map(|one| ends.map(|other| (*one, other))) {
        let (one, other) = (Instant::from_micros(one), Instant::from_micros(other));
        let apart = other.saturating_since(one);
        assert!(one.saturating_add(apart) >= one);
        assert!(other < one || one.saturating_add(apart) == other);
    }
}

//! Calls each operation in a function of its own, so that `counts.sh` can count the instructions of each.
//!
//! Two endpoints, buttons, RTT 100 ms, no loss: seven inputs are unacknowledged. Each poll is tried on a clone first, to
//! count those that return something and those that return `None` apart.

use std::collections::VecDeque;
use std::hint::black_box;

use bench::bare::{PEER, session};
use bench::inputs::Player;
use inputwire::{Instant, MAX_DATAGRAM_SIZE, Session};

type Buffer = [u8; MAX_DATAGRAM_SIZE];

#[inline(never)]
fn count_push<const N: usize>(session: &mut Session<1, N>, now: Instant, input: [u8; N]) {
    black_box(session.push_input(now, input)).expect("a free slot");
}

#[inline(never)]
fn count_emit<'b, const N: usize>(session: &mut Session<1, N>, buf: &'b mut Buffer) -> &'b [u8] {
    session.poll_transmit(buf).expect("something is due").datagram
}

#[inline(never)]
fn count_emit_none<const N: usize>(session: &mut Session<1, N>, buf: &mut Buffer) {
    assert!(black_box(session.poll_transmit(buf)).is_none());
}

#[inline(never)]
fn count_handle<const N: usize>(session: &mut Session<1, N>, now: Instant, datagram: &[u8]) {
    black_box(session.handle_datagram(now, PEER, datagram)).expect("a valid datagram");
}

#[inline(never)]
fn count_event<const N: usize>(session: &mut Session<1, N>) {
    assert!(black_box(session.poll_event()).is_some());
}

#[inline(never)]
fn count_event_none<const N: usize>(session: &mut Session<1, N>) {
    assert!(black_box(session.poll_event()).is_none());
}

#[inline(never)]
fn count_poll_timeout<const N: usize>(session: &Session<1, N>) {
    black_box(session.poll_timeout());
}

#[inline(never)]
fn count_handle_timeout<const N: usize>(session: &mut Session<1, N>, now: Instant) {
    session.handle_timeout(now);
}

/// Polls when nothing has happened since the last time.
#[inline(never)]
fn count_idle<const N: usize>(session: &mut Session<1, N>, buf: &mut Buffer) {
    black_box(session.poll_transmit(buf));
    black_box(session.poll_event());
}

#[inline(never)]
fn poll_events<const N: usize>(session: &mut Session<1, N>) {
    while black_box(session.clone().poll_event()).is_some() {
        count_event(session);
    }
    count_event_none(session);
}

fn run<const N: usize>(frames: u64) {
    let mut sessions = [session::<N>(0), session::<N>(1)];
    let mut players = [Player::<N>::new(1), Player::<N>::new(2)];
    let mut lines: [VecDeque<(u64, Vec<u8>)>; 2] = Default::default();
    let mut buf = [0; MAX_DATAGRAM_SIZE];
    for half in 0..2 * frames {
        let at = (half % 2) as usize;
        let micros = half / 2 * 16_667 + 10_000 * (half % 2);
        let now = Instant::from_micros(micros);
        let session = &mut sessions[at];
        count_handle_timeout(session, now);
        while lines[1 - at].front().is_some_and(|(due, _)| *due <= micros) {
            let (_, datagram) = lines[1 - at].pop_front().expect("just seen");
            count_handle(session, now, &datagram);
            poll_events(session);
        }
        count_push(session, now, players[at].play());
        while black_box(session.clone().poll_transmit(&mut buf)).is_some() {
            let datagram = count_emit(session, &mut buf).to_vec();
            lines[at].push_back((micros + 50_000, datagram));
        }
        count_emit_none(session, &mut buf);
        // All earlier events were polled, so there are none.
        poll_events(session);
        count_idle(session, &mut buf);
        count_poll_timeout(session);
    }
}

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("8") => run::<8>(1_000),
        _ => run::<1>(1_000),
    }
    println!("session of 2 players, 1 byte: {} bytes", size_of::<Session<1, 1>>());
    println!("session of 2 players, 8 bytes: {} bytes", size_of::<Session<1, 8>>());
    println!("session of 2 players, 1 byte, window 30: {} bytes", size_of::<Session<1, 1, 30>>());
    println!("session of 4 players, 4 bytes: {} bytes", size_of::<Session<3, 4>>());
    println!("session of 8 players, 1 byte: {} bytes", size_of::<Session<7, 1>>());
}

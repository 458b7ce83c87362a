//! Many sessions in one process, and meshes of many peers.
//!
//! Every session pushes, emits, handles its peer's datagram and takes its events in each frame; a datagram takes three
//! frames. Both ends of each game are in the process, as on a test bench; a server would have one.

use bench::clock::real_ns;
use bench::inputs::Random;
use bench::ours::PEER;
use bench::report::{head, median, row};
use inputwire::{Config, DATAGRAM_MAX, Event, Instant, PeerConfig, PeerId, Session};

const FRAME_US: u64 = 16_667;
/// Frames that a datagram takes.
const TRIP: usize = 3;
/// The longest datagram here.
const SHORT: usize = 48;

#[derive(Clone, Copy)]
struct Short {
    len: u8,
    bytes: [u8; SHORT],
}

/// Places for datagrams on the way: one more, so that nothing is read in the frame in which it is written.
const SLOTS: usize = TRIP + 1;

const NOTHING: Short = Short { len: 0, bytes: [0; SHORT] };

impl Short {
    fn of(datagram: &[u8]) -> Self {
        let mut short = Self { len: datagram.len() as u8, ..NOTHING };
        short.bytes[..datagram.len()].copy_from_slice(datagram);
        short
    }

    fn get(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

fn main() {
    println!("### Sessions in one process\n");
    head(&["sessions", "ns per session and frame", "MiB of sessions", "sessions at 60 Hz on one core"]);
    for count in [2, 100, 1_000, 10_000, 100_000] {
        sessions(count);
    }
    println!("\n### A mesh\n");
    head(&["players", "ns per peer and frame"]);
    mesh::<1>();
    mesh::<3>();
    mesh::<7>();
}

/// An end that knows the other one from signalling, so that inputs flow at once.
fn session(player: u16) -> Session<1, 1> {
    let mut session = Session::new(Config::builder().player(player).build().expect("valid"));
    session.add_peer(Instant::ORIGIN, PeerConfig::compact(1 - player).incarnation(1)).expect("room");
    session
}

fn sessions(count: usize) {
    let mut ends: Vec<Session<1, 1>> = (0..count).map(|at| session((at % 2) as u16)).collect();
    let mut lines = vec![[NOTHING; SLOTS]; count];
    let mut buf = [0; DATAGRAM_MAX];
    let mut random = Random(7);
    let frames = (2_000_000 / count as u64).clamp(60, 20_000);
    let mut costs = Vec::new();
    let mut told = 0_u64;
    for frame in 0..frames {
        let now = Instant::from_micros(frame * FRAME_US);
        let press = random.next();
        let start = real_ns();
        for (at, end) in ends.iter_mut().enumerate() {
            let arrived = lines[at ^ 1][frame as usize % SLOTS];
            if arrived.len > 0 {
                let _ = end.handle_datagram(now, PEER, arrived.get());
            }
            while let Some(event) = end.poll_event() {
                told += u64::from(matches!(event, Event::Input { .. }));
            }
            let _ = end.push_input(now, [((press >> (at & 31)) & 1) as u8]);
            let mut sent = NOTHING;
            while let Some(transmit) = end.poll_transmit(&mut buf) {
                sent = Short::of(transmit.datagram);
            }
            lines[at][(frame as usize + TRIP) % SLOTS] = sent;
        }
        if frame > 30 {
            costs.push((real_ns() - start) as f64 / count as f64);
        }
    }
    assert!(told > 0, "nothing was told");
    let cost = median(&mut costs);
    row(&[
        count.to_string(),
        format!("{cost:.0}"),
        format!("{:.1}", (count * size_of::<Session<1, 1>>()) as f64 / f64::from(1 << 20)),
        format!("{:.0}", 1e9 / 60.0 / cost),
    ]);
}

fn mesh<const PEERS: usize>() {
    let players = PEERS + 1;
    let id = |me: usize, other: usize| PeerId::new((if other < me { other } else { other - 1 }) as u32);
    let mut ends: Vec<Session<PEERS, 1>> = (0..players)
        .map(|me| {
            let mut end = Session::new(Config::builder().player(me as u16).build().expect("valid"));
            for other in (0..players).filter(|other| *other != me) {
                end.add_peer(Instant::ORIGIN, PeerConfig::compact(other as u16).incarnation(1)).expect("room");
            }
            end
        })
        .collect();
    let mut lines = vec![[[NOTHING; SLOTS]; 8]; players];
    let mut buf = [0; DATAGRAM_MAX];
    let mut random = Random(7);
    let mut costs = Vec::new();
    for frame in 0..6_000_u64 {
        let now = Instant::from_micros(frame * FRAME_US);
        let press = random.next();
        let start = real_ns();
        for (me, end) in ends.iter_mut().enumerate() {
            for other in (0..players).filter(|other| *other != me) {
                let datagram = lines[other][me][frame as usize % SLOTS];
                if datagram.len > 0 {
                    let _ = end.handle_datagram(now, id(me, other), datagram.get());
                }
            }
            while end.poll_event().is_some() {}
            let _ = end.push_input(now, [((press >> me) & 1) as u8]);
            while let Some(transmit) = end.poll_transmit(&mut buf) {
                let other = transmit.peer.get() as usize;
                let other = if other < me { other } else { other + 1 };
                lines[me][other][(frame as usize + TRIP) % SLOTS] = Short::of(transmit.datagram);
            }
        }
        if frame > 600 {
            costs.push((real_ns() - start) as f64 / (players * PEERS) as f64);
        }
    }
    row(&[players.to_string(), format!("{:.0}", median(&mut costs))]);
}

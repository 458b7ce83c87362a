//! Many sessions in one process, and meshes of many peers.
//!
//! In each frame every session pushes an input, sends, handles its peer's datagram and polls its events. A datagram takes
//! three frames. Both endpoints of each game are in the process, where a server would have one.

use bench::bare::PEER;
use bench::clock::real_ns;
use bench::inputs::Random;
use bench::report::{head, median, row};
use inputwire::{Config, Event, Instant, MAX_DATAGRAM_SIZE, PeerConfig, PeerId, Session};

const FRAME_US: u64 = 16_667;
/// The frames that a datagram takes.
const TRIP: usize = 3;
/// The longest datagram here.
const SHORT: usize = 48;

#[derive(Clone, Copy)]
struct Short {
    len: u8,
    bytes: [u8; SHORT],
}

/// The slots for datagrams under way: one more, so that none is read in the frame in which it is written.
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

/// The run of every endpoint here, which signalling tells the others.
const RUN: u64 = 0x5eed_0000_0001;

/// Makes an endpoint that knows its peer from signalling, so that inputs flow at once.
fn session(player: u16) -> Session<1, 1> {
    let mut session = Session::new(Config::builder().local_player(player).incarnation(RUN).build().expect("valid"));
    session.add_peer(Instant::ORIGIN, PeerConfig::compact(1 - player).incarnation(RUN)).expect("a free slot");
    session
}

fn sessions(count: usize) {
    let mut endpoints: Vec<Session<1, 1>> = (0..count).map(|at| session((at % 2) as u16)).collect();
    let mut lines = vec![[NOTHING; SLOTS]; count];
    let mut buf = [0; MAX_DATAGRAM_SIZE];
    let mut random = Random::new(7);
    let frames = (2_000_000 / count as u64).clamp(60, 20_000);
    let mut costs = Vec::new();
    let mut delivered = 0_u64;
    for frame in 0..frames {
        let now = Instant::from_micros(frame * FRAME_US);
        let press = random.next();
        let start = real_ns();
        for (at, endpoint) in endpoints.iter_mut().enumerate() {
            let arrived = lines[at ^ 1][frame as usize % SLOTS];
            if arrived.len > 0 {
                let _ = endpoint.handle_datagram(now, PEER, arrived.get());
            }
            while let Some(event) = endpoint.poll_event() {
                delivered += u64::from(matches!(event, Event::Input { .. }));
            }
            let _ = endpoint.push_input(now, [((press >> (at & 31)) & 1) as u8]);
            let mut sent = NOTHING;
            while let Some(transmit) = endpoint.poll_transmit(&mut buf) {
                sent = Short::of(transmit.datagram);
            }
            lines[at][(frame as usize + TRIP) % SLOTS] = sent;
        }
        if frame > 30 {
            costs.push((real_ns() - start) as f64 / count as f64);
        }
    }
    assert!(delivered > 0, "nothing was delivered");
    let cost = median(&mut costs);
    row(&[
        count.to_string(),
        format!("{cost:.0}"),
        format!("{:.1}", (count * size_of::<Session<1, 1>>()) as f64 / f64::from(1 << 20)),
        format!("{:.0}", 1e9 / 60.0 / cost),
    ]);
}

fn mesh<const MAX_PEERS: usize>() {
    let players = MAX_PEERS + 1;
    let id = |me: usize, other: usize| PeerId::new((if other < me { other } else { other - 1 }) as u32);
    let mut endpoints: Vec<Session<MAX_PEERS, 1>> = (0..players)
        .map(|me| {
            let mut endpoint =
                Session::new(Config::builder().local_player(me as u16).incarnation(RUN).build().expect("valid"));
            for other in (0..players).filter(|other| *other != me) {
                endpoint
                    .add_peer(Instant::ORIGIN, PeerConfig::compact(other as u16).incarnation(RUN))
                    .expect("a free slot");
            }
            endpoint
        })
        .collect();
    let mut lines = vec![[[NOTHING; SLOTS]; 8]; players];
    let mut buf = [0; MAX_DATAGRAM_SIZE];
    let mut random = Random::new(7);
    let mut costs = Vec::new();
    for frame in 0..6_000_u64 {
        let now = Instant::from_micros(frame * FRAME_US);
        let press = random.next();
        let start = real_ns();
        for (me, endpoint) in endpoints.iter_mut().enumerate() {
            for other in (0..players).filter(|other| *other != me) {
                let datagram = lines[other][me][frame as usize % SLOTS];
                if datagram.len > 0 {
                    let _ = endpoint.handle_datagram(now, id(me, other), datagram.get());
                }
            }
            while endpoint.poll_event().is_some() {}
            let _ = endpoint.push_input(now, [((press >> me) & 1) as u8]);
            while let Some(transmit) = endpoint.poll_transmit(&mut buf) {
                let other = transmit.peer.get() as usize;
                let other = if other < me { other } else { other + 1 };
                lines[me][other][(frame as usize + TRIP) % SLOTS] = Short::of(transmit.datagram);
            }
        }
        if frame > 600 {
            costs.push((real_ns() - start) as f64 / (players * MAX_PEERS) as f64);
        }
    }
    row(&[players.to_string(), format!("{:.0}", median(&mut costs))]);
}

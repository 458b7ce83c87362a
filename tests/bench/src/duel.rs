//! Two endpoints, a link between them, and the cost of both.

use std::collections::VecDeque;

use crate::clock::{self, ticks};
use crate::heap::counted;
use crate::inputs::Player;
use crate::limits::Numbers;
use crate::network::Weather;

/// The frame interval, in microseconds.
pub const FRAME_US: u64 = 16_667;
/// How much later the second endpoint plays its frames.
const PHASE_US: u64 = 10_000;
/// The frames before the measurement, which include the handshakes.
const WARM_UP: u64 = 600;

/// A call that took more ticks was interrupted, and does not count. No call takes a third of this otherwise.
const PREEMPTED: u64 = 200_000;

/// Datagrams one after the other, in memory that is never freed.
#[derive(Default)]
pub struct Datagrams {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Datagrams {
    pub fn with_capacity() -> Self {
        Self { bytes: Vec::with_capacity(1 << 20), ends: Vec::with_capacity(1 << 12) }
    }

    pub fn push(&mut self, datagram: &[u8]) {
        self.bytes.extend_from_slice(datagram);
        self.ends.push(self.bytes.len());
    }

    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.ends.len()).map(|at| &self.bytes[if at == 0 { 0 } else { self.ends[at - 1] }..self.ends[at]])
    }

    pub fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }
}

/// One endpoint of a game, of any library.
pub trait Endpoint<const N: usize> {
    fn new(player: u8) -> Self;
    /// Handles a datagram. An endpoint that is driven by frames keeps it until the next one.
    fn arrive(&mut self, now: u64, datagram: &[u8], out: &mut Datagrams);
    /// Plays a frame: handles everything that arrived, and sends the input. Returns false if the game had to wait.
    fn frame(&mut self, now: u64, input: [u8; N], out: &mut Datagrams) -> bool;
    /// Returns when to call [`wake`](Self::wake), if that is before the next frame.
    fn deadline(&self) -> Option<u64>;
    fn wake(&mut self, now: u64, out: &mut Datagrams);
    /// Returns how many inputs of the other endpoint are known without a missing one.
    fn known(&self) -> u64;
    /// Returns the round-trip time that it reports, in milliseconds.
    fn rtt_ms(&self) -> Option<f64>;
    fn hash(&self) -> u64;
    /// Returns what was played again, where it is counted.
    fn depths(&self) -> Depths {
        (0, 0, 0)
    }
}

/// How often frames were played again, how many, and how many at once at most.
pub type Depths = (u64, u64, u32);

/// The measurements of both endpoints together.
#[derive(Default)]
pub struct Measured {
    pub frames: u64,
    pub ticks: u64,
    pub calls: u64,
    pub allocations: u64,
    pub bytes: u64,
    pub datagrams: u64,
    pub stalled: u64,
    /// The ages of inputs when they became known, in microseconds.
    pub ages: Vec<u64>,
    /// The times from the end of an outage to the first new input, in microseconds.
    pub recoveries: Vec<u64>,
    pub rtt_ms: Option<f64>,
    pub numbers: Numbers,
    pub hash: u64,
    pub depths: Depths,
}

struct Side<E, const N: usize> {
    endpoint: E,
    player: Player<N>,
    pending: Option<[u8; N]>,
    /// When each input was accepted that the other endpoint does not know yet.
    pushed: VecDeque<u64>,
    known: u64,
    out: Datagrams,
    /// The end of the outage that the next new input ends.
    cut: Option<u64>,
}

/// Plays `frames` frames on a link.
pub fn play<E: Endpoint<N>, const N: usize>(weather: Weather, seed: u64, frames: u64) -> Measured {
    clock::set(0);
    let until = (WARM_UP + frames) * FRAME_US;
    let side = |player: u8| Side {
        endpoint: E::new(player),
        player: Player::new(seed * 2 + u64::from(player)),
        pending: None,
        pushed: VecDeque::with_capacity(1 << 10),
        known: 0,
        out: Datagrams::with_capacity(),
        cut: None,
    };
    let mut sides = [side(0), side(1)];
    let mut network = weather.network(seed);
    let mut done = [0; 2];
    let mut measured = Measured { ages: Vec::with_capacity(2 * frames as usize), ..Measured::default() };
    loop {
        // The next event: an arrival, a deadline, or a frame.
        let tick = |at: usize| done[at] * FRAME_US + PHASE_US * at as u64;
        let (now, kind, at) = [0, 1]
            .into_iter()
            .flat_map(|at| {
                let deadline = sides[at].endpoint.deadline().filter(|due| *due < tick(at));
                [(deadline, 1, at), (Some(tick(at)), 2, at)]
            })
            .chain([(network.next_arrival(), 0, 0)])
            .filter_map(|(when, kind, at)| Some((when?, kind, at)))
            .min()
            .expect("there is always a next frame");
        if now >= until {
            break;
        }
        clock::set(now);
        let counts = now >= WARM_UP * FRAME_US;
        let arrived = if kind == 0 { network.deliver(now) } else { None };
        let (at, datagram) = arrived.map_or((at, Vec::new()), |arrived| (arrived.to, arrived.bytes));
        let Side { endpoint, player, pending, out, .. } = &mut sides[at];
        let input = if kind == 2 { *pending.get_or_insert_with(|| player.play()) } else { [0; N] };
        let mut spent = 0;
        let (accepted, allocations) = counted(|| {
            let before = ticks();
            let accepted = match kind {
                0 => {
                    endpoint.arrive(now, &datagram, out);
                    true
                }
                1 => {
                    endpoint.wake(now, out);
                    true
                }
                _ => play_frame(endpoint, now, input, out),
            };
            spent = ticks() - before;
            accepted
        });
        let Side { pending, pushed, out, .. } = &mut sides[at];
        if kind == 2 {
            done[at] += 1;
            if accepted {
                *pending = None;
                pushed.push_back(now);
            }
        }
        if counts {
            if spent < PREEMPTED {
                measured.ticks += spent;
                measured.calls += 1;
            }
            measured.allocations += allocations;
            measured.frames += u64::from(kind == 2);
            measured.stalled += u64::from(!accepted);
        }
        if let Some(until) = weather.outage_until(now) {
            network.cut(at, 1 - at, until);
        }
        for datagram in out.iter() {
            network.send(now, at, 1 - at, datagram);
            if counts {
                measured.bytes += datagram.len() as u64;
                measured.datagrams += 1;
                measured.numbers.add(at, datagram);
            }
        }
        out.clear();
        learn(&mut sides, at, now, weather, counts, &mut measured);
    }
    measured.rtt_ms = sides[0].endpoint.rtt_ms();
    let [one, other] = [0, 1].map(|at| sides[at].endpoint.depths());
    measured.depths = (one.0 + other.0, one.1 + other.1, one.2.max(other.2));
    // Turned, since two equal hashes would cancel each other.
    measured.hash = sides[0].endpoint.hash() ^ sides[1].endpoint.hash().rotate_left(32);
    measured
}

/// A frame of an endpoint, in a function of its own for `rollback.sh`, which counts its instructions.
#[inline(never)]
fn play_frame<E: Endpoint<N>, const N: usize>(endpoint: &mut E, now: u64, input: [u8; N], out: &mut Datagrams) -> bool {
    endpoint.frame(now, input, out)
}

/// Records the inputs that have become known to an endpoint.
fn learn<E: Endpoint<N>, const N: usize>(
    sides: &mut [Side<E, N>; 2],
    at: usize,
    now: u64,
    weather: Weather,
    counts: bool,
    measured: &mut Measured,
) {
    let known = sides[at].endpoint.known();
    let new = known.saturating_sub(sides[at].known);
    sides[at].known = sides[at].known.max(known);
    if let Some(until) = weather.outage_until(now)
        && counts
    {
        sides[at].cut = Some(until);
    }
    for _ in 0..new {
        let Some(pushed) = sides[1 - at].pushed.pop_front() else {
            return;
        };
        if counts {
            measured.ages.push(now - pushed);
        }
    }
    if new > 0
        && let Some(up) = sides[at].cut
        && now >= up
    {
        sides[at].cut = None;
        measured.recoveries.push(now - up);
    }
}

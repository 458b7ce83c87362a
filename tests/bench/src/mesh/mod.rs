//! Several endpoints, a link between each two, and one that dies: what the others do then.

pub mod others;
pub mod ours;

use inputwire_sim::network::{Faults, Network};

use crate::clock;
use crate::duel::FRAME_US;
use crate::inputs::Player;

/// How many play.
pub const PLAYERS: usize = 4;
/// When the last of them dies, and how long the game goes on.
pub const DEATH_US: u64 = 10_000_000;
const END_US: u64 = 20_000_000;
/// One way, and the most that is added at random, in microseconds.
const WAY_US: u64 = 30_000;
const JITTER_US: u64 = 10_000;
/// The silence after which a player is given up: the default of the other libraries.
pub const GIVE_UP_US: u64 = 2_000_000;

/// A datagram to a player.
pub type Sent = (usize, Vec<u8>);

/// One endpoint of a game of several, of any library.
pub trait Member {
    fn new(player: usize) -> Self;
    fn arrive(&mut self, now: u64, from: usize, datagram: &[u8]);
    /// Plays a frame, if the game need not wait. Returns whether it did.
    fn frame(&mut self, now: u64, input: [u8; 1], out: &mut Vec<Sent>) -> bool;
    /// Returns the last frame of the player that died, once that is certain, and a hash of its inputs. Not asked of others.
    fn last(&self) -> Option<(u64, u64)> {
        None
    }
}

/// What became of the survivors.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Frames a second of the slowest survivor: in the second after the others gave up the dead one, and later.
    pub soon: f64,
    pub later: f64,
    /// Whether they know different last frames, or played different inputs of it.
    pub diverged: bool,
    /// Whether each knows the last frame.
    pub agreed: bool,
}

fn network(seed: u64, loss: f64) -> Network {
    let loss = (loss * 1_000.0).round() as u32;
    let faults = Faults { delay_us: WAY_US, jitter_us: JITTER_US, loss, ..Faults::default() };
    let mut network = Network::by_time(PLAYERS, seed, 1);
    for (from, to) in (0..PLAYERS).flat_map(|from| (0..PLAYERS).map(move |to| (from, to))) {
        network.set_faults(from, to, faults);
    }
    network
}

/// Plays a game in which the last player dies. `one_by_one`: its links fail one after the other, 100 ms apart.
pub fn play<M: Member>(seed: u64, loss: f64, one_by_one: bool) -> Outcome {
    clock::set(0);
    let mut members: Vec<M> = (0..PLAYERS).map(M::new).collect();
    let mut players: Vec<Player<1>> = (0..PLAYERS as u64).map(|player| Player::new(seed * 8 + player)).collect();
    let mut pending = [None; PLAYERS];
    let mut network = network(seed, loss);
    let mut out = Vec::new();
    let dead = PLAYERS - 1;
    let fails = |player: usize| if one_by_one { DEATH_US + 100_000 * player as u64 } else { DEATH_US };
    let (from, soon, end) = (DEATH_US + GIVE_UP_US + 500_000, DEATH_US + GIVE_UP_US + 1_500_000, END_US);
    let mut frames = [[0_u64; 2]; PLAYERS];
    for tick in 0..END_US / FRAME_US {
        for at in 0..PLAYERS {
            let now = tick * FRAME_US + 3_000 * at as u64;
            while let Some(datagram) = network.deliver(now) {
                clock::set(now);
                members[datagram.to].arrive(now, datagram.from, &datagram.bytes);
            }
            for player in (0..dead).filter(|player| now >= fails(*player)) {
                network.cut(player, dead, END_US);
                network.cut(dead, player, END_US);
            }
            if at == dead && now >= fails(dead) {
                continue;
            }
            clock::set(now);
            let input = *pending[at].get_or_insert_with(|| players[at].play());
            if members[at].frame(now, input, &mut out) {
                pending[at] = None;
                frames[at][0] += u64::from((from..soon).contains(&now));
                frames[at][1] += u64::from((soon..end).contains(&now));
            }
            for (to, datagram) in out.drain(..) {
                network.send(now, at, to, &datagram);
            }
        }
    }
    let survivors = &members[..dead];
    let slowest = |which: usize, us: u64| {
        let least = frames[..dead].iter().map(|frames| frames[which]).min().unwrap_or(0);
        least as f64 * 1e6 / us as f64
    };
    Outcome {
        soon: slowest(0, soon - from),
        later: slowest(1, end - soon),
        diverged: survivors.iter().any(|member| member.last() != survivors[0].last()),
        agreed: survivors.iter().all(|member| member.last().is_some()),
    }
}

//! What a game is like, and what happens in it and when.

use crate::network::Faults;
use crate::rng::Rng;

const MS: u64 = 1_000;

/// The most players of a game at its start; a ninth may join.
pub const PLAYERS: u16 = 8;

/// The bytes of an input and the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// 1 and 4: the window is full all the time.
    Tight,
    /// 2 and 120.
    Usual,
    /// 255 and 12: what a survivor lacks needs many datagrams.
    Large,
}

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// A program stops without a word.
    Die(u16),
    /// A player closes its session.
    Close(u16),
    /// A program stops, and another one is started in its place as if nothing had been.
    Restart(u16),
    /// An application disconnects a peer that is well.
    Disconnect {
        /// Whose application.
        by: u16,
        /// Which player.
        player: u16,
    },
    /// Nothing passes from one program to another for a while.
    Cut {
        /// Who is not heard.
        from: u16,
        /// By whom.
        to: u16,
        /// For how long.
        span_us: u64,
    },
    /// A player begins an epoch.
    Epoch(u16),
    /// Somebody wants to join: whoever left, else a new player.
    Join,
}

/// A game.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// What all chance in the game is drawn from.
    pub seed: u64,
    /// How many players there are at its start: 2 to 8.
    pub players: u16,
    /// The inputs.
    pub size: Size,
    /// Whether there is a key.
    pub keyed: bool,
    /// The longest datagram.
    pub max_datagram_size: usize,
    /// The frame interval.
    pub frame_us: u64,
    /// The ping interval.
    pub ping_us: u64,
    /// The silence after which a peer counts as lost.
    pub disconnect_us: u64,
    /// The faults of every link.
    pub faults: Faults,
    /// How often each application takes its events, at most; 0 is at once.
    pub lag_us: [u64; PLAYERS as usize + 1],
    /// Whether departed players are removed without a reason. Before a join they always are.
    pub removes: bool,
    /// After how long a program hears of signalling at most.
    pub heard_us: u64,
    /// Whether a player joins from a frame that may come before all have heard of it.
    pub is_hasty: bool,
    /// What happens, by time.
    pub acts: Vec<(u64, Act)>,
    /// When the network heals.
    pub heal_us: u64,
}

impl Plan {
    /// Draws a game.
    #[must_use]
    pub fn draw(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let players = rng.pick(&[2, 3, 3, 3, 3, 4, 4, 4, 5, 6, 8]);
        let size = rng.pick(&[Size::Tight, Size::Tight, Size::Usual, Size::Usual, Size::Large]);
        let loss = match rng.below(4) {
            0 => 0,
            1 | 2 => rng.between(1, 250),
            _ => rng.between(250, 600),
        };
        let often = |rng: &mut Rng, most| if rng.one_in(3) { u32::try_from(rng.below(most)).unwrap_or(0) } else { 0 };
        let faults = Faults {
            loss: u32::try_from(loss).unwrap_or(0),
            delay_us: rng.magnitude(80 * MS),
            jitter_us: if rng.one_in(2) { rng.magnitude(50 * MS) } else { 0 },
            late: often(&mut rng, 100),
            late_us: 150 * MS,
            hold: often(&mut rng, 100),
            hold_depth: 16,
            duplicate: often(&mut rng, 200),
            replay: often(&mut rng, 50),
            ..Faults::default()
        };
        let ping_us = rng.between(20, 100) * MS;
        let pings = if loss > 250 { rng.between(15, 25) } else { rng.between(6, 20) };
        let mut plan = Self {
            seed,
            players,
            size,
            keyed: rng.one_in(2),
            max_datagram_size: rng.pick(&[1_024, 1_024, 400]),
            frame_us: rng.pick(&[16_667, 16_667, 33_333]),
            ping_us,
            disconnect_us: ping_us * pings,
            faults,
            lag_us: [0; PLAYERS as usize + 1],
            removes: rng.one_in(2),
            heard_us: 200 * MS,
            is_hasty: false,
            acts: Vec::new(),
            heal_us: 0,
        };
        for lag_us in &mut plan.lag_us {
            *lag_us = if rng.one_in(4) { rng.magnitude(800 * MS) } else { 0 };
        }
        plan.draw_acts(&mut rng);
        plan.heard_us = rng.pick(&[200 * MS, 200 * MS, 20 * MS, 800 * MS]);
        plan.is_hasty = rng.one_in(3);
        plan
    }

    fn draw_acts(&mut self, rng: &mut Rng) {
        let mut at = 600 * MS + rng.below(600 * MS);
        for _ in 0..rng.pick(&[0_u8, 1, 1, 1, 2, 2, 2, 2, 3]) {
            self.draw_departure(rng, at);
            // The next one comes while this one is noticed or agreed on, or later.
            at += match rng.below(3) {
                0 => rng.below(400 * MS),
                1 => (self.disconnect_us + rng.below(600 * MS)).saturating_sub(150 * MS),
                _ => self.disconnect_us + rng.below(1_500 * MS),
            };
        }
        let end = at + self.disconnect_us + 300 * MS;
        let someone = |rng: &mut Rng, players: u16| u16::try_from(rng.below(players.into())).unwrap_or(0);
        for _ in 0..rng.pick(&[0_u8, 0, 0, 1, 1, 2]) {
            self.acts.push((600 * MS + rng.below(end), Act::Join));
        }
        for _ in 0..rng.pick(&[0_u8, 0, 0, 0, 1, 1, 2]) {
            self.acts.push((600 * MS + rng.below(end), Act::Epoch(someone(rng, self.players))));
        }
        if rng.one_in(10) {
            self.acts.push((600 * MS + rng.below(end), Act::Die(self.players))); // whoever has joined
        }
        self.heal_us = if rng.one_in(2) { end } else { end + rng.below(2_000 * MS) };
        self.acts.retain(|(at, _)| *at < self.heal_us);
        self.acts.sort_by_key(|(at, _)| *at);
    }

    /// Draws how one or two players leave.
    fn draw_departure(&mut self, rng: &mut Rng, at: u64) {
        let players = self.players;
        let one = u16::try_from(rng.below(players.into())).unwrap_or(0);
        let others: Vec<u16> = (0..players).filter(|player| *player != one).collect();
        let other = rng.pick(&others);
        let long_us = self.disconnect_us * 2 + rng.below(1_000 * MS);
        let mut cut = |at, from, to, span_us| self.acts.push((at, Act::Cut { from, to, span_us }));
        let act = match rng.below(20) {
            0..=7 => Act::Die(one),
            8..=11 => Act::Close(one),
            12 => Act::Restart(one),
            13..=15 => {
                // One pair loses each other, in one direction or in both.
                let both = rng.below(3);
                if both != 0 {
                    cut(at, one, other, long_us);
                }
                if both != 1 {
                    cut(at, other, one, long_us);
                }
                return;
            }
            16 => {
                // One link after the other fails.
                for (count, other) in (0_u64..).zip(&others) {
                    let at = at + count * rng.below(400 * MS);
                    cut(at, one, *other, long_us);
                    cut(at, *other, one, long_us);
                }
                return;
            }
            17 => {
                // One accuses another, plays on and dies before many have heard it.
                self.acts
                    .push((at.saturating_sub(rng.magnitude(300 * MS)), Act::Disconnect { by: one, player: other }));
                self.acts.push((at, Act::Die(one)));
                return;
            }
            18 => {
                // Two accusations that cross.
                let near = at + rng.below(60 * MS);
                self.acts.push((near, Act::Disconnect { by: other, player: one }));
                Act::Disconnect { by: one, player: other }
            }
            _ => {
                // Each accuses the next one.
                let players = u64::from(players);
                for by in 0..players.min(3) {
                    let player = (by + 1) % players.min(3);
                    let [by, player] = [by, player].map(|player| u16::try_from(player).unwrap_or(0));
                    self.acts.push((at + rng.below(40 * MS), Act::Disconnect { by, player }));
                }
                return;
            }
        };
        // What the survivors have of it differs if some of its links fail shortly before.
        if rng.one_in(2) {
            for other in others {
                if rng.one_in(2) {
                    let before = rng.below(500 * MS);
                    self.acts.push((at.saturating_sub(before), Act::Cut { from: one, to: other, span_us: long_us }));
                }
            }
        }
        self.acts.push((at, act));
    }
}

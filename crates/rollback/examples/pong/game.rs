//! Pong for two to four players: integers only, so that every machine computes the same.

use std::hash::{DefaultHasher, Hash, Hasher};

use inputwire_rollback::{Inputs, Status};

/// The field is a square; a paddle stands at each side that has a player.
pub(crate) const FIELD: i32 = 10_000;
pub(crate) const PADDLE: i32 = 1_600;
const PADDLE_SPEED: i32 = 150;
const SERVE_SPEED: i32 = 190;

/// The bits of an input.
pub(crate) const LESS: u8 = 1;
pub(crate) const MORE: u8 = 2;

#[derive(Clone, Debug, Hash, PartialEq, Eq)]
pub(crate) struct Pong {
    pub(crate) players: usize,
    pub(crate) ball: [i32; 2],
    velocity: [i32; 2],
    /// The middle of each paddle: left, right, top, bottom.
    pub(crate) paddles: [i32; 4],
    pub(crate) missed: [u8; 4],
    /// The game ends when a player has missed so many balls.
    lives: u8,
    serves: i32,
}

impl Pong {
    pub(crate) fn new(players: usize, lives: u8) -> Self {
        let mut pong =
            Self { players, ball: [0; 2], velocity: [0; 2], paddles: [FIELD / 2; 4], missed: [0; 4], lives, serves: 0 };
        pong.serve();
        pong
    }

    /// One frame with the inputs of a session.
    pub(crate) fn play(&mut self, inputs: &Inputs<'_, 1>) {
        self.advance([0, 1, 2, 3].map(|player| {
            let of = inputs.get(player);
            (of.status != Status::Departed).then_some(of.input[0])
        }));
    }

    /// One frame. A side without a player is a wall, also when its player has left.
    pub(crate) fn advance(&mut self, buttons: [Option<u8>; 4]) {
        if self.is_over() {
            return;
        }
        let has_paddle = buttons.map(|buttons| buttons.is_some());
        for (side, buttons) in buttons.into_iter().enumerate() {
            let Some(buttons) = buttons else { continue };
            let direction = i32::from(buttons & MORE != 0) - i32::from(buttons & LESS != 0);
            let middle = self.paddles[side] + direction * PADDLE_SPEED;
            self.paddles[side] = middle.clamp(PADDLE / 2, FIELD - PADDLE / 2);
        }
        for axis in [0, 1] {
            self.ball[axis] += self.velocity[axis];
            let (low, high) = (self.ball[axis] < 0, self.ball[axis] > FIELD);
            if !low && !high {
                continue;
            }
            let side = 2 * axis + usize::from(high);
            let off = self.ball[1 - axis] - self.paddles[side];
            if has_paddle[side] && off.abs() > PADDLE / 2 {
                self.missed[side] = self.missed[side].saturating_add(1);
                self.serve();
                return;
            }
            self.ball[axis] = self.ball[axis].clamp(0, FIELD);
            self.velocity[axis] = -self.velocity[axis];
            if has_paddle[side] {
                // Faster with each hit, and steered by where it hits.
                self.velocity[axis] += 12 * self.velocity[axis].signum();
                self.velocity[1 - axis] += off / 10;
            }
        }
    }

    fn serve(&mut self) {
        self.serves += 1;
        let turn = self.serves % 4;
        self.ball = [FIELD / 2; 2];
        let (across, along) = (SERVE_SPEED, 40 + 23 * turn);
        let axis = usize::from(self.players > 2 && turn > 1);
        self.velocity[axis] = if turn % 2 == 0 { across } else { -across };
        self.velocity[1 - axis] = if turn < 2 { along } else { -along };
    }

    pub(crate) fn is_over(&self) -> bool {
        self.missed.iter().any(|missed| *missed >= self.lives)
    }

    pub(crate) fn hash(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        Hash::hash(self, &mut hasher);
        hasher.finish()
    }

    /// What a simple player does: it follows the ball, and lags behind fast ones.
    pub(crate) fn bot(&self, player: u16) -> u8 {
        let side = usize::from(player);
        let off = self.ball[1 - side / 2] - self.paddles[side];
        if off.abs() < PADDLE / 4 {
            0
        } else if off < 0 {
            LESS
        } else {
            MORE
        }
    }
}

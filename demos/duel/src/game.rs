//! The game: two tanks in an arena, each moved by one byte a frame. Equal inputs make equal games.

use inputwire_sim::rng::nth;

/// Cells of the arena, across and down.
pub(crate) const WIDTH: i32 = 26;
pub(crate) const HEIGHT: i32 = 11;

pub(crate) const UP: u8 = 1;
pub(crate) const DOWN: u8 = 2;
pub(crate) const LEFT: u8 = 4;
pub(crate) const RIGHT: u8 = 8;
pub(crate) const FIRE: u8 = 16;

/// The parts of a cell: the unit in which tanks and shots move.
const PARTS: i32 = 6;
/// Parts a frame, across and down. Cells are taller than wide, so vertical moves cover half as many.
const TANK_SPEED: (i32, i32) = (2, 1);
const SHOT_SPEED: (i32, i32) = (6, 3);

/// Blocks that stop tanks and shots: left, top, right, bottom, all within.
const WALLS: [(i32, i32, i32, i32); 5] = [(12, 4, 13, 6), (5, 2, 7, 2), (5, 8, 7, 8), (18, 2, 20, 2), (18, 8, 20, 8)];

/// A place in parts of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    x: i32,
    y: i32,
}

impl Place {
    const fn at(x: i32, y: i32) -> Self {
        Self { x: x * PARTS + PARTS / 2, y: y * PARTS + PARTS / 2 }
    }

    /// The cell in which it lies.
    pub(crate) fn cell(self) -> (i32, i32) {
        (self.x.div_euclid(PARTS), self.y.div_euclid(PARTS))
    }

    fn moved(self, heading: u8, (across, down): (i32, i32)) -> Self {
        let step = |less: u8, more: u8| i32::from(heading & more != 0) - i32::from(heading & less != 0);
        Self { x: self.x + step(LEFT, RIGHT) * across, y: self.y + step(UP, DOWN) * down }
    }

    fn is_free(self) -> bool {
        let (x, y) = self.cell();
        (0..WIDTH).contains(&x) && (0..HEIGHT).contains(&y) && !is_wall(x, y)
    }
}

/// Whether a wall stands in a cell.
pub(crate) fn is_wall(x: i32, y: i32) -> bool {
    WALLS.iter().any(|&(left, top, right, bottom)| (left..=right).contains(&x) && (top..=bottom).contains(&y))
}

/// A tank, and its shot while it flies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tank {
    pub(crate) place: Place,
    heading: u8,
    pub(crate) shot: Option<Place>,
    shot_heading: u8,
    pub(crate) score: u16,
}

/// The state after `frame` frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Game {
    pub(crate) frame: u32,
    pub(crate) tanks: [Tank; 2],
    luck: u64,
}

impl Game {
    pub(crate) fn new(seed: u64) -> Self {
        let tank = |place, heading| Tank { place, heading, shot: None, shot_heading: heading, score: 0 };
        let tanks = [tank(Place::at(2, HEIGHT / 2), RIGHT), tank(Place::at(WIDTH - 3, HEIGHT / 2), LEFT)];
        Self { frame: 0, tanks, luck: seed }
    }

    /// Plays one frame.
    pub(crate) fn step(&mut self, inputs: [u8; 2]) {
        for (tank, input) in self.tanks.iter_mut().zip(inputs) {
            tank.drive(input);
        }
        for shooter in 0..2 {
            self.fly(shooter);
        }
        self.frame += 1;
    }

    /// Moves a tank's shot, which ends at a wall or in the other tank.
    fn fly(&mut self, shooter: usize) {
        let Tank { shot, shot_heading, .. } = self.tanks[shooter];
        let Some(shot) = shot else { return };
        let shot = shot.moved(shot_heading, SHOT_SPEED);
        let target = 1 - shooter;
        if shot.cell() == self.tanks[target].place.cell() {
            self.tanks[shooter].shot = None;
            self.tanks[shooter].score += 1;
            self.tanks[target].place = self.somewhere();
        } else {
            self.tanks[shooter].shot = shot.is_free().then_some(shot);
        }
    }

    /// Draws a free place.
    fn somewhere(&mut self) -> Place {
        loop {
            self.luck = nth(self.luck, u64::from(self.frame));
            let [x, y, ..] = self.luck.to_le_bytes();
            let place = Place::at(i32::from(x) % WIDTH, i32::from(y) % HEIGHT);
            if place.is_free() {
                return place;
            }
        }
    }

    /// Returns the input of a bot, which mostly hunts, sometimes wanders, and keeps a course for a few frames.
    pub(crate) fn bot(&self, me: usize, seed: u64) -> u8 {
        let [mood, turn, aim, ..] = nth(seed, u64::from(self.frame / 5) * 2 + u64::from(me == 1)).to_le_bytes();
        let ((x, y), (to_x, to_y)) = (self.tanks[me].place.cell(), self.tanks[1 - me].place.cell());
        let across = if to_x > x { RIGHT } else { LEFT };
        let down = if to_y > y { DOWN } else { UP };
        let hunt = if (to_x - x).abs() > (to_y - y).abs() * 2 { across } else { down };
        let course = match mood % 8 {
            0..=3 => hunt,
            4 => across,
            5 => 0,
            _ => 1 << (turn % 4),
        };
        let aligned = to_x == x || to_y == y;
        let fires = self.frame.is_multiple_of(5) && (aligned || aim < 50);
        course | if fires { FIRE } else { 0 }
    }
}

impl Tank {
    fn drive(&mut self, input: u8) {
        let course = input & (UP | DOWN | LEFT | RIGHT);
        if course != 0 {
            self.heading = course;
            let place = self.place.moved(course, TANK_SPEED);
            if place.is_free() {
                self.place = place;
            }
        }
        if input & FIRE != 0 && self.shot.is_none() {
            self.shot = Some(self.place);
            self.shot_heading = self.heading;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{DOWN, FIRE, Game, LEFT, RIGHT};

    fn played(seed: u64, frames: u32, spoil: Option<u32>) -> Game {
        let mut game = Game::new(seed);
        for frame in 0..frames {
            let mut inputs = [0, 1].map(|me| game.bot(me, seed));
            if spoil == Some(frame) {
                inputs[0] = if inputs[0] & (LEFT | RIGHT) == 0 { RIGHT } else { DOWN };
            }
            game.step(inputs);
        }
        game
    }

    #[test]
    fn equal_inputs_make_equal_games() {
        assert_eq!(played(7, 3_000, None), played(7, 3_000, None));
    }

    #[test]
    fn one_wrong_input_makes_another_game() {
        assert_ne!(played(7, 300, None), played(7, 300, Some(100)));
    }

    #[test]
    fn the_bots_make_a_game_of_it() {
        let game = played(7, 3_000, None);
        assert!(game.tanks.iter().all(|tank| tank.score > 3), "{:?}", game.tanks.map(|tank| tank.score));
    }

    #[test]
    fn nobody_leaves_the_arena() {
        let mut game = Game::new(1);
        for _ in 0..500 {
            game.step([LEFT | FIRE, RIGHT | FIRE]);
            assert!(game.tanks.iter().all(|tank| tank.place.is_free()));
        }
    }
}

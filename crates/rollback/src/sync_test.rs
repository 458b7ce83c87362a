//! Finds what makes a game diverge, on one machine: the latest frames are rolled back and played again.

use core::array::from_fn;
use core::error::Error;
use core::fmt::{self, Debug, Display, Formatter, Write};

use inputwire::Frame;

use crate::inputs::{Inputs, PlayerInput, Status};
use crate::track::slot;

/// Plays a game locally, and after each frame plays up to `RING - 1` of the latest ones again: the states must be the same.
///
/// It finds state that is not in `S`: random numbers, clocks, globals, caches. What differs only between machines, such as
/// floating point or the layout of memory, is found by [checksums](crate::Rollback::with_checksums).
///
/// ```
/// use inputwire_rollback::SyncTest;
///
/// #[derive(Clone, Debug)]
/// struct Game { ball: u32 }
///
/// let mut ticks = 0; // no part of the state
/// let mut test = SyncTest::<_, 2, 1>::new(7, Game { ball: 0 }, |game| game.ball.into());
/// let text = (0..1_000).find_map(|_| {
///     let found = test.step([[1], [0]], |game, inputs| {
///         ticks += 1;
///         let [step] = inputs.input(0);
///         game.ball += u32::from(step) + ticks / 500;
///     });
///     found.err().map(|mismatch| format!("{mismatch}; {}", mismatch.line()))
/// });
/// let text = text.expect("a frame differs");
/// assert!(text.starts_with("frame 87 differs when it is played again, after a rollback by 9"), "{text}");
/// assert!(text.ends_with("line 2 was `    ball: 88,` and is `    ball: 89,`"), "{text}");
/// ```
#[derive(Clone, Debug)]
pub struct SyncTest<S, const PLAYERS: usize, const INPUT_LEN: usize, const RING: usize = 10> {
    hash: fn(&S) -> u64,
    /// The state before the frame f, at `f % RING`.
    states: [S; RING],
    /// The inputs for the frame f, at `f % RING`.
    inputs: [[PlayerInput<INPUT_LEN>; PLAYERS]; RING],
    /// The state that is played again.
    again: S,
    next: u32,
    random: u64,
}

/// The first frame that gave another state when it was played again.
#[derive(Clone, Copy, Debug)]
pub struct Mismatch<'a, S> {
    /// The frame.
    pub frame: Frame,
    /// The rollback: how many frames were played again, from the latest one back.
    pub depth: u32,
    /// The hash of the state after the frame, and what it was when the frame was played again.
    pub hashes: [u64; 2],
    /// The states with these hashes.
    pub states: [&'a S; 2],
}

impl<S: Clone, const PLAYERS: usize, const INPUT_LEN: usize, const RING: usize> SyncTest<S, PLAYERS, INPUT_LEN, RING> {
    /// Creates a test for players 0 to `PLAYERS - 1`. Equal seeds draw equal rollbacks.
    #[must_use]
    pub fn new(seed: u64, first: S, hash: fn(&S) -> u64) -> Self {
        const { assert!(PLAYERS >= 1 && RING >= 2, "a rollback needs a player and two states") };
        let none = PlayerInput { player: 0, status: Status::Confirmed, input: [0; INPUT_LEN] };
        let (states, inputs) = (from_fn(|_| first.clone()), [[none; PLAYERS]; RING]);
        Self { hash, states, inputs, again: first, next: 0, random: seed }
    }

    /// Plays a frame with these inputs, and some frames again.
    ///
    /// # Errors
    ///
    /// The first frame whose state has another hash than before.
    pub fn step(
        &mut self,
        inputs: [[u8; INPUT_LEN]; PLAYERS],
        mut advance: impl FnMut(&mut S, &Inputs<'_, INPUT_LEN>),
    ) -> Result<(), Mismatch<'_, S>> {
        let latest = self.next;
        self.next = latest.saturating_add(1);
        if let Some(row) = self.inputs.get_mut(slot::<RING>(latest)) {
            for ((place, player), input) in row.iter_mut().zip(0..).zip(inputs) {
                *place = PlayerInput { player, status: Status::Confirmed, input };
            }
        }
        let depth = self.draw_depth();
        if let Ok([before, after]) = self.states.get_disjoint_mut([slot::<RING>(latest), slot::<RING>(self.next)])
            && let Some(inputs) = row(&self.inputs, latest)
        {
            after.clone_from(before);
            advance(after, &inputs);
        }

        let start = self.next.saturating_sub(depth);
        if let Some(state) = self.states.get(slot::<RING>(start)) {
            self.again.clone_from(state);
        }
        for frame in start..self.next {
            if let Some(inputs) = row(&self.inputs, frame)
                && let Some(state) = self.states.get(slot::<RING>(frame.saturating_add(1)))
            {
                advance(&mut self.again, &inputs);
                let hashes = [state, &self.again].map(self.hash);
                let [before, now] = hashes;
                if before != now {
                    return Err(Mismatch { frame: Frame::new(frame), depth, hashes, states: [state, &self.again] });
                }
            }
        }
        Ok(())
    }

    /// Draws how many frames to play again, with `SplitMix64` (Vigna, <https://prng.di.unimi.it/splitmix64.c>).
    fn draw_depth(&mut self) -> u32 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let number = (self.random ^ (self.random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let most = u64::try_from(RING).unwrap_or(u64::MAX).saturating_sub(1).min(self.next.into());
        let drawn = (number ^ (number >> 31)).checked_rem(most).unwrap_or(0);
        u32::try_from(drawn).unwrap_or(0).saturating_add(1)
    }
}

/// The inputs for a frame.
fn row<const PLAYERS: usize, const INPUT_LEN: usize, const RING: usize>(
    rows: &[[PlayerInput<INPUT_LEN>; PLAYERS]; RING],
    frame: u32,
) -> Option<Inputs<'_, INPUT_LEN>> {
    let (local, peers) = rows.get(slot::<RING>(frame))?.split_first()?;
    Some(Inputs { local: *local, peers })
}

impl<S> Display for Mismatch<'_, S> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let ([before, now], frame, depth) = (self.hashes, self.frame, self.depth);
        write!(f, "frame {frame} differs when it is played again, after a rollback by {depth}: ")?;
        write!(f, "its hash was {before:#x} and is {now:#x}")
    }
}

impl<S: Debug> Error for Mismatch<'_, S> {}

impl<S: Debug> Mismatch<'_, S> {
    /// The first line that differs between the states, as `{:#?}` prints them.
    #[must_use]
    pub fn line(&self) -> impl Display {
        struct FirstLine<'a, S>([&'a S; 2]);

        impl<S: Debug> Display for FirstLine<'_, S> {
            fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
                let differs = |line| {
                    let [before, now] = self.0.map(|state| Lines::of(state, line, None).hash);
                    before != now
                };
                if !differs(u32::MAX) {
                    return f.write_str("no line of their `Debug` differs");
                }
                // Without a heap a line is printed again for each look at it, so there are few looks.
                let (mut line, mut end) = (0, u32::MAX);
                while line < end {
                    let middle = line.midpoint(end);
                    if differs(middle) { end = middle } else { line = middle.saturating_add(1) }
                }
                let [before, now] = self.0;
                write!(f, "line {} was `", line.saturating_add(1))?;
                Lines::of(before, line, Some(f));
                f.write_str("` and is `")?;
                Lines::of(now, line, Some(f));
                f.write_str("`")
            }
        }

        FirstLine(self.states)
    }
}

/// Hashes all lines up to `last`, and copies that one.
struct Lines<'a, 'f> {
    at: u32,
    last: u32,
    hash: u64,
    copy: Option<&'a mut Formatter<'f>>,
}

impl<'a, 'f> Lines<'a, 'f> {
    fn of(state: &impl Debug, last: u32, copy: Option<&'a mut Formatter<'f>>) -> Self {
        let mut lines = Self { at: 0, last, hash: 0xcbf2_9ce4_8422_2325, copy };
        // It fails only if the state's own `Debug` does; then what it printed before is compared.
        let _ = write!(lines, "{state:#?}");
        lines
    }
}

impl Write for Lines<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for char in text.chars() {
            if char == '\n' {
                self.at = self.at.saturating_add(1);
            } else if self.at == self.last
                && let Some(copy) = &mut self.copy
            {
                copy.write_char(char)?;
            }
            if self.at <= self.last {
                self.hash = (self.hash ^ u64::from(char)).wrapping_mul(0x0100_0000_01b3);
            }
        }
        Ok(())
    }
}

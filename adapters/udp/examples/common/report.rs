//! From the press of a button to its use by the server.

use super::player::{Player, Use};

/// What became of the inputs of some players in a span of time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// From press to use, in microseconds.
    after: Vec<u64>,
    pub inputs: u64,
    pub replaced: u64,
}

impl Report {
    /// Looks at what a player pressed from `begin` until `end` of its clock. `used_at` gives the time of that clock at which the server used
    /// the input of a frame.
    pub fn add(&mut self, player: &Player, begin: u64, end: u64, used_at: impl Fn(usize) -> Option<u64>) {
        let inputs = player.pressed.iter().zip(&player.uses).enumerate();
        for (frame, (pressed, used)) in inputs.filter(|(_, (pressed, _))| (begin..end).contains(*pressed)) {
            self.inputs += u64::from(*used != Use::Unknown);
            self.replaced += u64::from(*used == Use::Replaced);
            if let (Use::Taken, Some(at)) = (*used, used_at(frame)) {
                self.after.push(at.saturating_sub(*pressed));
            }
        }
    }

    /// The value in milliseconds below which so many percent lie.
    pub fn percentile(&mut self, percent: usize) -> f64 {
        let index = self.after.len().saturating_sub(1) * percent / 100;
        if self.after.is_empty() { f64::NAN } else { millis(*self.after.select_nth_unstable(index).1) }
    }

    pub fn replaced_percent(&self) -> f64 {
        ratio(self.replaced * 100, self.inputs)
    }
}

pub fn millis(micros: u64) -> f64 {
    ratio(micros, 1_000)
}

#[allow(clippy::cast_precision_loss)]
pub fn ratio(number: u64, by: u64) -> f64 {
    number as f64 / by.max(1) as f64
}

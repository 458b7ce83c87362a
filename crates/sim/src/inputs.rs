//! What players press: from nothing at all to noise, and what was recorded.

use std::sync::Arc;

use super::rng::Rng;

/// The inputs of one player, an endless stream of `N` bytes each.
///
/// ```
/// use inputwire_sim::inputs::Inputs;
///
/// let mut still = Inputs::constant([7, 7]);
/// assert_eq!([still.take(), still.take()], [[7, 7]; 2]);
/// let mut recorded = Inputs::<2>::recorded(&[1, 2, 3, 4]);
/// assert_eq!([recorded.take(), recorded.take(), recorded.take()], [[1, 2], [3, 4], [1, 2]]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inputs<const N: usize> {
    kind: Kind,
    rng: Rng,
    latest: [u8; N],
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Constant,
    Walk(u8),
    Noise,
    Recorded(Arc<[u8]>, usize),
}

impl<const N: usize> Inputs<N> {
    /// The same input for ever.
    #[must_use]
    pub const fn constant(input: [u8; N]) -> Self {
        Self { kind: Kind::Constant, rng: Rng::new(0), latest: input }
    }

    /// A random walk: each byte changes by -`step` to `step` in each frame, and wraps.
    #[must_use]
    pub const fn walk(seed: u64, step: u8) -> Self {
        Self { kind: Kind::Walk(step), rng: Rng::new(seed), latest: [0; N] }
    }

    /// Random bytes, which nothing compresses.
    #[must_use]
    pub const fn noise(seed: u64) -> Self {
        Self { kind: Kind::Noise, rng: Rng::new(seed), latest: [0; N] }
    }

    /// Recorded inputs one after the other, and from the start again.
    ///
    /// # Panics
    ///
    /// If there is not one whole input.
    #[must_use]
    pub fn recorded(bytes: &[u8]) -> Self {
        assert!(bytes.len() >= N && N > 0, "{} bytes hold no input of {N}", bytes.len());
        Self { kind: Kind::Recorded(bytes.into(), 0), rng: Rng::new(0), latest: [0; N] }
    }

    /// Returns the next input.
    pub fn take(&mut self) -> [u8; N] {
        match &mut self.kind {
            Kind::Constant => {}
            Kind::Walk(step) => {
                let step = u64::from(*step);
                for byte in &mut self.latest {
                    let change = (self.rng.below(2 * step + 1) + 256 - step) % 256;
                    *byte = byte.wrapping_add(change.to_le_bytes()[0]);
                }
            }
            Kind::Noise => {
                for byte in &mut self.latest {
                    *byte = self.rng.next().to_le_bytes()[0];
                }
            }
            Kind::Recorded(bytes, next) => {
                self.latest.copy_from_slice(&bytes[*next..*next + N]);
                *next = if *next + 2 * N <= bytes.len() { *next + N } else { 0 };
            }
        }
        self.latest
    }
}

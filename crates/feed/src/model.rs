//! The model: how likely each bit of a row is, given the rows before it. `docs/FEED.md`, "The model", specifies it.
//!
//! A bit is predicted from several *contexts*. Each leads to a slot with a probability that follows the bits seen there. A
//! mixer adds the logarithmic odds of all with weights that it adapts, so contexts that predict well gain weight.

use alloc::vec;
use alloc::vec::Vec;

use crate::logistic::{LIMIT, squash, stretch};
use crate::range::Bits;

/// One row: the inputs of all seats in one frame.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RowBuf {
    /// Bit s is set if seat s has an input.
    pub(crate) present: u64,
    /// The inputs in the order of the seats; zeros for a seat without one.
    pub(crate) inputs: Vec<u8>,
    pub(crate) checksum: Option<u64>,
}

/// A row that no encoder writes.
#[derive(Debug)]
pub(crate) struct NotCanonical;

const SLOT_BITS: u32 = 16;
/// An even chance, not seen yet. Slots are stored as their xor with it, since memory full of zeros costs nothing until it is used.
const NEW_SLOT: u32 = 1 << 31;
/// A slot counts up to this many bits; then it follows the latest ones.
const SLOT_LIMIT: u32 = 255;
/// The most odds that are added.
const TERMS: usize = 8;
const FIRST_WEIGHT: i32 = 14_200;
const WEIGHT_LIMIT: i32 = 1 << 20;

/// The sets of weights: one for presence, one for seats, then 16 each for flags and values, by the place of the byte.
const PRESENCE_SET: usize = 0;
const SEAT_SET: usize = 1;
const FLAG_SET: usize = 2;
const VALUE_SET: usize = 18;
const SETS: usize = 34;

/// Odds that hold before anything is learned.
const PRESENCE_CHANGES: i32 = -2_000;
const SEAT_CHANGES: i32 = -700;
const BYTE_CHANGES: i32 = -300;
/// The odds that bit b inverts if no higher one did: one of b + 1 does. Bit 0 then does for certain.
const FIRST_INVERTED: [i32; 8] = [0, 0, -177, -281, -355, -412, -459, -498];
/// The odds that one more bit inverts.
const ANOTHER_INVERTED: i32 = -1_000;

/// How often each difference to the byte before was seen, in [`COUNT_STEP`]s; small ones are expected from the start.
type Counts = [u16; 256];
const COUNT_STEP: u16 = 24;
const COUNT_LIMIT: u16 = 4_000;

#[derive(Clone, Debug)]
pub(crate) struct Model {
    mixer: Mixer,
    input_len: usize,
    all_present: u64,
    present: u64,
    seats: Vec<Seat>,
    /// Of each place in an input, shared by all seats.
    counts: Vec<Counts>,
}

#[derive(Clone, Debug)]
struct Seat {
    /// Bit i is set if the input changed i + 1 rows ago.
    history: u32,
    bytes: Vec<Byte>,
}

/// One byte of a seat's input.
#[derive(Clone, Copy, Debug, Default)]
struct Byte {
    value: u8,
    /// The value before the latest change.
    before: u8,
    /// Bit i is set if it changed i + 1 rows ago.
    history: u8,
}

impl Model {
    pub(crate) fn new(seats: usize, input_len: usize) -> Self {
        let seat = Seat { history: 0, bytes: vec![Byte::default(); input_len] };
        let shift = u32::try_from(64_usize.saturating_sub(seats)).unwrap_or(0);
        let all_present = u64::MAX.checked_shr(shift).unwrap_or(0);
        Self {
            mixer: Mixer { slots: vec![0; 1 << SLOT_BITS], weights: [[FIRST_WEIGHT; TERMS]; SETS] },
            input_len,
            all_present,
            present: all_present,
            seats: vec![seat; seats],
            counts: vec![first_counts(); input_len],
        }
    }

    /// Forgets everything, and keeps the memory.
    pub(crate) fn reset(&mut self) {
        self.mixer.slots.fill(0);
        self.mixer.weights = [[FIRST_WEIGHT; TERMS]; SETS];
        self.present = self.all_present;
        for seat in &mut self.seats {
            seat.history = 0;
            seat.bytes.fill(Byte::default());
        }
        self.counts.fill(first_counts());
    }

    /// Codes a row; a decoder fills it in. `due` tells whether it may have a checksum.
    pub(crate) fn row(&mut self, bits: &mut impl Bits, due: bool, row: &mut RowBuf) -> Result<(), NotCanonical> {
        self.presence(bits, row)?;
        row.checksum = (due && bits.raw(row.checksum.is_some())).then(|| number(bits, row.checksum));
        let mut neighbour = self.seats.last().is_some_and(|seat| seat.history & 1 == 1);
        let Self { mixer, seats, counts, present, input_len, .. } = self;
        for ((place, seat), input) in (0_u32..).zip(seats).zip(row.inputs.chunks_exact_mut((*input_len).max(1))) {
            if *present >> place & 1 == 1 {
                let context = SeatContext { place, neighbour };
                seat.code(bits, mixer, counts, context, input);
            } else {
                input.fill(0);
            }
            neighbour = seat.history & 1 == 1;
        }
        Ok(())
    }

    fn presence(&mut self, bits: &mut impl Bits, row: &mut RowBuf) -> Result<(), NotCanonical> {
        let context = [hash(&[0])];
        if !self.mixer.code(bits, row.present != self.present, PRESENCE_SET, &context, &[PRESENCE_CHANGES]) {
            row.present = self.present;
            return Ok(());
        }
        let mut present = 0;
        for (place, seat) in (0_u32..).zip(&mut self.seats) {
            if bits.raw(row.present >> place & 1 == 1) {
                present |= 1_u64.checked_shl(place).unwrap_or(0);
            } else {
                for byte in &mut seat.bytes {
                    (byte.value, byte.before) = (0, 0);
                }
            }
        }
        if present == self.present {
            return Err(NotCanonical);
        }
        (self.present, row.present) = (present, present);
        Ok(())
    }
}

#[derive(Clone, Copy, Debug)]
struct SeatContext {
    place: u32,
    /// Whether the newest known input of the seat before changed.
    neighbour: bool,
}

impl Seat {
    fn code(
        &mut self,
        bits: &mut impl Bits,
        mixer: &mut Mixer,
        counts: &mut [Counts],
        context: SeatContext,
        input: &mut [u8],
    ) {
        let SeatContext { place, neighbour } = context;
        let history = self.history;
        let first = self.bytes.first().map_or(0, |byte| byte.value);
        let contexts = [
            hash(&[1, place]),
            hash(&[2, place, history & 0xff]),
            hash(&[3, place, history & 3, u32::from(first)]),
            hash(&[4, place, history & 0xffff]),
            hash(&[5, place, history & 3, u32::from(neighbour)]),
        ];
        let same = self.bytes.iter().zip(&*input).all(|(byte, value)| byte.value == *value);
        let changed = mixer.code(bits, !same, SEAT_SET, &contexts, &[SEAT_CHANGES]);
        self.history = history << 1 | u32::from(changed);
        // The flags of the latest bytes of this input, the newest lowest; and whether any was set.
        let (mut flags, mut any, mut left) = (0, false, 0);
        let last = self.bytes.len().saturating_sub(1);
        for ((at, byte), (value, counts)) in self.bytes.iter_mut().enumerate().zip(input.iter_mut().zip(counts)) {
            let (index, set) = (u32::try_from(at).unwrap_or(u32::MAX), at & 15);
            let moved = if !changed {
                false
            } else if at == last && !any {
                true
            } else {
                let contexts = byte.flag_contexts(place, index, flags);
                mixer.code(bits, *value != byte.value, FLAG_SET.saturating_add(set), &contexts, &[BYTE_CHANGES])
            };
            if moved {
                let contexts = byte.value_contexts(place, index, left);
                let inverted = code_value(bits, mixer, counts, &contexts, set, byte.value, *value);
                byte.before = byte.value;
                byte.value ^= inverted;
            }
            byte.history = byte.history << 1 | u8::from(moved);
            any |= moved;
            flags = (flags << 1 | u32::from(moved)) & 0xff;
            left = byte.value;
            *value = byte.value;
        }
    }
}

impl Byte {
    fn flag_contexts(self, place: u32, index: u32, flags: u32) -> [u32; 6] {
        let Self { value, before, history } = self;
        let [value, before, history] = [value, before, history].map(u32::from);
        [
            hash(&[6, index, place, history & 7]),
            hash(&[7, index, place, flags, history & 1]),
            hash(&[8, index, value, history & 1]),
            hash(&[9, index, place, history]),
            hash(&[10, index, flags, history & 0x1f]),
            hash(&[11, index, place, value, before]),
        ]
    }

    /// What the bits of the new value are predicted from, apart from the higher bits. `left` is the byte before it.
    fn value_contexts(self, place: u32, index: u32, left: u8) -> [u32; 6] {
        let Self { value, before, .. } = self;
        let moving = u32::from(value.wrapping_sub(before));
        let [value, before, left] = [value, before, left].map(u32::from);
        [
            hash(&[12, index]),
            hash(&[13, index, place, value]),
            hash(&[14, index, value, before]),
            hash(&[15, index, left]),
            hash(&[16, index, value, left]),
            hash(&[17, index, place, moving, value >> 3]),
        ]
    }
}

/// Codes which bits of a byte are inverted, the highest first; at least one is.
fn code_value(
    bits: &mut impl Bits,
    mixer: &mut Mixer,
    counts: &mut Counts,
    contexts: &[u32; 6],
    set: usize,
    from: u8,
    to: u8,
) -> u8 {
    let wanted = from ^ to;
    // A 1, and below it the bits coded so far.
    let mut node = 1_u32;
    for bit in (0_u8..8).rev() {
        if node == 128 {
            // No higher bit was inverted, so the lowest one is.
            node = 257;
            break;
        }
        let prior = if node.is_power_of_two() {
            FIRST_INVERTED.get(usize::from(bit)).copied().unwrap_or(0)
        } else {
            ANOTHER_INVERTED
        };
        let contexts = contexts.map(|context| step(context, node));
        let odds = [prior, odds_by_counts(counts, from, node, bit)];
        let one = mixer.code(bits, wanted >> bit & 1 == 1, VALUE_SET.saturating_add(set), &contexts, &odds);
        node = node << 1 | u32::from(one);
    }
    let [inverted, ..] = node.to_le_bytes();
    count(counts, (from ^ inverted).wrapping_sub(from));
    inverted
}

/// The odds that bit `bit` is inverted, by how often the differences were seen that are possible either way.
fn odds_by_counts(counts: &Counts, from: u8, node: u32, bit: u8) -> i32 {
    let span = 1_u8.checked_shl(u32::from(bit)).unwrap_or(0);
    let [node, ..] = node.to_le_bytes();
    // The values that begin with the bits so far: those in which this bit stays, then those in which it is inverted.
    let low_bits = span.wrapping_sub(1);
    let kept = (node << 1).checked_shl(u32::from(bit)).unwrap_or(0) ^ (from & !low_bits);
    let sum = |first: u8| {
        (0..span).fold(0_u32, |sum, offset| {
            let difference = (first | offset).wrapping_sub(from);
            let count = if difference == 0 { 0 } else { counts.get(usize::from(difference)).copied().unwrap_or(0) };
            sum.wrapping_add(u32::from(count))
        })
    };
    let (zeros, ones) = (sum(kept), sum(kept ^ span));
    stretch((ones << 12).checked_div(zeros.wrapping_add(ones)).unwrap_or(2_048))
}

fn first_counts() -> Counts {
    let mut counts = [1; 256];
    for (difference, count) in (0_u8..=u8::MAX).zip(&mut counts) {
        if difference.min(difference.wrapping_neg()) <= 8 {
            *count = 8;
        }
    }
    counts
}

fn count(counts: &mut Counts, difference: u8) {
    let Some(seen) = counts.get_mut(usize::from(difference)) else { return };
    *seen = seen.saturating_add(COUNT_STEP);
    if *seen > COUNT_LIMIT {
        for count in counts {
            *count = count.saturating_add(1) >> 1;
        }
    }
}

#[derive(Clone, Debug)]
struct Mixer {
    /// A probability in 22 bits, and below it how many bits were seen, in 10.
    slots: Vec<u32>,
    weights: [[i32; TERMS]; SETS],
}

impl Mixer {
    /// Codes a bit, and learns from it. `fixed` are odds that no slot learns.
    fn code(&mut self, bits: &mut impl Bits, bit: bool, set: usize, contexts: &[u32], fixed: &[i32]) -> bool {
        let mut odds = [0; TERMS];
        for (odds, context) in odds.iter_mut().zip(contexts) {
            let slot = self.slots.get(index(*context)).copied().unwrap_or(0) ^ NEW_SLOT;
            *odds = stretch(slot >> 20);
        }
        for (odds, fixed) in odds.iter_mut().skip(contexts.len()).zip(fixed) {
            *odds = *fixed;
        }
        let mut unused = [FIRST_WEIGHT; TERMS];
        let weights = self.weights.get_mut(set).unwrap_or(&mut unused);
        let products = odds.iter().zip(&*weights).map(|(odds, weight)| odds.wrapping_mul(*weight) >> 8);
        let sum = products.fold(0_i32, i32::wrapping_add) >> 8;
        let probability = squash(sum.clamp(-LIMIT, LIMIT));

        let bit = bits.code(bit, probability);

        let error = (i32::from(bit) << 16).wrapping_sub(i32::from(probability));
        for (weight, odds) in weights.iter_mut().zip(odds) {
            let change = odds.wrapping_mul(error).wrapping_add(1 << 15) >> 16;
            *weight = weight.wrapping_add(change).clamp(-WEIGHT_LIMIT, WEIGHT_LIMIT);
        }
        for context in contexts {
            if let Some(slot) = self.slots.get_mut(index(*context)) {
                *slot = follow(*slot ^ NEW_SLOT, bit) ^ NEW_SLOT;
            }
        }
        bit
    }
}

/// Moves the probability of a slot towards a bit: far at first, by 1/256 of the way at last.
fn follow(slot: u32, bit: bool) -> u32 {
    let (probability, seen) = (slot >> 10, slot & 0x3ff);
    let divisor = seen.wrapping_mul(2).wrapping_add(3);
    let away = if bit { 0x3f_ffff_u32.wrapping_sub(probability) } else { probability };
    let change = away.wrapping_mul(2).checked_div(divisor).unwrap_or(0);
    let probability = if bit { probability.wrapping_add(change) } else { probability.wrapping_sub(change) };
    probability << 10 | seen.saturating_add(1).min(SLOT_LIMIT)
}

fn hash(words: &[u32]) -> u32 {
    words.iter().fold(0x85eb_ca6b, |hash, word| step(hash, *word))
}

fn step(hash: u32, word: u32) -> u32 {
    let mixed = (hash ^ word).wrapping_mul(0x9e37_79b1);
    mixed ^ mixed >> 15
}

fn index(context: u32) -> usize {
    usize::try_from(context.wrapping_mul(0x85eb_ca6b) >> (32_u32.wrapping_sub(SLOT_BITS))).unwrap_or(0)
}

/// Codes a number in 64 raw bits, the highest first.
fn number(bits: &mut impl Bits, number: Option<u64>) -> u64 {
    let number = number.unwrap_or(0);
    (0_u32..64).rev().fold(0, |coded, bit| coded << 1 | u64::from(bits.raw(number >> bit & 1 == 1)))
}

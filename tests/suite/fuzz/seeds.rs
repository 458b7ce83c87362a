//! The datagrams of a real session as inputs of the target `datagram`: the decisions by which `draw` makes them.
//!
//! The sessions of the target have another id, other runs and other frames. So tags are computed anew, and frames are given
//! relative to the position of the receiver.

use super::cast::Wire;
use super::datagram;

/// The longest input: a fuzzer that is limited to short inputs cuts off longer ones.
const LENGTH: usize = 128;
/// The target reads no more datagrams than this.
const DATAGRAMS: usize = 8;

/// The receiver of recorded datagrams, and its position.
#[derive(Clone, Copy, Debug)]
pub struct Receiver {
    pub classic: bool,
    pub keyed: bool,
    pub input_len: usize,
    /// The next frame to receive, and the frame of the next push.
    pub recv_next: u32,
    pub send_next: u32,
    /// How many hellos were drawn.
    pub hellos: u8,
}

impl Receiver {
    /// Returns the decisions that make a datagram like this one, and moves the position past its frames.
    pub fn draw(&mut self, datagram: &[u8]) -> Option<Vec<u8>> {
        let drawn = if self.classic { self.classic(datagram) } else { self.compact(datagram) };
        drawn.or_else(|| raw(datagram))
    }

    fn compact(&mut self, datagram: &[u8]) -> Option<Vec<u8>> {
        let tag = if self.keyed { 8 } else { 2 };
        match *datagram {
            [kind @ 0x80..=0xff, end, ack, ref rest @ ..] => self.inputs(kind, end, ack, rest.get(tag..)?),
            // A new hello of this peer, that plays with the receiver's run.
            [0x20, ..] => {
                self.hellos += 1;
                Some(vec![5, 3, 100 + self.hellos, 0, 0, 0])
            }
            [0x22, ref rest @ ..] => {
                let (ack, checksums) = rest.get(tag..)?.split_first_chunk::<4>()?;
                let (checksums, []) = checksums.as_chunks::<12>() else { return None };
                let count = u8::try_from(checksums.len()).ok().filter(|count| *count < 5)?;
                // Only the lowest byte of the frame is drawn.
                let checksums = checksums.iter().flat_map(|checksum| &checksum[3..]);
                Some([6].iter().chain(ack).chain(&[count]).chain(checksums).copied().collect())
            }
            [0x21, ..] => Some(vec![7, 0]),
            _ => None,
        }
    }

    fn inputs(&mut self, kind: u8, end: u8, ack: u8, rest: &[u8]) -> Option<Vec<u8>> {
        let (count, rest) = match (kind & 15, rest) {
            (15, [more, rest @ ..]) => (more.saturating_add(15), rest),
            (count, rest) => (count, rest),
        };
        let timed = kind & 0x40 != 0;
        let (timing, body) = rest.split_at_checked(if timed { 8 } else { 0 })?;
        let ahead = end.wrapping_sub(self.recv_next.to_le_bytes()[0]);
        let behind = self.send_next.to_le_bytes()[0].wrapping_sub(ack);
        if count >= 128 || behind >= 32 {
            return None;
        }
        if ahead < 0x80 {
            self.recv_next = self.recv_next.saturating_add(ahead.into());
        }
        let head = [1, count, u8::from(timed), ahead.wrapping_add(4), behind];
        Some([&head, timing, &[u8::try_from(body.len()).ok()?], body].concat())
    }

    fn classic(&mut self, datagram: &[u8]) -> Option<Vec<u8>> {
        let (kind, entries) = match *datagram {
            [0x01, _, _, _, _, _, _, _, 0, ref entries @ ..] => (2, entries),
            [0x13, _, _, _, _, ref entries @ ..] => (1, entries),
            _ => return None,
        };
        let (entries, []) = entries.as_chunks::<5>() else { return None };
        let count = u8::try_from(entries.len()).ok().filter(|count| (1..18).contains(count))?;
        let frames: Vec<u32> = entries.iter().map(|[a, b, c, d, _]| u32::from_be_bytes([*a, *b, *c, *d])).collect();
        let ahead = i64::from(frames[0]) - i64::from(self.recv_next) + 128;
        let mut drawn = vec![kind, u8::try_from(ahead).ok()?, count];
        for (place, [.., action]) in entries.iter().enumerate() {
            let step = frames.get(place + 1).map_or(Some(1), |next| next.checked_sub(frames[place]))?;
            drawn.extend([*action, u8::try_from(step).ok().filter(|step| (1..3).contains(step))?]);
        }
        drawn.extend((kind == 2).then_some(0));
        self.recv_next = self.recv_next.max(frames[frames.len() - 1].saturating_add(1));
        Some(drawn)
    }
}

/// A datagram as it is.
fn raw(datagram: &[u8]) -> Option<Vec<u8>> {
    let length = u8::try_from(datagram.len()).ok().filter(|length| *length < 250)?;
    Some([&[0, length], datagram].concat())
}

/// Returns the decisions for the time since the previous datagram.
fn moment(gap_us: u64) -> Vec<u8> {
    let byte = |number: u64| u8::try_from(number).unwrap_or(u8::MAX);
    match gap_us {
        0..100 => vec![0],
        100..25_600 => vec![2, byte(gap_us / 100)],
        _ => vec![3, byte(gap_us / 10_000)],
    }
}

/// An input of the target, made of consecutive datagrams.
#[derive(Clone, Debug, Default)]
pub struct Seed {
    drawn: Vec<u8>,
    pub datagrams: usize,
}

impl Seed {
    /// Adds a datagram. Returns false if it does not fit.
    pub fn add(&mut self, gap_us: u64, drawn: &[u8]) -> bool {
        // 3: time passes, due datagrams are sent, and events are polled.
        let more = [&[3], &moment(gap_us)[..], drawn].concat();
        let fits = self.datagrams < DATAGRAMS && 1 + self.drawn.len() + more.len() <= LENGTH;
        if fits {
            self.drawn.extend(more);
            self.datagrams += 1;
        }
        fits
    }

    /// Returns the input for the scene that accepts the most of its datagrams, and how many that are.
    pub fn set(&self, receiver: &Receiver) -> Option<(Vec<u8>, usize)> {
        let wire = match (receiver.classic, receiver.keyed) {
            (true, _) => Wire::Classic,
            (false, true) => Wire::Keyed,
            (false, false) => Wire::Compact,
        };
        let tried = datagram::choices(wire, receiver.input_len).map(|choice| {
            let data = [&[choice], &self.drawn[..]].concat();
            let accepted = datagram::play(&data);
            (data, accepted)
        });
        tried.rev().max_by_key(|(_, accepted)| *accepted)
    }
}

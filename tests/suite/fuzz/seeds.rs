//! What a real session was handed, as inputs of the target `datagram`: the decisions by which `draw` draws it.
//!
//! The sessions of the target have another id, other runs and other frames. So a check is made anew, and frames are told
//! by how far they are from where the receiver stands.

use super::cast::Wire;
use super::datagram;

/// A fuzzer is asked for short inputs, and cuts off longer ones.
const LENGTH: usize = 128;
/// As many as the target reads.
const DATAGRAMS: usize = 8;

/// A session that was handed datagrams, and where it stood.
#[derive(Clone, Copy, Debug)]
pub struct Receiver {
    pub classic: bool,
    pub keyed: bool,
    /// Bytes of an input.
    pub input: usize,
    /// The frame after the newest that came, and the one of the next push.
    pub want: u32,
    pub next: u32,
}

impl Receiver {
    /// The decisions that draw a datagram like this one. Later frames are wanted then.
    pub fn draw(&mut self, datagram: &[u8]) -> Option<Vec<u8>> {
        let drawn = if self.classic { self.classic(datagram) } else { self.compact(datagram) };
        drawn.or_else(|| raw(datagram))
    }

    fn compact(&mut self, datagram: &[u8]) -> Option<Vec<u8>> {
        let check = if self.keyed { 8 } else { 2 };
        match *datagram {
            [tag @ 0x80..=0xff, end, ack, ref rest @ ..] => self.inputs(tag, end, ack, rest.get(check..)?),
            // The hello of this peer, with nothing changed.
            [0x20, ..] => Some(vec![5, 0, 0]),
            [0x22, ref rest @ ..] => {
                let (known, sums) = rest.get(check..)?.split_first_chunk::<4>()?;
                let (sums, []) = sums.as_chunks::<12>() else { return None };
                let count = u8::try_from(sums.len()).ok().filter(|count| *count < 5)?;
                // Of the frame, the lowest byte is drawn.
                let sums = sums.iter().flat_map(|sum| &sum[3..]);
                Some([6].iter().chain(known).chain(&[count]).chain(sums).copied().collect())
            }
            [0x21, ..] => Some(vec![7]),
            _ => None,
        }
    }

    fn inputs(&mut self, tag: u8, end: u8, ack: u8, rest: &[u8]) -> Option<Vec<u8>> {
        let (count, rest) = match (tag & 15, rest) {
            (15, [more, rest @ ..]) => (more.saturating_add(15), rest),
            (count, rest) => (count, rest),
        };
        let timed = tag & 0x40 != 0;
        let (timing, body) = rest.split_at_checked(if timed { 6 } else { 0 })?;
        let ahead = end.wrapping_sub(self.want.to_le_bytes()[0]);
        let behind = self.next.to_le_bytes()[0].wrapping_sub(ack);
        if count >= 20 || behind >= 32 {
            return None;
        }
        if ahead < 0x80 {
            self.want = self.want.saturating_add(ahead.into());
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
        let ahead = i64::from(frames[0]) - i64::from(self.want) + 128;
        let mut drawn = vec![kind, u8::try_from(ahead).ok()?, count];
        for (place, [.., action]) in entries.iter().enumerate() {
            let step = frames.get(place + 1).map_or(Some(1), |next| next.checked_sub(frames[place]))?;
            drawn.extend([*action, u8::try_from(step).ok().filter(|step| (1..3).contains(step))?]);
        }
        drawn.extend((kind == 2).then_some(0));
        self.want = self.want.max(frames[frames.len() - 1].saturating_add(1));
        Some(drawn)
    }
}

/// A datagram as it is.
fn raw(datagram: &[u8]) -> Option<Vec<u8>> {
    let length = u8::try_from(datagram.len()).ok().filter(|length| *length < 250)?;
    Some([&[0, length], datagram].concat())
}

/// How much later a datagram came.
fn moment(gap_us: u64) -> Vec<u8> {
    let byte = |number: u64| u8::try_from(number).unwrap_or(u8::MAX);
    match gap_us {
        0..100 => vec![0],
        100..25_600 => vec![2, byte(gap_us / 100)],
        _ => vec![3, byte(gap_us / 10_000)],
    }
}

/// An input of the target, made of datagrams that came one after the other.
#[derive(Clone, Debug, Default)]
pub struct Seed {
    drawn: Vec<u8>,
    pub datagrams: usize,
}

impl Seed {
    /// Adds a datagram. False if there is no room for it.
    pub fn add(&mut self, gap_us: u64, drawn: &[u8]) -> bool {
        // Time passes, what is due is sent, and what is told is taken.
        let more = [&[3], &moment(gap_us)[..], drawn].concat();
        let room = self.datagrams < DATAGRAMS && 1 + self.drawn.len() + more.len() <= LENGTH;
        if room {
            self.drawn.extend(more);
            self.datagrams += 1;
        }
        room
    }

    /// The input, in the scene in which the most of it is accepted; and how much that is.
    pub fn set(&self, receiver: &Receiver) -> Option<(Vec<u8>, usize)> {
        let wire = match (receiver.classic, receiver.keyed) {
            (true, _) => Wire::Classic,
            (false, true) => Wire::Keyed,
            (false, false) => Wire::Compact,
        };
        let tried = datagram::choices(wire, receiver.input).map(|choice| {
            let data = [&[choice], &self.drawn[..]].concat();
            let accepted = datagram::play(&data);
            (data, accepted)
        });
        tried.rev().max_by_key(|(_, accepted)| *accepted)
    }
}

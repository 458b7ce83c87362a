//! Datagrams that are nearly right: a fuzzer alone makes none that passes the first step.

use super::bytes::Bytes;
use super::seal::{Seal, full};

/// Where the receiver of a datagram stands.
#[derive(Clone, Copy, Debug)]
pub struct Standing {
    /// The next frame that it wants, and the one that its next push gets.
    pub want: u64,
    pub next: u64,
    pub first_frame: u32,
}

/// Any datagram of the compact wire, most of them with the right check.
pub fn compact(bytes: &mut Bytes<'_>, seal: &Seal, standing: Standing) -> Vec<u8> {
    let Standing { want, next, first_frame } = standing;
    match bytes.below(8) {
        0 => raw(bytes),
        1..=3 => {
            let count = bytes.below(20);
            let timing = bytes.flag();
            let epoch = seal.epoch.to_be_bytes()[3] & 3;
            let tag = 0x80 | u8::from(timing) << 6 | epoch << 4 | count.min(15);
            // Near the next frame wanted, and a few of ours not acknowledged.
            let end = want.to_be_bytes()[7].wrapping_add(bytes.u8()).wrapping_sub(4);
            let ack = next.to_be_bytes()[7].wrapping_sub(bytes.below(32));
            let mut rest = Vec::new();
            rest.extend(count.checked_sub(15));
            rest.extend_from_slice(bytes.take(if timing { 6 } else { 0 }));
            let length = bytes.u8();
            rest.extend_from_slice(bytes.take(usize::from(length)));
            inputs(seal, standing, tag, [end, ack], &rest)
        }
        4 => {
            let [tag, end, ack, length] = std::array::from_fn(|_| bytes.u8());
            inputs(seal, standing, tag | 0x80, [end, ack], bytes.take(usize::from(length)))
        }
        5 => {
            let mut body = seal.hello_body(16_667, 200, first_frame).to_vec();
            for _ in 0..bytes.below(4) {
                let place = usize::from(bytes.u8()) % body.len();
                body[place] = bytes.u8();
            }
            body.truncate(if bytes.below(8) == 7 { usize::from(bytes.below(25)) } else { 25 });
            seal.hello_of(&body)
        }
        6 => {
            let mut rest = bytes.u32().to_be_bytes().to_vec();
            for _ in 0..bytes.below(5) {
                rest.extend(standing.next.to_be_bytes()[4..].iter().take(3));
                rest.push(bytes.u8());
                rest.extend_from_slice(bytes.take(8));
            }
            seal.sums(&rest)
        }
        _ => seal.bye(),
    }
}

/// Seals the content of an input datagram, if its numbers mean anything to the receiver.
fn inputs(seal: &Seal, standing: Standing, tag: u8, [end, ack]: [u8; 2], rest: &[u8]) -> Vec<u8> {
    let (end, ack) = full(standing.want, standing.next, end, ack).unwrap_or((end.into(), ack.into()));
    seal.inputs(tag, end, ack, rest)
}

/// Any datagram of the classic wire, most of them well-formed.
pub fn classic(bytes: &mut Bytes<'_>, player: u16, standing: Standing) -> Vec<u8> {
    let near = |number: u64, bytes: &mut Bytes<'_>| {
        let frame = number.saturating_add(u64::from(bytes.u8())).saturating_sub(128);
        u32::try_from(frame).unwrap_or(u32::MAX)
    };
    match bytes.below(8) {
        0 => raw(bytes),
        kind @ 1..=4 => {
            let mut frame = near(standing.want, bytes);
            let count = bytes.below(18);
            let mut pairs = Vec::new();
            for _ in 0..count {
                pairs.extend(frame.to_be_bytes());
                pairs.push(bytes.u8());
                frame = frame.saturating_add(u32::from(bytes.below(3)).max(1));
            }
            let current = pairs.iter().rev().skip(1).take(4).rev().copied().collect::<Vec<_>>();
            let player = player.to_be_bytes();
            match kind {
                1 => [&[0x13][..], &player, &[0, count], &pairs].concat(),
                _ if count == 0 => [&[0x01][..], &player, &[0, 0, 0, 0, 0, 0]].concat(),
                _ => [&[0x01][..], &player, &current, &[count, bytes.below(2)], &pairs].concat(),
            }
        }
        5 => {
            let (first, last) = (near(standing.next, bytes), near(standing.next, bytes));
            [&[0x12][..], &first.to_be_bytes(), &last.to_be_bytes()].concat()
        }
        kind => {
            let tag = [2, 3, 0x10, 0x11][usize::from(bytes.below(4))];
            let stamp = if kind == 6 { 0.0_f64.to_bits() } else { (f64::from(bytes.u16())).to_bits() };
            [&[tag][..], &stamp.to_be_bytes()].concat()
        }
    }
}

fn raw(bytes: &mut Bytes<'_>) -> Vec<u8> {
    match bytes.u8() {
        // Longer than any datagram.
        length @ 250.. => vec![length; 1_000 + usize::from(length) % 6 * 10],
        length => bytes.take(usize::from(length)).to_vec(),
    }
}

//! Datagrams that are nearly right: a fuzzer alone makes none that passes the first check.

use super::bytes::Bytes;
use super::seal::{Greeting, HELLO_BODY, Seal, full};

/// The position of a datagram's receiver.
#[derive(Clone, Copy, Debug)]
pub struct Standing {
    /// The next frame to receive, and the frame of the next push.
    pub recv_next: u64,
    pub send_next: u64,
}

/// Any datagram of the compact wire, usually with the right tag.
pub fn compact(bytes: &mut Bytes<'_>, seal: &Seal, standing: Standing) -> Vec<u8> {
    let Standing { recv_next, send_next } = standing;
    match bytes.below(8) {
        0 => raw(bytes),
        1..=3 => {
            let count = bytes.below(128);
            let timing = bytes.flag();
            let epoch = seal.epoch.to_be_bytes()[3] & 3;
            let kind = 0x80 | u8::from(timing) << 6 | epoch << 4 | count.min(15);
            // An end near the next frame to receive, and an acknowledgement that lacks a few frames.
            let end = recv_next.to_be_bytes()[7].wrapping_add(bytes.u8()).wrapping_sub(4);
            let ack = send_next.to_be_bytes()[7].wrapping_sub(bytes.below(32));
            let mut rest = Vec::new();
            rest.extend(count.checked_sub(15));
            rest.extend_from_slice(bytes.take(if timing { 8 } else { 0 }));
            let length = bytes.u8();
            rest.extend_from_slice(bytes.take(usize::from(length)));
            inputs(seal, standing, kind, [end, ack], &rest)
        }
        4 => {
            let [kind, end, ack, length] = std::array::from_fn(|_| bytes.u8());
            inputs(seal, standing, kind | 0x80, [end, ack], bytes.take(usize::from(length)))
        }
        5 => {
            let greeting = greeting(bytes, seal);
            let mut body = seal.hello_body(16_667, 200, greeting).to_vec();
            for _ in 0..bytes.below(4) {
                let place = usize::from(bytes.u8()) % body.len();
                body[place] = bytes.u8();
            }
            body.truncate(if bytes.below(8) == 7 { usize::from(bytes.u8()) % HELLO_BODY } else { HELLO_BODY });
            seal.hello_of(&body)
        }
        6 => {
            let mut rest = bytes.u32().to_be_bytes().to_vec();
            for _ in 0..bytes.below(5) {
                rest.extend(send_next.to_be_bytes()[4..].iter().take(3));
                rest.push(bytes.u8());
                rest.extend_from_slice(bytes.take(8));
            }
            seal.checksums(&rest)
        }
        _ => match bytes.below(8) {
            5 | 6 => word(bytes, seal, recv_next),
            what => {
                let named = seal.receiver.1.wrapping_add(u64::from(what == 7));
                seal.bye(named, recv_next.to_be_bytes()[7].into())
            }
        },
    }
}

/// A word about some of the first few players, each with a run or none and an end near the next frame to receive, and of others that
/// stay, perhaps with inputs of one.
fn word(bytes: &mut Bytes<'_>, seal: &Seal, recv_next: u64) -> Vec<u8> {
    let near = |bytes: &mut Bytes<'_>| {
        let frame = recv_next.saturating_add(bytes.u8().into()).saturating_sub(128);
        u32::try_from(frame).unwrap_or(u32::MAX).to_be_bytes()
    };
    let (shape, players) = (bytes.u8(), bytes.u8());
    let mut set = Vec::new();
    let mut count = 0;
    for player in (0..8_u8).filter(|player| players >> player & 1 == 1) {
        set.extend([0, player]);
        // Runs of the players of a target share what a word says of them.
        let [_, _, high, low, ..] = seal.sender.1.to_be_bytes();
        set.extend(match bytes.below(4) {
            0 => [0, 0],
            1 => [high, !low],
            _ => [high, low],
        });
        set.extend(near(bytes));
        count += 1;
    }
    let others = if count == 0 { 0 } else { bytes.u8() };
    let stays: Vec<_> = (0..8_u8).filter(|player| others >> player & 1 == 1).flat_map(|player| [0, player]).collect();
    // Most of them say something that an endpoint could say.
    let flags = if shape & 0x80 == 0 { shape & if count == 0 { 0 } else { 7 } } else { shape };
    let (named, flip) = if shape & 0x60 == 0x60 { (bytes.u8(), bytes.u8() & 1) } else { (count, 0) };
    let staying = u8::try_from(stays.len() / 2).unwrap_or(u8::MAX) ^ flip;
    let mut rest = vec![flags, named, staying];
    rest.extend(set);
    rest.extend(stays);
    if flags & 4 != 0 {
        rest.extend([bytes.below(4), bytes.below(8)]);
        rest.extend(near(bytes));
        let length = bytes.below(16);
        rest.extend_from_slice(bytes.take(length.into()));
    }
    seal.word(&rest)
}

/// What a hello of any of the peer's runs says: usually that it is new, and names the present run of the receiver.
fn greeting(bytes: &mut Bytes<'_>, seal: &Seal) -> Greeting {
    let (what, number, answered) = (bytes.below(8), bytes.u8(), bytes.u8());
    let named = match what {
        0 => 0,
        1 => seal.receiver.1 + 1,
        _ => seal.receiver.1,
    };
    Greeting { number: number.into(), named, answered: answered.into(), playing: what % 2 == 1 }
}

/// An input datagram with the right tag, if the receiver can expand its frame numbers.
fn inputs(seal: &Seal, standing: Standing, kind: u8, [end, ack]: [u8; 2], rest: &[u8]) -> Vec<u8> {
    let full = full(standing.recv_next, standing.send_next, end, ack);
    let (end, ack) = full.unwrap_or((end.into(), ack.into()));
    seal.inputs(kind, end, ack, rest)
}

/// Any datagram of the classic wire, usually well-formed.
pub fn classic(bytes: &mut Bytes<'_>, player: u16, standing: Standing) -> Vec<u8> {
    let near = |number: u64, bytes: &mut Bytes<'_>| {
        let frame = number.saturating_add(u64::from(bytes.u8())).saturating_sub(128);
        u32::try_from(frame).unwrap_or(u32::MAX)
    };
    match bytes.below(8) {
        0 => raw(bytes),
        kind @ 1..=4 => {
            let mut frame = near(standing.recv_next, bytes);
            let count = bytes.below(18);
            let mut pairs = Vec::new();
            for _ in 0..count {
                pairs.push((frame, bytes.u8()));
                frame = match bytes.below(8) {
                    0 => frame.saturating_sub(2),
                    1 => frame.saturating_add(100),
                    step => frame.saturating_add(u32::from(step % 3).max(1)),
                };
            }
            let newest = pairs.iter().map(|(frame, _)| *frame).max().unwrap_or(0);
            let shape = bytes.below(8);
            if shape & 4 == 4 {
                pairs.reverse();
            }
            // A peer that catches up names another frame.
            let current = if shape & 2 == 2 { newest.wrapping_add(180) } else { newest };
            let pairs = pairs.iter().flat_map(|(frame, action)| [&frame.to_be_bytes()[..], &[*action]].concat());
            let (player, pairs) = (player.to_be_bytes(), pairs.collect::<Vec<_>>());
            match kind {
                1 => [&[0x13][..], &player, &[0, count], &pairs].concat(),
                _ => [&[0x01][..], &player, &current.to_be_bytes(), &[count, shape & 1], &pairs].concat(),
            }
        }
        5 => {
            let (first, last) = (near(standing.send_next, bytes), near(standing.send_next, bytes));
            [&[0x12][..], &first.to_be_bytes(), &last.to_be_bytes()].concat()
        }
        kind => {
            let ping = [2, 3, 0x10, 0x11][usize::from(bytes.below(4))];
            let stamp = if kind == 6 { 0.0_f64.to_bits() } else { (f64::from(bytes.u16())).to_bits() };
            [&[ping][..], &stamp.to_be_bytes()].concat()
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

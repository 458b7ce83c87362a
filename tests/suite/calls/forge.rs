//! Datagrams of a peer, written from PROTOCOL.md: well-formed, with any frames and any acknowledgement.

use std::collections::{BTreeMap, BTreeSet};

pub(crate) const INPUT_LEN: usize = 2;
pub(crate) const WINDOW: u32 = 4;
pub(crate) const MAX_PEERS: usize = 2;
pub(crate) const LOCAL_PLAYER: u16 = 0;
pub(crate) const FIRST: u32 = 3;
pub(crate) const SESSION_ID: u64 = 0x0123_4567_89ab_cdef;
pub(crate) const FRAME_US: u32 = 16_667;
/// The run of the session on the link to the peer that is added first, and the first run of each peer.
pub(crate) const LOCAL_RUN: u64 = 0x5eed_0000_0000;
pub(crate) const PEER_RUN: u64 = 0xfeed_0000_0000;
/// What another run of a peer has more: it differs in what words say of it, too.
pub(crate) const NEXT_RUN: u64 = 0x1_0000_0001;

/// What a word says of a run.
pub(crate) fn source(run: u64) -> u16 {
    u16::try_from(run >> 32 & 0xffff).expect("16 bits").max(1)
}

/// The sender of a datagram, in which run and epoch, and the receiver's run on this link.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sender {
    pub(crate) player: u16,
    pub(crate) incarnation: u64,
    pub(crate) epoch: u32,
    pub(crate) receiver: u64,
}

/// What a hello says besides the settings of its sender.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Greeting {
    pub(crate) number: u32,
    /// The receiver's run, the number of its hello that is answered, and whether the sender plays with that run.
    pub(crate) named: u64,
    pub(crate) answered: u32,
    pub(crate) playing: bool,
}

impl Sender {
    /// An input datagram, every input in the raw form.
    pub(crate) fn inputs(&self, base: u32, inputs: &[[u8; INPUT_LEN]], ack: u32) -> Vec<u8> {
        let count = u8::try_from(inputs.len()).expect("few");
        let end = base + u32::from(count);
        let head = [0x80 | (low(self.epoch) & 3) << 4 | count, low(end), low(ack)];
        let mut body = raw(inputs);
        while body.last() == Some(&0) {
            body.pop();
        }
        let covered = [&self.context(end, ack)[..], &head, &body].concat();
        [&head[..], &crc(&covered), &body].concat()
    }

    /// A word with these flags about these players, each with the source of its run and an end, and with inputs of one of them:
    /// which, and from which frame on. `stays` are the players that stay.
    pub(crate) fn word(
        &self,
        flags: u8,
        players: &BTreeMap<u16, (u16, u32)>,
        stays: &BTreeSet<u16>,
        carried: Option<(u8, u32, &[[u8; INPUT_LEN]])>,
    ) -> Vec<u8> {
        let flags = flags | u8::from(carried.is_some()) << 2;
        let mut rest = vec![flags, u8::try_from(players.len()).expect("few"), u8::try_from(stays.len()).expect("few")];
        for (player, (source, end)) in players {
            rest.extend(player.to_be_bytes());
            rest.extend(source.to_be_bytes());
            rest.extend(end.to_be_bytes());
        }
        rest.extend(stays.iter().flat_map(|player| player.to_be_bytes()));
        if let Some((index, base, inputs)) = carried {
            rest.extend([index, u8::try_from(inputs.len()).expect("few")]);
            rest.extend(base.to_be_bytes());
            let body = raw(inputs);
            rest.extend(&body[..body.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1)]);
        }
        let covered = [&self.context(0, 0)[..], &[0x23], &rest].concat();
        [&[0x23], &crc(&covered)[..], &rest].concat()
    }

    /// What the tag covers besides the bytes.
    fn context(&self, end: u32, ack: u32) -> Vec<u8> {
        let mut covered = vec![1];
        covered.extend(SESSION_ID.to_be_bytes());
        covered.extend([self.incarnation, self.receiver].iter().flat_map(|number| number.to_be_bytes()));
        covered.extend(self.epoch.to_be_bytes());
        let numbers = [self.player, LOCAL_PLAYER, 2, 4];
        covered.extend(numbers.iter().flat_map(|number| number.to_be_bytes()));
        covered.extend(FIRST.to_be_bytes());
        // The size of its tag.
        covered.push(2);
        covered.extend([end, ack].iter().flat_map(|number| number.to_be_bytes()));
        covered
    }

    pub(crate) fn hello(&self, greeting: Greeting) -> Vec<u8> {
        let mut rest = vec![1];
        rest.extend([self.player, LOCAL_PLAYER].iter().flat_map(|number| number.to_be_bytes()));
        rest.extend([2, 4, 2, u8::from(greeting.playing)]);
        rest.extend(FRAME_US.to_be_bytes());
        rest.extend(200_u16.to_be_bytes());
        rest.extend([FIRST, self.epoch].iter().flat_map(|number| number.to_be_bytes()));
        rest.extend(self.incarnation.to_be_bytes());
        rest.extend(greeting.number.to_be_bytes());
        rest.extend(greeting.named.to_be_bytes());
        rest.extend(greeting.answered.to_be_bytes());
        let covered = [&SESSION_ID.to_be_bytes()[..], &[0x20], &rest].concat();
        [&[0x20], &crc(&covered)[..], &rest].concat()
    }
}

/// The run of the sender of a hello without a key, the number of that hello, the run and the number that it answers, and whether
/// its sender plays with that run.
pub(crate) fn said(hello: &[u8]) -> (u64, u32, u64, u32, bool) {
    let word = |start: usize| u32::from_be_bytes(hello[start..start + 4].try_into().expect("four bytes"));
    let long = |start: usize| u64::from(word(start)) << 32 | u64::from(word(start + 4));
    (long(26), word(34), long(38), word(46), hello[11] & 1 == 1)
}

fn raw(inputs: &[[u8; INPUT_LEN]]) -> Vec<u8> {
    let mut bits = Vec::new();
    for input in inputs {
        bits.extend([true, true]);
        bits.extend(input.iter().flat_map(|byte| (0..8).map(move |bit| byte >> bit & 1 == 1)));
    }
    bits.chunks(8).map(|byte| byte.iter().rev().fold(0, |value, bit| value << 1 | u8::from(*bit))).collect()
}

fn crc(bytes: &[u8]) -> [u8; 2] {
    let step = |crc: u16, _| if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 };
    let crc = bytes.iter().fold(0xffff, |crc, byte| (0..8).fold(crc ^ u16::from(*byte) << 8, step));
    crc.to_be_bytes()
}

fn low(number: u32) -> u8 {
    number.to_le_bytes()[0]
}

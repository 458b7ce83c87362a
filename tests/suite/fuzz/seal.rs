//! Datagrams with any content and the right tag, which no fuzzer guesses.
//!
//! Written independently from PROTOCOL.md, so that it also checks the crate's own code.

use std::hash::Hasher;
use std::sync::LazyLock;

/// The context that the tag of a compact datagram covers besides the bytes (PROTOCOL 3.5).
#[derive(Clone, Copy, Debug)]
pub struct Seal {
    pub key: Option<[u8; 16]>,
    pub short_tags: bool,
    pub session_id: u64,
    /// Player number and incarnation.
    pub sender: (u16, u64),
    pub receiver: (u16, u64),
    pub epoch: u32,
    pub input_len: u8,
    pub window: u8,
    pub first_frame: u32,
}

/// What a hello says besides the settings of its sender.
#[derive(Clone, Copy, Debug)]
pub struct Greeting {
    pub number: u32,
    /// The receiver's incarnation, the number of its hello that is answered, and whether the sender plays with that run.
    pub named: u64,
    pub answered: u32,
    pub playing: bool,
}

impl Greeting {
    /// The first hello of an endpoint that knows nothing of the receiver.
    pub const FIRST: Self = Self { number: 1, named: 0, answered: 0, playing: false };
}

/// Bytes of a hello after the tag.
pub const HELLO_BODY: usize = 47;

impl Seal {
    /// The size of a control tag, in bytes.
    pub const fn len(&self) -> usize {
        if self.key.is_some() { 8 } else { 2 }
    }

    /// The size of an input tag, in bytes.
    pub const fn input_tag_len(&self) -> usize {
        if self.key.is_some() && self.short_tags { 4 } else { self.len() }
    }

    fn tag(&self, parts: &[&[u8]]) -> [u8; 8] {
        let mut tag = [0; 8];
        if let Some(key) = self.key {
            tag = sip(key, parts).to_be_bytes();
        } else {
            tag[..2].copy_from_slice(&crc(parts).to_be_bytes());
        }
        tag
    }

    fn put(&self, head: &[u8], tag_len: usize, covered: &[&[u8]], rest: &[u8]) -> Vec<u8> {
        [head, &self.tag(covered)[..tag_len], rest].concat()
    }

    fn context(&self, epoch: u32, end: u32, ack: u32) -> [u8; 50] {
        let mut bytes = [0; 50];
        bytes[0] = 1;
        bytes[1..9].copy_from_slice(&self.session_id.to_be_bytes());
        bytes[9..17].copy_from_slice(&self.sender.1.to_be_bytes());
        bytes[17..25].copy_from_slice(&self.receiver.1.to_be_bytes());
        bytes[25..29].copy_from_slice(&epoch.to_be_bytes());
        bytes[29..31].copy_from_slice(&self.sender.0.to_be_bytes());
        bytes[31..33].copy_from_slice(&self.receiver.0.to_be_bytes());
        bytes[34] = self.input_len;
        bytes[36] = self.window;
        bytes[37..41].copy_from_slice(&self.first_frame.to_be_bytes());
        bytes[41] = self.input_tag_len().to_le_bytes()[0];
        bytes[42..46].copy_from_slice(&end.to_be_bytes());
        bytes[46..].copy_from_slice(&ack.to_be_bytes());
        bytes
    }

    /// An input datagram with this type byte, these full frame numbers, and `rest` after the tag.
    pub fn inputs(&self, kind: u8, end: u32, ack: u32, rest: &[u8]) -> Vec<u8> {
        let head = [kind, end.to_be_bytes()[3], ack.to_be_bytes()[3]];
        self.put(&head, self.input_tag_len(), &[&self.context(self.epoch, end, ack), &head, rest], rest)
    }

    /// A hello with these bytes after the tag.
    pub fn hello_of(&self, rest: &[u8]) -> Vec<u8> {
        self.put(&[0x20], self.len(), &[&self.session_id.to_be_bytes(), &[0x20], rest], rest)
    }

    /// The bytes of a hello after the tag.
    pub fn hello_body(&self, frame_us: u32, ping_ms: u16, greeting: Greeting) -> [u8; HELLO_BODY] {
        let mut bytes = [0; HELLO_BODY];
        bytes[0] = 1;
        bytes[1..3].copy_from_slice(&self.sender.0.to_be_bytes());
        bytes[3..5].copy_from_slice(&self.receiver.0.to_be_bytes());
        bytes[5] = self.input_len;
        bytes[6] = self.window;
        bytes[7] = self.input_tag_len().to_le_bytes()[0];
        bytes[8] = u8::from(greeting.playing);
        bytes[9..13].copy_from_slice(&frame_us.to_be_bytes());
        bytes[13..15].copy_from_slice(&ping_ms.to_be_bytes());
        bytes[15..19].copy_from_slice(&self.first_frame.to_be_bytes());
        bytes[19..23].copy_from_slice(&self.epoch.to_be_bytes());
        bytes[23..31].copy_from_slice(&self.sender.1.to_be_bytes());
        bytes[31..35].copy_from_slice(&greeting.number.to_be_bytes());
        bytes[35..43].copy_from_slice(&greeting.named.to_be_bytes());
        bytes[43..].copy_from_slice(&greeting.answered.to_be_bytes());
        bytes
    }

    /// A bye that names this run of the receiver, and ends before this frame.
    pub fn bye(&self, named: u64, end: u32) -> Vec<u8> {
        let rest = [&named.to_be_bytes()[..], &self.epoch.to_be_bytes(), &end.to_be_bytes()].concat();
        self.put(&[0x21], self.len(), &[&self.context(0, 0, 0), &[0x21], &rest], &rest)
    }

    /// A word with these bytes after the tag.
    pub fn word(&self, rest: &[u8]) -> Vec<u8> {
        self.put(&[0x23], self.len(), &[&self.context(self.epoch, 0, 0), &[0x23], rest], rest)
    }

    /// A checksum datagram with these bytes after the tag.
    pub fn checksums(&self, rest: &[u8]) -> Vec<u8> {
        self.put(&[0x22], self.input_tag_len(), &[&self.context(self.epoch, 0, 0), &[0x22], rest], rest)
    }
}

/// Expands frame numbers as a receiver does (PROTOCOL 3.7, step 3); `None` if it refuses them.
pub fn full(recv_next: u64, send_next: u64, end: u8, ack: u8) -> Option<(u32, u32)> {
    let low = |number: u64| number.to_le_bytes()[0];
    let ahead = i64::from(end.wrapping_sub(low(recv_next)).cast_signed());
    let end = u32::try_from(recv_next.checked_add_signed(ahead)?).ok()?;
    let ack = send_next.checked_sub(u64::from(low(send_next).wrapping_sub(ack)))?;
    Some((end, u32::try_from(ack).ok()?))
}

/// CRC-16/IBM-3740.
fn crc(parts: &[&[u8]]) -> u16 {
    static TABLE: LazyLock<[u16; 256]> = LazyLock::new(|| {
        std::array::from_fn(|index| {
            let start = u16::try_from(index).expect("a byte") << 8;
            (0..8).fold(start, |crc, _| if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 })
        })
    });
    let table = &*TABLE;
    let bytes = parts.iter().copied().flatten();
    bytes.fold(0xffff, |crc: u16, byte| (crc << 8) ^ table[usize::from(crc.to_be_bytes()[0] ^ byte)])
}

/// SipHash-2-4.
#[allow(deprecated, reason = "deprecated as a table's hasher, but still this function")]
fn sip(key: [u8; 16], parts: &[&[u8]]) -> u64 {
    let [low, high] = [0, 8].map(|at| u64::from_le_bytes(std::array::from_fn(|place| key[at + place])));
    let mut hasher = std::hash::SipHasher::new_with_keys(low, high);
    for part in parts {
        hasher.write(part);
    }
    hasher.finish()
}

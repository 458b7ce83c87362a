//! The tag of a compact datagram (PROTOCOL 3.5): a CRC without a key, a message authentication code with one.
//!
//! Hellos, byes and words carry the whole code. Inputs and checksums may carry half of it.

use core::fmt;
use core::hash::Hasher;

use crc::{Algorithm, CRC_16_IBM_3740, Crc};
use siphasher::sip::SipHasher24;

use crate::wire::bytes::Writer;

/// The version of the compact wire.
pub(crate) const VERSION: u8 = 1;

/// What a tag covers in place of frame numbers where a datagram has none.
pub(crate) const NO_FRAMES: u64 = 0;

/// Bytes of a tag without a key, of one with a key, and of the half of that one that short tags carry.
const CRC_LEN: u8 = 2;
const WHOLE: u8 = 8;
const HALF: u8 = 4;

/// Bytes of a tag that is not shortened.
pub(crate) const fn whole_len(is_keyed: bool) -> u8 {
    if is_keyed { WHOLE } else { CRC_LEN }
}

/// A secret that does not show itself.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key(pub(crate) [u8; 16]);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(hidden)")
    }
}

/// The CRC of each byte followed by a zero byte, and of each byte, from state 0: a step over two bytes is made of these.
static CRC: [[u16; 256]; 2] = [crc_of_each::<2>(), crc_of_each::<1>()];

/// The CRC of each byte, followed by zeros up to `LEN` bytes, in wire order.
const fn crc_of_each<const LEN: usize>() -> [u16; 256] {
    let crc = Crc::<u16>::new(&Algorithm { init: 0, ..CRC_16_IBM_3740 });
    let mut each = [0; 256];
    let mut rest: &mut [u16] = &mut each;
    let mut bytes = [0; LEN];
    while let Some((of_byte, others)) = rest.split_first_mut() {
        *of_byte = wire_order(crc.checksum(&bytes));
        bytes[0] = bytes[0].wrapping_add(1);
        rest = others;
    }
    each
}

/// A CRC whose low byte goes out first. Kept like this, a step over two bytes swaps nothing.
const fn wire_order(crc: u16) -> u16 {
    u16::from_le_bytes(crc.to_be_bytes())
}

/// Continues a CRC over `bytes`.
fn crc(state: u16, bytes: &[u8]) -> u16 {
    let [first, last] = &CRC;
    let of = |table: &[u16; 256], byte: u8| table.get(usize::from(byte)).copied().unwrap_or(0);
    let (pairs, odd) = bytes.as_chunks();
    let state = pairs.iter().fold(state, |state, pair| {
        let [one, other] = (state ^ u16::from_le_bytes(*pair)).to_le_bytes();
        of(first, one) ^ of(last, other)
    });
    odd.iter().fold(state, |state, byte| {
        let [one, other] = state.to_le_bytes();
        u16::from(other) ^ of(last, one ^ byte)
    })
}

/// Finishes an authenticator over the parts of a datagram. Out of line, so that links without a key do not pay for it.
#[inline(never)]
fn sip(mut hasher: SipHasher24, implied: [u8; 8], head: &[u8], rest: &[u8]) -> u64 {
    hasher.write(&implied);
    hasher.write(head);
    hasher.write(rest);
    hasher.finish()
}

/// A tag in the making: the state over what has been hashed so far.
#[derive(Clone, Copy)]
pub(crate) enum TagState {
    /// In wire order.
    Crc(u16),
    /// With the bytes of the code that are sent.
    Sip(SipHasher24, u8),
}

impl TagState {
    /// Over nothing yet; of a whole tag.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(crate) fn new(key: Option<&Key>) -> Self {
        match key {
            None => Self::Crc(wire_order(CRC_16_IBM_3740.init)),
            Some(key) => Self::Sip(SipHasher24::new_with_key(&key.0), WHOLE),
        }
    }

    /// Over `bytes` as well.
    fn with(self, bytes: &[u8]) -> Self {
        match self {
            Self::Crc(state) => Self::Crc(crc(state, bytes)),
            Self::Sip(mut hasher, len) => {
                hasher.write(bytes);
                Self::Sip(hasher, len)
            }
        }
    }

    /// The same with half of the code. A CRC is short already.
    fn shortened(self) -> Self {
        match self {
            Self::Sip(hasher, _) => Self::Sip(hasher, HALF),
            other @ Self::Crc(_) => other,
        }
    }

    /// The same with the whole code, for what is no input.
    pub(crate) fn whole(&self) -> Self {
        match *self {
            Self::Sip(hasher, _) => Self::Sip(hasher, WHOLE),
            other @ Self::Crc(_) => other,
        }
    }

    /// The tag over what a datagram implies, its bytes before the tag, and those after it.
    pub(crate) fn tag(&self, implied: u64, head: &[u8], rest: &[u8]) -> Tag {
        let implied = implied.to_be_bytes();
        match self {
            Self::Crc(state) => Tag::Crc(crc(crc(crc(*state, &implied), head), rest)),
            Self::Sip(hasher, len) => Tag::Sip(sip(*hasher, implied, head, rest).to_be_bytes(), *len),
        }
    }

    /// Bytes of the tag.
    pub(crate) fn tag_len(&self) -> usize {
        match self {
            Self::Crc(_) => CRC_LEN.into(),
            Self::Sip(_, len) => (*len).into(),
        }
    }
}

/// A tag as it is on the wire.
#[derive(Clone, Copy)]
pub(crate) enum Tag {
    /// In wire order.
    Crc(u16),
    /// Of which so many bytes are sent.
    Sip([u8; 8], u8),
}

impl Tag {
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(crate) fn write(self, to: &mut Writer<'_>) {
        match self {
            Self::Crc(tag) => to.bytes(&tag.to_le_bytes()),
            Self::Sip(code, len) => to.bytes(code.get(..usize::from(len)).unwrap_or(&code)),
        }
    }

    pub(crate) fn is(self, bytes: &[u8]) -> bool {
        match self {
            Self::Crc(tag) => bytes == tag.to_le_bytes(),
            Self::Sip(code, len) => code.get(..usize::from(len)) == Some(bytes),
        }
    }
}

/// One endpoint of a direction: a player in one of its runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EndpointId {
    pub(crate) player: u16,
    pub(crate) incarnation: u64,
}

/// What both endpoints know and no datagram carries: the part of the tag that stays the same for an epoch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TagContext {
    pub(crate) key: Option<Key>,
    /// Whether inputs and checksums carry half of the code.
    pub(crate) short: bool,
    pub(crate) session_id: u64,
    pub(crate) sender: EndpointId,
    pub(crate) receiver: EndpointId,
    pub(crate) input_len: u8,
    pub(crate) window: u8,
    pub(crate) first_frame: u32,
}

/// A bye belongs to a run, not to an epoch.
const NO_EPOCH: u32 = 0;

impl TagContext {
    /// The context of the other direction.
    pub(crate) const fn reversed(self) -> Self {
        Self { sender: self.receiver, receiver: self.sender, ..self }
    }

    /// Bytes of the tag of inputs and checksums.
    pub(crate) const fn input_tag_len(key: Option<&Key>, short: bool) -> u8 {
        if key.is_some() && short { HALF } else { whole_len(key.is_some()) }
    }

    /// The state from which the tags of all inputs and checksums of an epoch go on.
    pub(crate) fn inputs(&self, epoch: u32) -> TagState {
        let state = self.state(epoch);
        if self.short { state.shortened() } else { state }
    }

    /// The state from which the tag of a bye goes on.
    pub(crate) fn bye(&self) -> TagState {
        self.state(NO_EPOCH)
    }

    fn state(&self, epoch: u32) -> TagState {
        let mut bytes = [0; 42];
        let mut to = Writer::new(&mut bytes);
        to.u8(VERSION);
        to.u64(self.session_id);
        to.u64(self.sender.incarnation);
        to.u64(self.receiver.incarnation);
        to.u32(epoch);
        to.u16(self.sender.player);
        to.u16(self.receiver.player);
        to.u16(self.input_len.into());
        to.u16(self.window.into());
        to.u32(self.first_frame);
        to.u8(Self::input_tag_len(self.key.as_ref(), self.short));
        TagState::new(self.key.as_ref()).with(&bytes)
    }
}

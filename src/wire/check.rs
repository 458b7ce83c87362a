//! The check of the compact wire (PROTOCOL 3.5): a CRC without a key, an authenticator with one.

use core::fmt;
use core::hash::Hasher;

use crc::{Algorithm, CRC_16_IBM_3740, Crc};
use siphasher::sip::SipHasher24;

use crate::config::Config;
use crate::cursor::{Reader, Writer};

/// The version of the compact wire.
pub(crate) const VERSION: u8 = 1;

/// The CRC of each byte with a zero byte after it, and of each byte, both from the state 0: of these a step over two bytes
/// is made.
static CRC: [[u16; 256]; 2] = [crc_of_each::<2>(), crc_of_each::<1>()];

/// The CRC of each byte and the zero bytes after it that make it `LEN` bytes long, in wire order.
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

/// A CRC in wire order: its low byte goes out first, so that a step over two bytes turns nothing round.
const fn wire_order(crc: u16) -> u16 {
    u16::from_le_bytes(crc.to_be_bytes())
}

/// Over `bytes` as well.
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

/// Over the parts of a datagram as well. In a function of its own, so that those without a key pay nothing for it.
#[inline(never)]
fn sip(mut hasher: SipHasher24, unsaid: [u8; 8], head: &[u8], rest: &[u8]) -> u64 {
    hasher.write(&unsaid);
    hasher.write(head);
    hasher.write(rest);
    hasher.finish()
}

/// A check over the bytes so far.
#[derive(Clone, Copy)]
pub(crate) enum Check {
    /// In wire order.
    Crc(u16),
    Sip(SipHasher24),
}

impl Check {
    /// Of no bytes yet.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(crate) fn new(config: &Config) -> Self {
        match &config.key {
            None => Self::Crc(wire_order(CRC_16_IBM_3740.init)),
            Some(key) => Self::Sip(SipHasher24::new_with_key(&key.0)),
        }
    }

    /// Over `bytes` as well.
    fn with(self, bytes: &[u8]) -> Self {
        match self {
            Self::Crc(state) => Self::Crc(crc(state, bytes)),
            Self::Sip(mut hasher) => {
                hasher.write(bytes);
                Self::Sip(hasher)
            }
        }
    }

    /// What goes on the wire for it, once it covers what a datagram leaves unsaid, its head before the check, and the rest of
    /// it as well.
    pub(crate) fn over(&self, unsaid: u64, head: &[u8], rest: &[u8]) -> Sum {
        let unsaid = unsaid.to_be_bytes();
        match self {
            Self::Crc(state) => Sum::Crc(crc(crc(crc(*state, &unsaid), head), rest)),
            Self::Sip(hasher) => Sum::Sip(sip(*hasher, unsaid, head, rest)),
        }
    }

    /// Its length on the wire.
    pub(crate) const fn len(&self) -> usize {
        match self {
            Self::Crc(_) => 2,
            Self::Sip(_) => 8,
        }
    }
}

/// A check as it is on the wire.
#[derive(Clone, Copy)]
pub(crate) enum Sum {
    /// In wire order.
    Crc(u16),
    Sip(u64),
}

impl Sum {
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(crate) fn write(self, to: &mut Writer<'_>) {
        match self {
            Self::Crc(sum) => to.bytes(&sum.to_le_bytes()),
            Self::Sip(sum) => to.u64(sum),
        }
    }

    pub(crate) fn is(self, bytes: &[u8]) -> bool {
        match self {
            Self::Crc(sum) => bytes == sum.to_le_bytes(),
            Self::Sip(sum) => Reader::new(bytes).u64() == Some(sum),
        }
    }
}

/// It would tell of the key.
impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Check")
    }
}

/// A check is kept only to save work: what it covers is compared where it is kept.
impl PartialEq for Check {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Check {}

/// One end of a direction: a player in one of its runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct End {
    pub(crate) player: u16,
    pub(crate) incarnation: u32,
}

/// What both ends know and no datagram says: the part of the check that stays for an epoch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context<'a> {
    pub(crate) config: &'a Config,
    pub(crate) sender: End,
    pub(crate) receiver: End,
    pub(crate) input: u16,
    pub(crate) window: u16,
}

impl Context<'_> {
    pub(crate) fn check(&self, epoch: u32) -> Check {
        let mut bytes = [0; 29];
        let mut to = Writer::new(&mut bytes);
        to.u8(VERSION);
        to.u64(self.config.session);
        to.u32(self.sender.incarnation);
        to.u32(self.receiver.incarnation);
        to.u32(epoch);
        to.u16(self.sender.player);
        to.u16(self.receiver.player);
        to.u16(self.input);
        to.u16(self.window);
        Check::new(self.config).with(&bytes)
    }
}

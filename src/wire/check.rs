//! The check of the compact wire (PROTOCOL 3.5): a CRC without a key, an authenticator with one.

use core::fmt;
use core::hash::Hasher;

use crc::{CRC_16_IBM_3740, Crc};
use siphasher::sip::SipHasher24;

use crate::config::Config;
use crate::cursor::{Reader, Writer};

/// The version of the compact wire.
pub(crate) const VERSION: u8 = 1;

static CRC: Crc<u16> = Crc::<u16>::new(&CRC_16_IBM_3740);

/// Over `bytes` as well.
fn crc(state: u16, bytes: &[u8]) -> u16 {
    let mut digest = CRC.digest_with_initial(state);
    digest.update(bytes);
    digest.finalize()
}

/// A check over the bytes so far.
#[derive(Clone, Copy)]
pub(crate) enum Check {
    Crc(u16),
    Sip(SipHasher24),
}

impl Check {
    /// Of no bytes yet.
    pub(crate) fn new(config: &Config) -> Self {
        match &config.key {
            None => Self::Crc(CRC_16_IBM_3740.init),
            Some(key) => Self::Sip(SipHasher24::new_with_key(&key.0)),
        }
    }

    /// Over `bytes` as well.
    pub(crate) fn with(self, bytes: &[u8]) -> Self {
        match self {
            Self::Crc(state) => Self::Crc(crc(state, bytes)),
            Self::Sip(mut hasher) => {
                hasher.write(bytes);
                Self::Sip(hasher)
            }
        }
    }

    /// What goes on the wire for it, once `parts` are covered as well. Nothing is copied that is large.
    pub(crate) fn over(&self, parts: &[&[u8]]) -> Sum {
        match self {
            Self::Crc(state) => Sum::Crc(parts.iter().fold(*state, |state, part| crc(state, part))),
            Self::Sip(hasher) => {
                let mut hasher = *hasher;
                for part in parts {
                    hasher.write(part);
                }
                Sum::Sip(hasher.finish())
            }
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
    Crc(u16),
    Sip(u64),
}

impl Sum {
    pub(crate) fn write(self, to: &mut Writer<'_>) {
        match self {
            Self::Crc(sum) => to.u16(sum),
            Self::Sip(sum) => to.u64(sum),
        }
    }

    pub(crate) fn is(self, bytes: &[u8]) -> bool {
        let mut sent = Reader::new(bytes);
        match self {
            Self::Crc(sum) => sent.u16() == Some(sum),
            Self::Sip(sum) => sent.u64() == Some(sum),
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
    pub(crate) epoch: u32,
    pub(crate) input: u16,
    pub(crate) window: u16,
}

impl Context<'_> {
    pub(crate) fn check(&self) -> Check {
        let mut bytes = [0; 29];
        let mut to = Writer::new(&mut bytes);
        to.u8(VERSION);
        to.u64(self.config.session);
        to.u32(self.sender.incarnation);
        to.u32(self.receiver.incarnation);
        to.u32(self.epoch);
        to.u16(self.sender.player);
        to.u16(self.receiver.player);
        to.u16(self.input);
        to.u16(self.window);
        Check::new(self.config).with(&bytes)
    }
}

//! The word of a survivor: who has left, how much of each it has, who stays, and inputs that the receiver lacks (PROTOCOL 3.12).
//!
//! ```text
//! 23 | tag 2 or 8 | flags 1 | m 1 | s 1 | m x { player 2, source 2, end 4 } | s x player 2
//!    | with inputs: index 1 | n 1 | base 4 | body
//! ```

use super::delta::{self, MAX_INPUT_LEN};
use super::tag::{NO_FRAMES, TagState};
use crate::error::DatagramError;
use crate::num::low_u8;
use crate::wire::bits::{BitReader, BitWriter};
use crate::wire::bytes::{Reader, Writer};

pub(crate) const WORD: u8 = 0x23;

/// Bytes of a word that names nobody, without its tag.
pub(crate) const FAREWELL_LEN: usize = HEAD_LEN + 1;

/// How many players a word can name.
pub(crate) const MAX_NAMED: usize = 63;

const HAVE: u8 = 0x01;
const REPLY: u8 = 0x02;
const INPUTS: u8 = 0x04;
/// Bytes of the flags and the numbers of players, of a player that was named, of one that stays, and of what precedes the body.
const HEAD_LEN: usize = 3;
const ENTRY_LEN: usize = 8;
const STAYS_LEN: usize = 2;
const INPUTS_LEN: usize = 6;

/// The longest word without inputs, with a tag of `tag_len` bytes, of an endpoint with `peers` peers; and with one input.
pub(crate) fn longest(tag_len: u8, peers: usize, input_len: u8) -> usize {
    let front = HEAD_LEN.saturating_add(INPUTS_LEN).saturating_add(1).saturating_add(tag_len.into());
    let body = delta::longest_bits(input_len).div_ceil(8);
    peers.saturating_mul(ENTRY_LEN).saturating_add(front).saturating_add(body)
}

/// A player that was named, and the first frame of it that the sender lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Leaver {
    pub(crate) player: u16,
    /// Which run of it the sender has met; 0 for none.
    pub(crate) source: u16,
    pub(crate) end: u32,
}

impl Leaver {
    fn read([a, b, c, d, end @ ..]: [u8; ENTRY_LEN]) -> Self {
        let (player, source) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        Self { player, source, end: u32::from_be_bytes(end) }
    }
}

/// What two survivors tell each other to know when to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Flags {
    /// The sender has a word of the receiver that names the same players.
    pub(crate) have: bool,
    /// The sender waits for a word of the receiver.
    pub(crate) reply: bool,
}

/// A word whose tag, length and order are right.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Word<'a> {
    pub(crate) flags: Flags,
    leavers: &'a [[u8; ENTRY_LEN]],
    stays: &'a [[u8; STAYS_LEN]],
    /// Everything after the players, if there are to be inputs.
    inputs: Option<Reader<'a>>,
}

/// The inputs in a word.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Inputs<'a> {
    pub(crate) leaver: Leaver,
    /// The frame of the first one.
    pub(crate) base: u32,
    pub(crate) count: u32,
    pub(crate) body: BitReader<'a>,
}

impl<'a> Word<'a> {
    /// Verifies and decodes a word up to its inputs; `state` is that of words, `None` while they may not flow.
    pub(crate) fn parse(datagram: &'a [u8], tag_len: usize, state: Option<&TagState>) -> Result<Self, DatagramError> {
        let mut reader = Reader::new(datagram);
        let kind = reader.bytes(1).ok_or(DatagramError::Truncated)?;
        let tag = reader.bytes(tag_len).ok_or(DatagramError::Truncated)?;
        let sealed = reader.rest();
        let &[flags, named, stays] = reader.array().ok_or(DatagramError::Truncated)?;
        let state = state.ok_or(DatagramError::NotReady)?;
        if !state.tag(NO_FRAMES, kind, sealed).is(tag) {
            return Err(DatagramError::BadTag);
        }
        let (named, stays) = (usize::from(named), usize::from(stays));
        let says_more = flags != 0 || stays > 0;
        if flags > (HAVE | REPLY | INPUTS) || named.max(stays) > MAX_NAMED || named == 0 && says_more {
            return Err(DatagramError::MalformedBody);
        }
        let leavers = reader.bytes(named.saturating_mul(ENTRY_LEN)).ok_or(DatagramError::WrongLength)?;
        let stays = reader.bytes(stays.saturating_mul(STAYS_LEN)).ok_or(DatagramError::WrongLength)?;
        let has_inputs = flags & INPUTS != 0;
        let rest_len = reader.rest().len();
        if if has_inputs { rest_len < INPUTS_LEN } else { rest_len > 0 } {
            return Err(DatagramError::WrongLength);
        }
        let flags = Flags { have: flags & HAVE != 0, reply: flags & REPLY != 0 };
        let ((leavers, _), (stays, _)) = (leavers.as_chunks(), stays.as_chunks());
        let word = Self { flags, leavers, stays, inputs: has_inputs.then_some(reader) };
        let ascend = word.leavers.is_sorted_by(|one, next| Leaver::read(*one).player < Leaver::read(*next).player);
        if ascend { Ok(word) } else { Err(DatagramError::NotAscending) }
    }

    /// Whether it says that the receiver was named.
    pub(crate) fn is_farewell(&self) -> bool {
        self.leavers.is_empty()
    }

    /// The players that it names, ascending.
    pub(crate) fn leavers(&self) -> impl Iterator<Item = Leaver> + use<'a> {
        self.leavers.iter().map(|entry| Leaver::read(*entry))
    }

    /// The peers of the sender that stay, the receiver among them.
    pub(crate) fn stays(&self) -> impl ExactSizeIterator<Item = u16> + use<'a> {
        self.stays.iter().map(|player| u16::from_be_bytes(*player))
    }

    /// Validates its inputs, each of `input_len` bytes.
    pub(crate) fn inputs(&self, window: u32, input_len: u8) -> Result<Option<Inputs<'a>>, DatagramError> {
        let Some(mut reader) = self.inputs else { return Ok(None) };
        let mut read = || Some((reader.u8()?, reader.u8()?, reader.u32()?));
        let (index, count, base) = read().ok_or(DatagramError::WrongLength)?;
        let count = u32::from(count);
        if count > window {
            return Err(DatagramError::TooManyInputs);
        }
        let body = BitReader::new(reader.rest());
        let whole = count > 0 && delta::holds_exactly(&body, input_len.into(), count);
        let leaver = self.leavers.get(usize::from(index)).filter(|_| whole).ok_or(DatagramError::MalformedBody)?;
        let leaver = Leaver::read(*leaver);
        if base.checked_add(count).is_none_or(|end| end > leaver.end) {
            return Err(DatagramError::FrameRange);
        }
        Ok(Some(Inputs { leaver, base, count, body }))
    }
}

/// Inputs for who lacks them: those of the player at `index` in the word, from frame `base` on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Repair<I> {
    pub(crate) index: u8,
    pub(crate) base: u32,
    pub(crate) inputs: I,
}

/// Writes a word and returns its length; `state` is that of words. Of the inputs it carries the first ones that fit `limit`
/// bytes, at least one.
pub(crate) fn emit_word<'i>(
    buf: &mut [u8],
    limit: usize,
    state: &TagState,
    flags: Flags,
    leavers: impl Iterator<Item = Leaver>,
    stays: impl Iterator<Item = u16>,
    repair: Option<Repair<impl Iterator<Item = &'i [u8]>>>,
) -> Option<usize> {
    let (front, rest) = buf.split_at_mut_checked(state.tag_len().saturating_add(1))?;
    let (head, entries) = rest.split_first_chunk_mut::<HEAD_LEN>()?;
    let mut to = Writer::new(entries);
    let (mut named, mut staying) = (0_u8, 0_u8);
    for leaver in leavers {
        to.u16(leaver.player);
        to.u16(leaver.source);
        to.u32(leaver.end);
        named = named.saturating_add(1);
    }
    for player in stays {
        to.u16(player);
        staying = staying.saturating_add(1);
    }
    let has = |flag, set| if set { flag } else { 0 };
    let states = has(HAVE, flags.have) | has(REPLY, flags.reply) | has(INPUTS, repair.is_some());
    *head = [states, named, staying];
    let mut len = HEAD_LEN.saturating_add(to.finish()?);
    if let Some(repair) = repair {
        let (_, rest) = rest.split_at_mut_checked(len)?;
        len = len.saturating_add(INPUTS_LEN);
        let (about, body) = rest.split_first_chunk_mut::<INPUTS_LEN>()?;
        let (count, body_len) =
            write_inputs(body, limit.saturating_sub(front.len()).saturating_sub(len), repair.inputs)?;
        let [a, b, c, d] = repair.base.to_be_bytes();
        *about = [repair.index, low_u8(count), a, b, c, d];
        len = len.saturating_add(body_len);
    }
    let mut to = Writer::new(front);
    to.u8(WORD);
    state.tag(NO_FRAMES, &[WORD], rest.get(..len)?).write(&mut to);
    Some(front.len().saturating_add(len))
}

/// Writes the inputs that fit `room` bytes, at least one, and returns their number and the bytes that they take.
fn write_inputs<'i>(body: &mut [u8], room: usize, inputs: impl Iterator<Item = &'i [u8]>) -> Option<(u32, usize)> {
    let mut body = BitWriter::new(body);
    let zeros = [0; MAX_INPUT_LEN];
    let mut previous: &[u8] = &zeros;
    let mut count = 0_u32;
    for input in inputs {
        let before = body.checkpoint();
        delta::write(&mut body, previous.get(..input.len()).unwrap_or_default(), input);
        if count > 0 && body.len() > room {
            body.rewind(before);
            break;
        }
        count = count.saturating_add(1);
        previous = input;
    }
    Some((count, body.finish()?))
}

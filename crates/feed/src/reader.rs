//! The reader: chunks in, in any order and multiplicity; rows out, in order.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

use inputwire::{Epoch, Frame};

use crate::chunk::{Chunk, Follows};
use crate::coder::ChunkDecoder;
use crate::error::{InsertError, RecordError};
use crate::header::{Header, MAGIC, Shape};
use crate::row::Row;

/// Bytes that a reader holds at most, unless told otherwise.
const HELD_BYTES: usize = 1 << 24;
/// What a held chunk costs besides its payload.
const CHUNK_COST: usize = 128;

/// Takes the chunks of a feed in any order, any number of times, and gives the rows in order; tells which are missing.
///
/// It holds chunks, not rows: what waits costs as much memory as it took to send. A chunk is decoded when it is inserted,
/// so that a malformed one is refused, and again when its rows are taken.
#[derive(Clone, Debug)]
pub struct FeedReader {
    header: Vec<u8>,
    shape: Shape,
    epoch: u32,
    next: u32,
    held: BTreeMap<Key, Held>,
    held_bytes: usize,
    held_limit: usize,
    ends: BTreeMap<u32, End>,
    /// Decodes the rows that are taken.
    decoder: ChunkDecoder,
    decoding: Option<Key>,
    complete: bool,
}

/// Which chunk. In this order, the chunks that may hold a frame are the first ones of its epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    epoch: u32,
    first: u32,
    rows: u32,
    check: u32,
}

impl Key {
    const fn of(chunk: &Chunk<'_>) -> Self {
        Self { epoch: chunk.epoch, first: chunk.first, rows: chunk.rows, check: chunk.check }
    }

    /// No greater than that of any chunk of this epoch that begins with this frame or a later one.
    const fn lowest(epoch: u32, first: u32) -> Self {
        Self { epoch, first, rows: 0, check: 0 }
    }

    /// The frame after its last row.
    const fn end(&self) -> u32 {
        self.first.saturating_add(self.rows)
    }
}

#[derive(Clone, Debug)]
struct Held {
    payload: Vec<u8>,
}

/// The end of an epoch: the greatest that any chunk tells.
#[derive(Clone, Copy, Debug)]
struct End {
    frame: u32,
    follows: Option<u32>,
}

/// What a record was to a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inserted {
    /// It holds rows, or an end, that the reader did not have.
    New,
    /// Nothing in it is new.
    Known,
}

/// Rows that a reader has not got, although it knows that they exist or may exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The epoch.
    pub epoch: Epoch,
    /// The first missing frame.
    pub first: Frame,
    /// The frame after the last missing one; `None` if it is not known where the epoch ends, but a later one has begun.
    pub end: Option<Frame>,
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "epoch {}, frames {}..", self.epoch, self.first)?;
        self.end.map_or(Ok(()), |end| fmt::Display::fmt(&end, f))
    }
}

impl FeedReader {
    /// Opens the feed with this header.
    ///
    /// # Errors
    ///
    /// As [`RecordError`] says.
    pub fn open(header: &[u8]) -> Result<Self, RecordError> {
        let (parsed, rest) = Header::parse(header)?;
        if !rest.is_empty() {
            return Err(RecordError::TrailingBytes);
        }
        let shape = parsed.shape;
        Ok(Self {
            header: header.to_vec(),
            shape,
            epoch: shape.first_epoch,
            next: shape.first_frame,
            held: BTreeMap::new(),
            held_bytes: 0,
            held_limit: HELD_BYTES,
            ends: BTreeMap::new(),
            decoder: ChunkDecoder::new(shape),
            decoding: None,
            complete: false,
        })
    }

    /// Opens a feed that is stored as one file, and inserts its chunks. Returns why it stopped before the end of the bytes, if it
    /// did: a file whose writer was killed ends within a record.
    ///
    /// # Errors
    ///
    /// As [`RecordError`] says, if there is no header.
    pub fn open_file(file: &[u8]) -> Result<(Self, Result<(), InsertError>), RecordError> {
        let (_, rest) = Header::parse(file)?;
        let count = file.len().saturating_sub(rest.len());
        let mut reader = Self::open(file.get(..count).unwrap_or(file))?;
        reader.held_limit = usize::MAX;
        let outcome = reader.insert_all(rest);
        Ok((reader, outcome))
    }

    /// Holds this many bytes at most, about (default 16 MiB).
    #[must_use]
    pub const fn holding(mut self, bytes: usize) -> Self {
        self.held_limit = bytes;
        self
    }

    /// Continues at a later row: that of a snapshot of the game's state, or the one after rows that are lost. An earlier one
    /// changes nothing.
    pub fn skip_to(&mut self, epoch: Epoch, frame: Frame) {
        let at = (epoch.get(), frame.get().max(self.shape.first_frame));
        if at > (self.epoch, self.next) {
            (self.epoch, self.next) = at;
            self.forget();
        }
    }

    /// Takes one record: a chunk, or the header again.
    ///
    /// # Errors
    ///
    /// As [`InsertError`] says.
    pub fn insert(&mut self, record: &[u8]) -> Result<Inserted, InsertError> {
        match self.parse(record)? {
            (chunk, []) => self.insert_chunk(chunk.as_ref()),
            _ => Err(RecordError::TrailingBytes.into()),
        }
    }

    /// Takes records that follow each other, as in a file.
    ///
    /// # Errors
    ///
    /// As [`InsertError`] says: those before the refused one are taken.
    pub fn insert_all(&mut self, mut records: &[u8]) -> Result<(), InsertError> {
        while !records.is_empty() {
            let (chunk, rest) = self.parse(records)?;
            self.insert_chunk(chunk.as_ref())?;
            records = rest;
        }
        Ok(())
    }

    /// Reads a record; `None` is the header of this feed.
    fn parse<'r>(&self, bytes: &'r [u8]) -> Result<(Option<Chunk<'r>>, &'r [u8]), InsertError> {
        if bytes.first() == MAGIC.first() {
            let (header, rest) = Header::parse(bytes)?;
            return if header.shape == self.shape { Ok((None, rest)) } else { Err(InsertError::OtherFeed) };
        }
        let (chunk, rest) = Chunk::parse_in(&self.shape, bytes)?;
        Ok((Some(chunk), rest))
    }

    fn insert_chunk(&mut self, chunk: Option<&Chunk<'_>>) -> Result<Inserted, InsertError> {
        let Some(chunk) = chunk else { return Ok(Inserted::Known) };
        let key = Key::of(chunk);
        if self.held.contains_key(&key) {
            return Ok(Inserted::Known);
        }
        ChunkDecoder::new(self.shape).validate(chunk)?;
        if chunk.epoch < self.epoch {
            return Ok(Inserted::Known);
        }
        let is_covered = self.compare(chunk)?;
        let is_end = chunk.follows != Follows::Rows;
        if !is_covered || is_end {
            let ends = self.ends.len().saturating_mul(CHUNK_COST);
            let cost = chunk.payload.len().saturating_add(CHUNK_COST);
            if self.held_bytes.saturating_add(ends).saturating_add(cost) > self.held_limit {
                return Err(InsertError::Full);
            }
        }
        if !is_covered {
            self.held_bytes = self.held_bytes.saturating_add(chunk.payload.len()).saturating_add(CHUNK_COST);
            self.held.insert(key, Held { payload: chunk.payload.to_vec() });
        }
        let is_new_end = self.note_end(chunk);
        Ok(if is_covered && !is_new_end { Inserted::Known } else { Inserted::New })
    }

    /// Compares a chunk with the held ones of the same frames, and returns whether all its rows are held or taken already. Each row
    /// is compared once, with the held chunk that reaches furthest: those that overlap were compared with each other before.
    fn compare(&self, chunk: &Chunk<'_>) -> Result<bool, InsertError> {
        let end = chunk.end();
        let earlier = Key::lowest(chunk.epoch, 0)..Key::lowest(chunk.epoch, end);
        let mut covered = if chunk.epoch == self.epoch { chunk.first.max(self.next) } else { chunk.first };
        for (key, _) in self.held.range(earlier.clone()) {
            if key.first <= covered {
                covered = covered.max(key.end());
            }
        }
        let mut one = ChunkDecoder::new(self.shape);
        let mut other = one.clone();
        one.start(chunk.first, chunk.payload);
        let mut held = self.held.range(earlier).peekable();
        let (mut compared, mut furthest) = (chunk.first, None::<(&Key, &Held)>);
        while compared < end {
            while let Some(next) = held.next_if(|(key, _)| key.first <= compared) {
                if furthest.is_none_or(|(key, _)| key.end() < next.0.end()) {
                    furthest = Some(next);
                }
            }
            match furthest.filter(|(key, _)| key.end() > compared) {
                None => compared = held.peek().map_or(end, |(key, _)| key.first),
                Some((key, found)) => {
                    other.start(key.first, &found.payload);
                    let frames = compared..end.min(key.end());
                    compared = frames.end;
                    if let Some(frame) =
                        first_difference(frames, (&mut one, chunk.payload), (&mut other, &found.payload))
                    {
                        return Err(InsertError::Conflict { epoch: chunk.epoch(), frame: Frame::new(frame) });
                    }
                }
            }
        }
        Ok(covered >= end)
    }

    fn note_end(&mut self, chunk: &Chunk<'_>) -> bool {
        let follows = match chunk.follows {
            Follows::Rows => return false,
            Follows::Epoch(next) => Some(next.get()),
            Follows::Nothing => None,
        };
        let new = End { frame: chunk.end(), follows };
        let end = self.ends.entry(chunk.epoch).or_insert(End { frame: 0, follows: None });
        let before = (end.frame, end.follows);
        end.frame = end.frame.max(new.frame);
        // The nearest epoch that any writer began. An epoch after an end contradicts the end.
        end.follows = [end.follows, new.follows].into_iter().flatten().min();
        let changed = before != (end.frame, end.follows);
        self.complete &= !changed;
        changed
    }

    /// Returns the next row, or `None` until more chunks are inserted.
    pub fn next_row(&mut self) -> Option<Row<'_>> {
        while self.chunk_of_next().is_none() {
            let next = self.epoch_after()?;
            (self.epoch, self.next) = (next, self.shape.first_frame);
            self.forget();
        }
        let key = self.chunk_of_next()?;
        let held = self.held.get(&key)?;
        if self.decoding != Some(key) {
            self.decoder.start(key.first, &held.payload);
            self.decoding = Some(key);
        }
        let frame = self.next;
        while self.decoder.next_frame() <= frame {
            self.decoder.step(&held.payload).ok()?;
        }
        self.next = frame.saturating_add(1);
        self.forget();
        Some(Row { epoch: self.epoch, frame, input_len: usize::from(self.shape.input_len), buf: &self.decoder.row })
    }

    /// The chunk to take the next row from: the one that is being decoded, or the one that reaches furthest.
    fn chunk_of_next(&self) -> Option<Key> {
        let reaches = |key: &Key| key.end() > self.next;
        // A chunk is held as long as it has the next row or a later one.
        let decoding = self.decoding.filter(|key| key.epoch == self.epoch && reaches(key));
        decoding.or_else(|| {
            let earlier = Key::lowest(self.epoch, 0)..Key::lowest(self.epoch, self.next.saturating_add(1));
            self.held.range(earlier).map(|(key, _)| *key).filter(reaches).max_by_key(Key::end)
        })
    }

    /// Drops what is below the next row.
    fn forget(&mut self) {
        let (epoch, next) = (self.epoch, self.next);
        while let Some(first) = self.held.first_entry() {
            if (first.key().epoch, first.key().end()) > (epoch, next) {
                break;
            }
            self.held_bytes = self.held_bytes.saturating_sub(first.get().payload.len().saturating_add(CHUNK_COST));
            first.remove();
        }
        while let Some(first) = self.ends.first_entry().filter(|first| *first.key() < epoch) {
            first.remove();
        }
    }

    /// The epoch that follows the present one, if all rows of this one were taken. Notes where the feed ends.
    fn epoch_after(&mut self) -> Option<u32> {
        let end = self.ends.get(&self.epoch).copied()?;
        if self.next < self.epoch_end(self.epoch, end) {
            return None;
        }
        let next = self.known_after(self.epoch, end);
        self.complete = next.is_none();
        next
    }

    /// Where an epoch ends: no earlier than any row of it.
    fn epoch_end(&self, epoch: u32, end: End) -> u32 {
        self.held_of(epoch).map(|key| key.end()).fold(end.frame, u32::max)
    }

    /// The held chunks of an epoch, in order.
    fn held_of(&self, epoch: u32) -> impl Iterator<Item = Key> {
        self.held.range(Key::lowest(epoch, 0)..).map(|(key, _)| *key).take_while(move |key| key.epoch == epoch)
    }

    /// The epoch after an ended one: the nearest that a writer began or that a chunk is of.
    fn known_after(&self, epoch: u32, end: End) -> Option<u32> {
        [end.follows, self.later_epoch(epoch)].into_iter().flatten().min()
    }

    fn later_epoch(&self, epoch: u32) -> Option<u32> {
        let after = epoch.checked_add(1)?;
        let chunk = self.held.range(Key::lowest(after, 0)..).next().map(|(key, _)| key.epoch);
        let end = self.ends.range(after..).next().map(|(epoch, _)| *epoch);
        [chunk, end].into_iter().flatten().min()
    }

    /// Returns the rows from the next one on that the reader has not got, although others show that they exist. At the live edge there
    /// are none: what comes next is not known to exist.
    #[must_use]
    pub fn missing(&self) -> Vec<Gap> {
        let mut gaps = Vec::new();
        let (mut epoch, mut next) = (self.epoch, self.next);
        let gap = |epoch, first, end: Option<u32>| Gap {
            epoch: Epoch::new(epoch),
            first: Frame::new(first),
            end: end.map(Frame::new),
        };
        loop {
            for key in self.held_of(epoch) {
                if key.first > next {
                    gaps.push(gap(epoch, next, Some(key.first)));
                }
                next = next.max(key.end());
            }
            let following = if let Some(end) = self.ends.get(&epoch) {
                if next < end.frame {
                    gaps.push(gap(epoch, next, Some(end.frame)));
                }
                self.known_after(epoch, *end)
            } else {
                let later = self.later_epoch(epoch);
                if later.is_some() {
                    gaps.push(gap(epoch, next, None));
                }
                later
            };
            let Some(following) = following else { return gaps };
            (epoch, next) = (following, self.shape.first_frame);
        }
    }

    /// The epoch and the frame of the next row.
    #[must_use]
    pub const fn position(&self) -> (Epoch, Frame) {
        (Epoch::new(self.epoch), Frame::new(self.next))
    }

    /// Whether every row up to the end of the feed was taken. Asked after [`next_row`](Self::next_row) returned `None`.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.complete
    }

    /// The header, as it was when the reader was opened.
    #[must_use]
    pub fn header_bytes(&self) -> &[u8] {
        &self.header
    }

    pub(crate) const fn shape(&self) -> &Shape {
        &self.shape
    }
}

/// The first of some frames whose rows differ in two chunks, each with its decoder and payload. A checksum that only one of them has
/// is no difference.
fn first_difference(
    mut frames: Range<u32>,
    (one, one_payload): (&mut ChunkDecoder, &[u8]),
    (other, other_payload): (&mut ChunkDecoder, &[u8]),
) -> Option<u32> {
    while one.next_frame() < frames.start && one.step(one_payload).is_ok() {}
    while other.next_frame() < frames.start && other.step(other_payload).is_ok() {}
    frames.find(|_| {
        let (Ok(one), Ok(other)) = (one.step(one_payload), other.step(other_payload)) else { return true };
        let hashes = one.checksum.zip(other.checksum);
        (one.present, &one.inputs) != (other.present, &other.inputs) || hashes.is_some_and(|(one, other)| one != other)
    })
}

//! The writer: confirmed rows in, chunks out.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use inputwire::{Epoch, Frame};

use crate::chunk::Follows;
use crate::coder::ChunkEncoder;
use crate::error::{SettingsError, WriteError};
use crate::header::Shape;
use crate::model::RowBuf;
use crate::settings::Settings;

/// Rows wait for a checksum for this many chunks at most.
const WAITING_CHUNKS: u32 = 8;
/// A checksum is taken this many frames before its row at most.
const EARLY: u32 = 65_536;

/// Takes the confirmed inputs of all players, frame by frame, and gives chunks. Equal inputs give equal chunks at every writer.
///
/// ```
/// use inputwire_feed::{FeedReader, FeedWriter, Settings};
///
/// let mut writer = FeedWriter::new(Settings::new(7, [0, 1], 1).chunk_rows(2))?;
/// let mut reader = FeedReader::open(writer.header())?;
/// for input in 0..4 {
///     writer.push_row(writer.next_frame(), &[Some(&[input]), None])?;
///     while let Some(chunk) = writer.poll_chunk() {
///         reader.insert(&chunk)?; // over any transport, in any order, any number of times
///     }
/// }
/// while let Some(row) = reader.next_row() {
///     println!("frame {}: {:?}", row.frame(), row.input(0));
/// }
/// assert_eq!(reader.position().1, writer.next_frame());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct FeedWriter {
    header: Vec<u8>,
    players: Vec<u16>,
    shape: Shape,
    encoder: ChunkEncoder,
    /// Rows that are in no chunk yet; the first is the encoder's next.
    pending: VecDeque<RowBuf>,
    /// Checksums of frames that are in no chunk yet.
    checksums: BTreeMap<u32, u64>,
    /// Chunks of an epoch that has ended, or of the finished feed.
    closed: VecDeque<Vec<u8>>,
    finished: bool,
}

impl FeedWriter {
    /// Creates the writer of a feed.
    ///
    /// # Errors
    ///
    /// As [`SettingsError`] says.
    pub fn new(settings: impl Into<Settings>) -> Result<Self, SettingsError> {
        let settings = settings.into();
        let (header, shape) = settings.encode()?;
        Ok(Self {
            header,
            players: settings.players,
            encoder: ChunkEncoder::new(shape, shape.first_epoch, shape.first_frame),
            shape,
            pending: VecDeque::new(),
            checksums: BTreeMap::new(),
            closed: VecDeque::new(),
            finished: false,
        })
    }

    /// Begins with a later row: that of the frame from which the local player joined. A frame before the first one of the
    /// feed is ignored.
    #[must_use]
    pub fn starting_at(mut self, epoch: Epoch, frame: Frame) -> Self {
        let (epoch, frame) = (epoch.get().max(self.shape.first_epoch), frame.get().max(self.shape.first_frame));
        if self.pending.is_empty() {
            self.encoder = ChunkEncoder::new(self.shape, epoch, frame);
        }
        self
    }

    /// Writes the row of a frame: the input of each player, in the order of the settings, or `None` for one who has not joined
    /// or has departed.
    ///
    /// # Errors
    ///
    /// As [`WriteError`] says.
    pub fn push_row(&mut self, frame: Frame, inputs: &[Option<&[u8]>]) -> Result<(), WriteError> {
        let next = self.next_frame();
        if self.finished {
            return Err(WriteError::Finished);
        }
        if next.get() == u32::MAX {
            return Err(WriteError::NoMoreFrames);
        }
        if frame != next {
            return Err(WriteError::NotNext { next });
        }
        let mut row = self.shape.empty_row();
        let (seats, input_len) = (usize::from(self.shape.seats), usize::from(self.shape.input_len));
        if inputs.len() != seats {
            return Err(WriteError::Seats { needed: seats });
        }
        for ((seat, input), place) in (0_u32..).zip(inputs).zip(row.inputs.chunks_exact_mut(input_len.max(1))) {
            let Some(input) = input else { continue };
            if input.len() != place.len() {
                return Err(WriteError::InputLen { needed: input_len });
            }
            place.copy_from_slice(input);
            row.present |= 1_u64.checked_shl(seat).unwrap_or(0);
        }
        let most = u32::from(self.shape.chunk_rows).saturating_mul(WAITING_CHUNKS);
        if self.waiting() >= most
            && let Some(frame) = self.missing_checksum(self.chunk_end())
        {
            return Err(WriteError::ChecksumMissing { frame: Frame::new(frame) });
        }
        self.pending.push_back(row);
        Ok(())
    }

    /// Writes the hash of the game's state after a frame that is [due](Self::due_checksum). The one of any other frame is refused.
    ///
    /// # Errors
    ///
    /// As [`WriteError`] says.
    pub fn push_checksum(&mut self, frame: Frame, hash: u64) -> Result<(), WriteError> {
        let (frame, first) = (frame.get(), self.encoder.end());
        if self.finished {
            return Err(WriteError::Finished);
        }
        let early = self.next_frame().get().saturating_add(EARLY);
        if !self.shape.is_due(frame) || !(first..early).contains(&frame) {
            return Err(WriteError::NotDue { next: self.due_checksum() });
        }
        match self.checksums.get(&frame).copied() {
            Some(written) if written != hash => Err(WriteError::ChecksumDiffers { written }),
            _ => {
                self.checksums.insert(frame, hash);
                Ok(())
            }
        }
    }

    /// Returns the first frame whose checksum is expected and was not written.
    #[must_use]
    pub fn due_checksum(&self) -> Option<Frame> {
        self.missing_checksum(u32::MAX).map(Frame::new)
    }

    /// Begins an epoch. The rows so far become chunks, whose missing checksums are left out.
    ///
    /// # Errors
    ///
    /// [`EpochNotNewer`](WriteError::EpochNotNewer), [`Finished`](WriteError::Finished).
    pub fn begin_epoch(&mut self, epoch: Epoch) -> Result<(), WriteError> {
        if self.finished {
            return Err(WriteError::Finished);
        }
        if epoch.get() <= self.encoder.epoch() {
            return Err(WriteError::EpochNotNewer);
        }
        self.close();
        let last = self.encoder.begin_epoch(epoch);
        self.closed.push_back(last);
        self.checksums.clear();
        Ok(())
    }

    /// Ends the feed. The rows so far become chunks, whose missing checksums are left out.
    pub fn finish(&mut self) {
        if !self.finished {
            self.finished = true;
            self.close();
            let last = self.encoder.finish(Follows::Nothing);
            self.closed.push_back(last);
        }
    }

    /// Returns the next chunk, or `None` until more rows or checksums are written.
    pub fn poll_chunk(&mut self) -> Option<Vec<u8>> {
        if let Some(chunk) = self.closed.pop_front() {
            return Some(chunk);
        }
        let end = self.chunk_end();
        let complete = self.encoder.end() < end && self.next_frame().get() >= end;
        if self.finished || !complete || self.missing_checksum(end).is_some() {
            return None;
        }
        self.encode_until(end);
        Some(self.encoder.finish(Follows::Rows))
    }

    /// Returns a chunk of the rows that are in none yet, up to the first whose checksum is missing; `None` if there are none, or
    /// while [`poll_chunk`](Self::poll_chunk) has a chunk. These rows will be in a whole chunk too: this one is for a watcher who
    /// shall see them now, or for a publisher that leaves.
    #[must_use]
    pub fn partial_chunk(&self) -> Option<Vec<u8>> {
        let end = self.chunk_end().min(self.next_frame().get());
        let end = self.missing_checksum(end).unwrap_or(end);
        if !self.closed.is_empty() || end <= self.encoder.end() || end == self.chunk_end() {
            return None;
        }
        let mut copy = self.clone();
        copy.encode_until(end);
        Some(copy.encoder.finish(Follows::Rows))
    }

    /// The header, with which every feed begins.
    #[must_use]
    pub fn header(&self) -> &[u8] {
        &self.header
    }

    /// The numbers of the players, in the order of the inputs in a row.
    pub(crate) fn players(&self) -> &[u16] {
        &self.players
    }

    /// The present epoch.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        Epoch::new(self.encoder.epoch())
    }

    /// The frame of the next row.
    #[must_use]
    pub fn next_frame(&self) -> Frame {
        Frame::new(self.encoder.end().saturating_add(self.waiting()))
    }

    fn waiting(&self) -> u32 {
        u32::try_from(self.pending.len()).unwrap_or(u32::MAX)
    }

    /// Where the chunk ends that is next: chunks of all writers end at the same frames.
    fn chunk_end(&self) -> u32 {
        let rows = u32::from(self.shape.chunk_rows);
        let used = self.encoder.end().saturating_sub(self.shape.first_frame).checked_rem(rows).unwrap_or(0);
        self.encoder.end().saturating_add(rows.saturating_sub(used))
    }

    /// The first frame before `end`, and in no chunk yet, whose checksum is due and missing.
    fn missing_checksum(&self, end: u32) -> Option<u32> {
        let mut due = self.shape.next_due(self.encoder.end());
        while let Some(frame) = due.filter(|frame| *frame < end) {
            if !self.checksums.contains_key(&frame) {
                return Some(frame);
            }
            due = self.shape.next_due(frame.saturating_add(1));
        }
        None
    }

    fn encode_until(&mut self, end: u32) {
        while self.encoder.end() < end {
            let Some(mut row) = self.pending.pop_front() else { return };
            row.checksum = self.checksums.remove(&self.encoder.end());
            self.encoder.push(&mut row);
        }
    }

    /// Makes chunks of all rows, except for the last chunk, which is to be finished: it has fewer rows than the others, perhaps
    /// none, so that it is the same whether or not the one before was polled already.
    fn close(&mut self) {
        while self.encoder.end() < self.chunk_end() && self.next_frame().get() >= self.chunk_end() {
            self.encode_until(self.chunk_end());
            let chunk = self.encoder.finish(Follows::Rows);
            self.closed.push_back(chunk);
        }
        self.encode_until(u32::MAX);
    }
}

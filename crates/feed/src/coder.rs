//! Rows to the bytes of a chunk, and back.

use alloc::vec;
use alloc::vec::Vec;

use inputwire::Epoch;

use crate::bytes::put;
use crate::check;
use crate::chunk::{Chunk, Follows};
use crate::error::RecordError;
use crate::header::Shape;
use crate::model::{Model, RowBuf};
use crate::range::{Encoder, Position};

impl Shape {
    fn model(&self) -> Model {
        Model::new(usize::from(self.seats), usize::from(self.input_len))
    }

    pub(crate) fn empty_row(&self) -> RowBuf {
        let len = usize::from(self.seats).saturating_mul(usize::from(self.input_len));
        RowBuf { present: 0, inputs: vec![0; len], checksum: None }
    }
}

/// Writes chunks, one after the other.
#[derive(Clone, Debug)]
pub(crate) struct ChunkEncoder {
    shape: Shape,
    model: Model,
    bits: Encoder,
    epoch: u32,
    first: u32,
    rows: u32,
}

impl ChunkEncoder {
    pub(crate) fn new(shape: Shape, epoch: u32, first: u32) -> Self {
        Self { shape, model: shape.model(), bits: Encoder::new(), epoch, first, rows: 0 }
    }

    pub(crate) const fn epoch(&self) -> u32 {
        self.epoch
    }

    pub(crate) const fn rows(&self) -> u32 {
        self.rows
    }

    pub(crate) const fn end(&self) -> u32 {
        self.first.saturating_add(self.rows)
    }

    pub(crate) fn push(&mut self, row: &mut RowBuf) {
        let due = self.shape.is_due(self.end());
        // The only error is one of decoding.
        let _ = self.model.row(&mut self.bits, due, row);
        self.rows = self.rows.saturating_add(1);
    }

    /// Returns the record, and begins the next chunk where this one ends.
    pub(crate) fn finish(&mut self, follows: Follows) -> Vec<u8> {
        let payload = core::mem::replace(&mut self.bits, Encoder::new());
        let payload = if self.rows == 0 { Vec::new() } else { payload.finish() };
        let mut out = Vec::with_capacity(payload.len().saturating_add(24));
        out.push(match follows {
            Follows::Rows => 1,
            Follows::Epoch(_) => 2,
            Follows::Nothing => 3,
        });
        for number in [self.epoch, self.first, self.rows] {
            put(&mut out, number);
        }
        if let Follows::Epoch(next) = follows {
            put(&mut out, next.get().saturating_sub(self.epoch));
        }
        put(&mut out, u32::try_from(payload.len()).unwrap_or(u32::MAX));
        out.extend_from_slice(&payload);
        let check = check::after(self.shape.check, &out);
        out.extend_from_slice(&check.to_be_bytes());
        self.restart(self.epoch, self.end());
        out
    }

    /// Ends an epoch, and begins the next one.
    pub(crate) fn begin_epoch(&mut self, epoch: Epoch) -> Vec<u8> {
        let record = self.finish(Follows::Epoch(epoch));
        self.restart(epoch.get(), self.shape.first_frame);
        record
    }

    fn restart(&mut self, epoch: u32, first: u32) {
        if self.rows > 0 {
            self.model.reset();
        }
        (self.epoch, self.first, self.rows) = (epoch, first, 0);
    }
}

/// Reads the rows of a chunk, whose payload is lent to it.
#[derive(Clone, Debug)]
pub(crate) struct ChunkDecoder {
    shape: Shape,
    model: Model,
    position: Position,
    /// The frame of the next row.
    next: u32,
    pub(crate) row: RowBuf,
}

impl ChunkDecoder {
    pub(crate) fn new(shape: Shape) -> Self {
        Self { shape, model: shape.model(), position: Position::new(&[]), next: 0, row: shape.empty_row() }
    }

    pub(crate) const fn next_frame(&self) -> u32 {
        self.next
    }

    pub(crate) fn start(&mut self, first: u32, payload: &[u8]) {
        self.model.reset();
        self.position = Position::new(payload);
        self.next = first;
    }

    /// Decodes the next row. The caller counts the rows of the chunk.
    pub(crate) fn step(&mut self, payload: &[u8]) -> Result<&RowBuf, RecordError> {
        let due = self.shape.is_due(self.next);
        let mut bits = self.position.read(payload);
        self.model.row(&mut bits, due, &mut self.row).map_err(|_| RecordError::Malformed)?;
        self.next = self.next.saturating_add(1);
        Ok(&self.row)
    }

    /// Decodes a whole chunk, to see that it is what an encoder writes.
    pub(crate) fn validate(&mut self, chunk: &Chunk<'_>) -> Result<(), RecordError> {
        if chunk.rows == 0 {
            return Ok(());
        }
        self.start(chunk.first, chunk.payload);
        for _ in 0..chunk.rows {
            self.step(chunk.payload)?;
        }
        if self.position.ends_well(chunk.payload) { Ok(()) } else { Err(RecordError::Malformed) }
    }
}

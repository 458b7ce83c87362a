//! Writes calls and their outcomes, without a session.

use std::fmt;
use std::io::{self, Write};

use crate::block::{MAGIC, enclose, start};
use crate::bytes::put_bytes;
use crate::call::Call;
use crate::outcome::Outcome;
use crate::setup::Setup;

/// A block is written when it has this many bytes, ...
const FULL: usize = 4_096;
/// ... or is this old: the most that is lost if the process is killed.
const OLD_US: u64 = 1_000_000;

/// A recording that is being written. A [`Recorder`](crate::Recorder) writes one for its session; a program that calls its
/// session itself can write the calls and their outcomes to a tape of its own.
///
/// No call fails while a game runs: the first error of the writer ends the recording, and [`finish`](Self::finish) returns
/// it.
pub struct Tape<W: Write> {
    /// `None` after the end, or after an error.
    writer: Option<W>,
    error: Option<io::Error>,
    chain: u32,
    /// The records of the next block, and a buffer for one record.
    block: Vec<u8>,
    record: Vec<u8>,
    /// The time of the last call that had one, and the time at which the block was begun.
    now: u64,
    since: u64,
}

impl<W: Write> Tape<W> {
    /// Starts a recording.
    pub fn new(setup: &Setup<'_>, writer: W) -> Self {
        let mut tape = Self {
            writer: Some(writer),
            error: None,
            chain: start(),
            block: Vec::new(),
            record: Vec::new(),
            now: 0,
            since: 0,
        };
        setup.put(&mut tape.record);
        tape.append();
        let (block, chain) = enclose(tape.chain, &tape.block);
        tape.block.clear();
        tape.chain = chain;
        tape.emit(&[MAGIC.as_slice(), &block].concat());
        tape
    }

    /// Writes a call and its outcome.
    pub fn write(&mut self, call: &Call<'_>, outcome: &Outcome<'_>) {
        if self.writer.is_none() {
            return;
        }
        call.put(&mut self.record, self.now);
        if let Some(now) = call.now() {
            self.now = now.as_micros();
        }
        outcome.put(&mut self.record, self.now);
        self.append();
        if self.block.len() >= FULL || self.now.abs_diff(self.since) >= OLD_US {
            self.flush();
        }
    }

    /// Writes a note of the application, such as what a player saw. At most 4 KiB of it are kept.
    pub fn note(&mut self, text: &str) {
        let mut end = text.len().min(FULL);
        while !text.is_char_boundary(end) {
            end = end.saturating_sub(1);
        }
        self.write(&Call::Note(text.get(..end).unwrap_or_default()), &Outcome::Nothing);
    }

    /// Ends the recording, and returns the writer.
    ///
    /// # Errors
    ///
    /// The first error of the writer.
    pub fn finish(mut self) -> io::Result<W> {
        self.write(&Call::End, &Outcome::Nothing);
        self.flush();
        match (self.error.take(), self.writer.take()) {
            (None, Some(writer)) => Ok(writer),
            (error, _) => Err(error.unwrap_or_else(|| io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn append(&mut self) {
        put_bytes(&mut self.block, &self.record);
        self.record.clear();
    }

    fn flush(&mut self) {
        if !self.block.is_empty() {
            let (bytes, chain) = enclose(self.chain, &self.block);
            self.block.clear();
            self.chain = chain;
            self.emit(&bytes);
        }
        self.since = self.now;
    }

    fn emit(&mut self, bytes: &[u8]) {
        if let Some(writer) = &mut self.writer
            && let Err(error) = writer.write_all(bytes).and_then(|()| writer.flush())
        {
            self.error = Some(error);
            self.writer = None;
        }
    }
}

/// Writes the last block, but not the end, which only [`finish`](Tape::finish) writes: a game that crashed has none.
impl<W: Write> Drop for Tape<W> {
    fn drop(&mut self) {
        self.flush();
    }
}

impl<W: Write> fmt::Debug for Tape<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tape").field("error", &self.error).field("now", &self.now).finish_non_exhaustive()
    }
}

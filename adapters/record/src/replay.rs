//! Plays a recording on a new session, and compares.

use inputwire::{Epoch, Frame, Instant, PeerId, PeerStats};

use crate::block::Blocks;
use crate::bytes::Reader;
use crate::call::Call;
use crate::error::{FileError, Stop};
use crate::machine::{Machine, build};
use crate::outcome::Outcome;
use crate::setup::Setup;

/// A recording that is being played.
#[derive(Debug)]
pub struct Replay<'a> {
    setup: Setup<'a>,
    machine: Box<dyn Machine>,
    blocks: Blocks<'a>,
    /// What is left of the present block.
    records: Reader<'a>,
    number: u64,
    now: u64,
    ended: bool,
}

/// A call that was played, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Step<'a> {
    /// Records before it; 0 is the setup.
    pub number: u64,
    /// The time of the last call that was given one.
    pub now: Instant,
    /// The call.
    pub call: Call<'a>,
    /// What came of it.
    pub outcome: Outcome<'a>,
}

impl<'a> Replay<'a> {
    /// Reads how the session was set up, and sets up another one. A session that had a key needs the same one.
    ///
    /// # Errors
    ///
    /// Says what is wrong with the file.
    pub fn open(file: &'a [u8], key: Option<[u8; 16]>) -> Result<Self, FileError> {
        let mut blocks = Blocks::open(file)?;
        let malformed = FileError::Malformed { number: 0 };
        let first = blocks.next()?.ok_or(FileError::CutOff { at: blocks.place() })?;
        let mut records = Reader::new(first);
        let setup = Setup::read(Reader::new(records.bytes().ok_or(malformed)?), key)?;
        let Setup { config, peers, input, window, .. } = setup;
        let machine = build(config, peers, input, window).ok_or(FileError::Sizes { peers, input, window })?;
        Ok(Self { setup, machine, blocks, records, number: 0, now: 0, ended: false })
    }

    /// Plays the next call. `None` at the end of the file.
    ///
    /// # Errors
    ///
    /// Says what is wrong with the file, or how the first call that differs does.
    pub fn step(&mut self) -> Result<Option<Step<'a>>, Stop> {
        let Some((number, call, recorded)) = self.read()? else { return Ok(None) };
        let replayed = self.machine.call(&call).ok_or(FileError::Malformed { number })?;
        if recorded != replayed {
            return Err(Stop::Differs {
                number,
                micros: self.now,
                call: format!("{call:?}"),
                recorded: format!("{recorded:?}"),
                replayed: format!("{replayed:?}"),
            });
        }
        Ok(Some(self.pass(number, call, recorded)))
    }

    /// Plays the next call, whatever came of it when it was recorded, and gives what comes of it now. Written to a new
    /// [`Tape`](crate::Tape), that is the recording as it would be today.
    ///
    /// # Errors
    ///
    /// Says what is wrong with the file.
    pub fn step_anew(&mut self) -> Result<Option<Step<'a>>, FileError> {
        let Some((number, call, _)) = self.read()? else { return Ok(None) };
        let outcome = self.machine.call(&call).ok_or(FileError::Malformed { number })?;
        Ok(Some(self.pass(number, call, outcome)))
    }

    /// The next record: its number, the call, and what came of it.
    fn read(&mut self) -> Result<Option<(u64, Call<'a>, Outcome<'a>)>, FileError> {
        if self.records.is_empty() {
            let Some(records) = self.blocks.next()? else { return Ok(None) };
            self.records = Reader::new(records);
        }
        let number = self.number.saturating_add(1);
        let malformed = FileError::Malformed { number };
        // Nothing comes after the end.
        let record = self.records.bytes().filter(|_| !self.ended).ok_or(malformed)?;
        let mut record = Reader::new(record);
        let call = Call::read(&mut record, self.now).ok_or(malformed)?;
        if let Some(now) = call.now() {
            self.now = now.as_micros();
        }
        let outcome = Outcome::read(&mut record, self.now).filter(|_| record.is_empty()).ok_or(malformed)?;
        Ok(Some((number, call, outcome)))
    }

    fn pass(&mut self, number: u64, call: Call<'a>, outcome: Outcome<'a>) -> Step<'a> {
        self.ended = call == Call::End;
        self.number = number;
        Step { number, now: Instant::from_micros(self.now), call, outcome }
    }

    /// The number of the last record that was equal; 0 is the setup.
    #[must_use]
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// How the session was set up.
    #[must_use]
    pub const fn setup(&self) -> &Setup<'a> {
        &self.setup
    }

    /// Whether the recording was ended by its writer, as far as it was played.
    #[must_use]
    pub const fn has_ended(&self) -> bool {
        self.ended
    }

    /// The session's peers.
    #[must_use]
    pub fn peers(&self) -> Vec<PeerId> {
        self.machine.peers()
    }

    /// What the session knows of a peer.
    #[must_use]
    pub fn stats(&self, peer: PeerId) -> Option<PeerStats> {
        self.machine.stats(peer)
    }

    /// The session's epoch.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.machine.epoch()
    }

    /// The frame that the session's next push gets.
    #[must_use]
    pub fn next_frame(&self) -> Frame {
        self.machine.next_frame()
    }
}

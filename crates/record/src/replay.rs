//! Replays a recording on a new session, and compares the outcomes.

use inputwire::{Epoch, Frame, Instant, PeerId, PeerStats};

use crate::block::Blocks;
use crate::bytes::Reader;
use crate::call::Call;
use crate::error::{FileError, Stop};
use crate::keys::Keys;
use crate::machine::{Machine, build};
use crate::outcome::Outcome;
use crate::setup::Setup;

/// A recording that is being replayed.
#[derive(Debug)]
pub struct Replay<'a> {
    setup: Setup<'a>,
    keys: Keys,
    machine: Box<dyn Machine>,
    blocks: Blocks<'a>,
    /// The rest of the current block.
    records: Reader<'a>,
    number: u64,
    now: u64,
    ended: bool,
}

/// A call that was replayed, and its outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Step<'a> {
    /// The number of its record; 0 is the setup.
    pub number: u64,
    /// The time of the last call that had one.
    pub now: Instant,
    /// The call.
    pub call: Call<'a>,
    /// Its outcome.
    pub outcome: Outcome<'a>,
}

impl<'a> Replay<'a> {
    /// Reads the setup of a recording, and makes a session from it. If the recorded session had a key, the same one is
    /// needed: `keys` are [`Keys`], or that one alone as an `Option`.
    ///
    /// # Errors
    ///
    /// If the file cannot be replayed. That the key of a pair is missing shows at the [`step`](Self::step) that adds the peer.
    pub fn open(file: &'a [u8], keys: impl Into<Keys>) -> Result<Self, FileError> {
        let keys = keys.into();
        let mut blocks = Blocks::open(file)?;
        let malformed = FileError::Malformed { number: 0 };
        let first = blocks.next()?.ok_or(FileError::CutOff { at: blocks.position() })?;
        let mut records = Reader::new(first);
        let setup = Setup::read(Reader::new(records.bytes().ok_or(malformed)?), keys.of_session())?;
        let Setup { config, peers, input, window, .. } = setup;
        let machine = build(config, peers, input, window).ok_or(FileError::Sizes { peers, input, window })?;
        Ok(Self { setup, keys, machine, blocks, records, number: 0, now: 0, ended: false })
    }

    /// Replays the next call. Returns `None` at the end of the file.
    ///
    /// # Errors
    ///
    /// If the outcome differs from the recorded one, or the file cannot be replayed any further.
    pub fn step(&mut self) -> Result<Option<Step<'a>>, Stop> {
        let Some((number, call, recorded)) = self.read()? else { return Ok(None) };
        let replayed = self.call(number, &call)?;
        if recorded != replayed {
            return Err(Stop::Differs {
                number,
                micros: self.now,
                call: format!("{call:?}"),
                recorded: format!("{recorded:?}"),
                replayed: format!("{replayed:?}"),
            });
        }
        Ok(Some(self.advance(number, call, recorded)))
    }

    /// Replays the next call, and returns its outcome now, whatever the recorded one is. Written to a new
    /// [`Tape`](crate::Tape), the steps make up the recording as it would be today.
    ///
    /// # Errors
    ///
    /// If the file cannot be replayed any further.
    pub fn step_anew(&mut self) -> Result<Option<Step<'a>>, FileError> {
        let Some((number, call, _)) = self.read()? else { return Ok(None) };
        let outcome = self.call(number, &call)?;
        Ok(Some(self.advance(number, call, outcome)))
    }

    /// Makes a call, with the key of its pair where it adds a peer that had one.
    fn call(&mut self, number: u64, call: &Call<'a>) -> Result<Outcome<'static>, FileError> {
        let key = match *call {
            Call::AddPeer { player, keyed: true, .. } => {
                Some(self.keys.of_peer(player).ok_or(FileError::PeerKeyMissing { player })?)
            }
            _ => None,
        };
        self.machine.call(call, key).ok_or(FileError::Malformed { number })
    }

    /// Reads the next record: its number, the call, and the outcome.
    fn read(&mut self) -> Result<Option<(u64, Call<'a>, Outcome<'a>)>, FileError> {
        if self.records.is_empty() {
            let Some(records) = self.blocks.next()? else { return Ok(None) };
            self.records = Reader::new(records);
        }
        let number = self.number.saturating_add(1);
        let malformed = FileError::Malformed { number };
        // No record may follow the end.
        let record = self.records.bytes().filter(|_| !self.ended).ok_or(malformed)?;
        let mut record = Reader::new(record);
        let call = Call::read(&mut record, self.now).ok_or(malformed)?;
        if let Some(now) = call.now() {
            self.now = now.as_micros();
        }
        let outcome = Outcome::read(&mut record, self.now).filter(|_| record.is_empty()).ok_or(malformed)?;
        Ok(Some((number, call, outcome)))
    }

    fn advance(&mut self, number: u64, call: Call<'a>, outcome: Outcome<'a>) -> Step<'a> {
        self.ended = call == Call::End;
        self.number = number;
        Step { number, now: Instant::from_micros(self.now), call, outcome }
    }

    /// Returns the number of the last record that was replayed; 0 is the setup.
    #[must_use]
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// Returns the setup of the session.
    #[must_use]
    pub const fn setup(&self) -> &Setup<'a> {
        &self.setup
    }

    /// Returns whether the end of the recording was reached. A recording whose writer was killed has none.
    #[must_use]
    pub const fn has_ended(&self) -> bool {
        self.ended
    }

    /// Returns the session's peers.
    #[must_use]
    pub fn peers(&self) -> Vec<PeerId> {
        self.machine.peers()
    }

    /// Returns the statistics of a peer.
    #[must_use]
    pub fn stats(&self, peer: PeerId) -> Option<PeerStats> {
        self.machine.stats(peer)
    }

    /// Returns the session's epoch.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.machine.epoch()
    }

    /// Returns the frame of the session's next push.
    #[must_use]
    pub fn next_frame(&self) -> Frame {
        self.machine.next_frame()
    }
}

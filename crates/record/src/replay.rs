//! Replays a recording on a new session, and compares the outcomes.

use inputwire::{Epoch, Frame, Instant, PeerId, PeerStats};

use crate::call::Call;
use crate::error::{FileError, Stop};
use crate::keys::Keys;
use crate::machine::{Machine, build};
use crate::outcome::Outcome;
use crate::records::Records;
use crate::setup::Setup;

/// A recording that is being replayed.
#[derive(Debug)]
pub struct Replay<'a> {
    records: Records<'a>,
    keys: Keys,
    machine: Box<dyn Machine>,
    /// The number of the last record that was replayed.
    number: u64,
}

/// A call of a recording, and its outcome.
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
        let records = Records::open_with(file, |record| Setup::read_with(record, keys.of_session()))?;
        let Setup { config, peers, input, window, .. } = *records.setup();
        let machine = build(config, peers, input, window).ok_or(FileError::Sizes { peers, input, window })?;
        Ok(Self { records, keys, machine, number: 0 })
    }

    /// Replays the next call. Returns `None` at the end of the file.
    ///
    /// # Errors
    ///
    /// If the outcome differs from the recorded one, or the file cannot be replayed any further.
    pub fn step(&mut self) -> Result<Option<Step<'a>>, Stop> {
        let Some(step) = self.records.step()? else { return Ok(None) };
        let replayed = self.call(step.number, &step.call)?;
        if step.outcome != replayed {
            return Err(Stop::Differs {
                number: step.number,
                micros: step.now.as_micros(),
                call: format!("{:?}", step.call),
                recorded: format!("{:?}", step.outcome),
                replayed: format!("{replayed:?}"),
            });
        }
        self.number = step.number;
        Ok(Some(step))
    }

    /// Replays the next call, and returns its outcome now, whatever the recorded one is. Written to a new
    /// [`Tape`](crate::Tape), the steps make up the recording as it would be today.
    ///
    /// # Errors
    ///
    /// If the file cannot be replayed any further.
    pub fn step_anew(&mut self) -> Result<Option<Step<'a>>, FileError> {
        let Some(step) = self.records.step()? else { return Ok(None) };
        let outcome = self.call(step.number, &step.call)?;
        self.number = step.number;
        Ok(Some(Step { outcome, ..step }))
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

    /// Returns the number of the last record that was replayed; 0 is the setup.
    #[must_use]
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// Returns the setup of the session.
    #[must_use]
    pub const fn setup(&self) -> &Setup<'a> {
        self.records.setup()
    }

    /// Returns whether the end of the recording was reached. A recording whose writer was killed has none.
    #[must_use]
    pub const fn has_ended(&self) -> bool {
        self.records.has_ended()
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

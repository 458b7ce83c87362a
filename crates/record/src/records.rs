//! The records of a recording, without a session that makes the calls again.

use inputwire::Instant;

use crate::block::Blocks;
use crate::bytes::Reader;
use crate::call::Call;
use crate::error::FileError;
use crate::outcome::Outcome;
use crate::replay::Step;
use crate::setup::Setup;

/// The calls of a recording and their outcomes, as they were written: needs no key, and compares nothing.
///
/// ```
/// use inputwire::{Config, Endpoint, Instant, PeerConfig};
/// use inputwire_record::{Call, Recorder, Records};
///
/// let config = Config::builder().incarnation(0x5eed_0000_0001).local_player(0).key([7; 16]).build()?;
/// let mut session: Recorder<Vec<u8>, 1, 1> = Recorder::new(config, Vec::new());
/// session.add_peer(Instant::ORIGIN, PeerConfig::compact(1))?;
/// session.push_input(Instant::from_micros(5), [42])?;
/// let recording = session.finish()?;
///
/// let mut records = Records::open(&recording)?;
/// let mut pushed = 0;
/// while let Some(step) = records.step()? {
///     pushed += usize::from(matches!(step.call, Call::PushInput { .. }));
/// }
/// assert!(pushed == 1 && records.has_ended());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Records<'a> {
    setup: Setup<'a>,
    blocks: Blocks<'a>,
    /// The rest of the current block.
    rest: Reader<'a>,
    number: u64,
    now: u64,
    ended: bool,
}

impl<'a> Records<'a> {
    /// Reads the setup of a recording. If the session had a key, that of [`Setup::config`] is zeros instead.
    ///
    /// # Errors
    ///
    /// If the file is no recording, or its setup cannot be read.
    pub fn open(file: &'a [u8]) -> Result<Self, FileError> {
        Self::open_with(file, Setup::read)
    }

    /// Reads the setup with a function.
    pub(crate) fn open_with(
        file: &'a [u8],
        read: impl FnOnce(Reader<'a>) -> Result<Setup<'a>, FileError>,
    ) -> Result<Self, FileError> {
        let mut blocks = Blocks::open(file)?;
        let malformed = FileError::Malformed { number: 0 };
        let first = blocks.next()?.ok_or(FileError::CutOff { at: blocks.position() })?;
        let mut rest = Reader::new(first);
        let setup = read(Reader::new(rest.bytes().ok_or(malformed)?))?;
        Ok(Self { setup, blocks, rest, number: 0, now: 0, ended: false })
    }

    /// Reads the next call and its recorded outcome. Returns `None` at the end of the file.
    ///
    /// # Errors
    ///
    /// If the file cannot be read any further.
    pub fn step(&mut self) -> Result<Option<Step<'a>>, FileError> {
        if self.rest.is_empty() {
            let Some(records) = self.blocks.next()? else { return Ok(None) };
            self.rest = Reader::new(records);
        }
        let number = self.number.saturating_add(1);
        let malformed = FileError::Malformed { number };
        // No record may follow the end.
        let record = self.rest.bytes().filter(|_| !self.ended).ok_or(malformed)?;
        let mut record = Reader::new(record);
        let call = Call::read(&mut record, self.now).ok_or(malformed)?;
        if let Some(now) = call.now() {
            self.now = now.as_micros();
        }
        let outcome = Outcome::read(&mut record, self.now).filter(|_| record.is_empty()).ok_or(malformed)?;
        self.number = number;
        self.ended = call == Call::End;
        Ok(Some(Step { number, now: Instant::from_micros(self.now), call, outcome }))
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
}

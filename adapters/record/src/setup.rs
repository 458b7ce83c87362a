//! The first record: the sizes and the settings of the session.

use std::time::Duration;

use inputwire::{Config, Frame};

use crate::bytes::{Reader, put, put_bytes, put_option};
use crate::error::FileError;

/// The kind of the first record, and of no other.
const KIND: u8 = 0;

/// How a session was set up, but for its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Setup<'a> {
    /// What wrote the recording.
    pub writer: &'a str,
    /// How many peers there can be.
    pub peers: usize,
    /// Bytes of an input.
    pub input: usize,
    /// Frames in a window.
    pub window: usize,
    /// Whether there was a key.
    pub keyed: bool,
    /// The settings, without a key.
    pub config: Config,
}

impl<'a> Setup<'a> {
    /// The setup of a session of these sizes.
    #[must_use]
    pub fn new(config: &Config, peers: usize, input: usize, window: usize) -> Setup<'static> {
        let writer = concat!("inputwire-record ", env!("CARGO_PKG_VERSION"));
        Setup { writer, peers, input, window, keyed: config.is_keyed(), config: *config }
    }

    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        let config = &self.config;
        out.push(KIND);
        put_bytes(out, self.writer.as_bytes());
        for size in [self.peers, self.input, self.window] {
            put(out, wide(size));
        }
        put(out, config.session());
        out.push(u8::from(self.keyed));
        put(out, config.player().into());
        put(out, config.incarnation().into());
        put(out, config.first_frame().get().into());
        put(out, micros(config.frame_interval()));
        put_option(out, config.ping_interval().and_then(|ping| u32::try_from(ping.as_micros()).ok()));
        put(out, micros(config.interrupt_after()));
        put(out, micros(config.disconnect_after()));
        put(out, micros(config.warning_latency()));
        put(out, micros(config.critical_latency()));
        out.push(config.redundancy());
        out.push(u8::from(config.early_copies()));
        put(out, wide(config.datagram_max()));
    }

    /// Reads a setup, and gives it the key.
    pub(crate) fn read(mut record: Reader<'a>, key: Option<[u8; 16]>) -> Result<Self, FileError> {
        let malformed = FileError::Malformed { number: 0 };
        let parsed = Self::parse(&mut record).filter(|_| record.is_empty()).ok_or(malformed)?;
        let (mut setup, mut builder) = parsed;
        match (setup.keyed, key) {
            (true, None) => return Err(FileError::KeyMissing),
            (false, Some(_)) => return Err(FileError::KeyNotNeeded),
            (true, Some(key)) => builder = builder.key(key),
            (false, None) => {}
        }
        setup.config = builder.build().map_err(FileError::Config)?;
        Ok(setup)
    }

    fn parse(record: &mut Reader<'a>) -> Option<(Self, inputwire::ConfigBuilder)> {
        let span = |record: &mut Reader<'_>| record.small::<u32>().map(|micros| Duration::from_micros(micros.into()));
        if record.byte()? != KIND {
            return None;
        }
        let writer = record.text()?;
        let (peers, input, window) = (record.small()?, record.small()?, record.small()?);
        let builder = Config::builder().session(record.number()?);
        let keyed = record.byte()? != 0;
        let builder = builder.player(record.small()?).incarnation(record.small()?);
        let builder = builder.first_frame(Frame::new(record.small()?)).frame_interval(span(record)?);
        let builder = match record.option()? {
            Some(micros) => builder.ping_interval(Duration::from_micros(micros.into())),
            None => builder,
        };
        let builder = builder.interrupt_after(span(record)?).disconnect_after(span(record)?);
        let builder = builder.warning_latency(span(record)?).critical_latency(span(record)?);
        let builder = builder.redundancy(record.byte()?).early_copies(record.byte()? != 0);
        let builder = builder.datagram_max(record.small()?);
        let config = Config::builder().build().ok()?;
        Some((Self { writer, peers, input, window, keyed, config }, builder))
    }
}

fn wide(size: usize) -> u64 {
    u64::try_from(size).unwrap_or(u64::MAX)
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

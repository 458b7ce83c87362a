//! The first record: the sizes and the settings of the session.

use std::time::Duration;

use inputwire::{Config, Frame};

use crate::bytes::{Reader, put, put_bytes, put_option};
use crate::error::FileError;

/// The kind of the first record.
const KIND: u8 = 0;

/// How a session was set up, except for its key, which [`Keys`](crate::Keys) hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Setup<'a> {
    /// The program that wrote the recording.
    pub writer: &'a str,
    /// The most peers.
    pub peers: usize,
    /// Bytes of an input.
    pub input: usize,
    /// Frames in a window.
    pub window: usize,
    /// Whether the session has a key. Peers may have others for their pairs.
    pub keyed: bool,
    /// The settings.
    pub config: Config,
}

impl<'a> Setup<'a> {
    /// Creates the setup of a session of these sizes.
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
            put(out, u64_from(size));
        }
        put(out, config.session_id());
        out.push(u8::from(self.keyed));
        put(out, config.local_player().into());
        put(out, config.incarnation().unwrap_or(0));
        put(out, config.first_frame().get().into());
        put(out, micros(config.frame_interval()));
        put_option(out, config.ping_interval().and_then(|ping| u32::try_from(ping.as_micros()).ok()));
        put(out, micros(config.interrupt_after()));
        put(out, micros(config.disconnect_after()));
        put(out, micros(config.warning_latency()));
        put(out, micros(config.critical_latency()));
        out.push(config.redundancy());
        out.push(u8::from(config.early_copies()) | u8::from(config.short_tags()) << 1 | u8::from(!config.mesh()) << 2);
        put(out, config.max_lead().unwrap_or(0).into());
        put(out, u64_from(config.max_datagram_size()));
    }

    /// Reads a setup, and adds the key to it.
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
        let duration =
            |record: &mut Reader<'_>| record.small::<u32>().map(|micros| Duration::from_micros(micros.into()));
        if record.byte()? != KIND {
            return None;
        }
        let writer = record.text()?;
        let (peers, input, window) = (record.small()?, record.small()?, record.small()?);
        let builder = Config::builder().session_id(record.number()?);
        let keyed = record.byte()? != 0;
        let builder = builder.local_player(record.small()?);
        let builder = match record.number()? {
            0 => builder,
            incarnation => builder.incarnation(incarnation),
        };
        let builder = builder.first_frame(Frame::new(record.small()?)).frame_interval(duration(record)?);
        let builder = match record.option()? {
            Some(micros) => builder.ping_interval(Duration::from_micros(micros.into())),
            None => builder,
        };
        let builder = builder.interrupt_after(duration(record)?).disconnect_after(duration(record)?);
        let builder = builder.warning_latency(duration(record)?).critical_latency(duration(record)?);
        let builder = builder.redundancy(record.byte()?);
        let switches = record.byte()?;
        let builder = builder.early_copies(switches & 1 != 0).short_tags(switches & 2 != 0);
        let builder = builder.mesh(switches & 4 == 0).max_lead(record.small()?);
        let builder = builder.max_datagram_size(record.small()?);
        let config = Config::builder().build().ok()?;
        Some((Self { writer, peers, input, window, keyed, config }, builder))
    }
}

fn u64_from(size: usize) -> u64 {
    u64::try_from(size).unwrap_or(u64::MAX)
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

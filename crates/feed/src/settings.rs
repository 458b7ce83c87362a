//! The settings of a feed, and the header that they become.

use alloc::vec::Vec;
use core::time::Duration;

use inputwire::{Config, Epoch, Frame};

use crate::check;
use crate::error::SettingsError;
use crate::header::{Header, MAGIC, MAX_SEATS, Shape, VERSION};

/// The settings of a feed, which must be the same at every writer.
///
/// ```
/// use inputwire_feed::{FeedWriter, Settings};
///
/// // Two players with inputs of two bytes, at 60 Hz, a checksum every ten seconds.
/// let settings = Settings::new(7, [0, 1], 2).checksum_every(600).game(b"duel 1.4, map 3");
/// let writer = FeedWriter::new(settings)?;
/// # Ok::<(), inputwire_feed::SettingsError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    feed_id: u64,
    pub(crate) players: Vec<u16>,
    input_len: u8,
    frame_interval_us: u32,
    first_epoch: u32,
    first_frame: u32,
    chunk_rows: u16,
    checksum_every: u32,
    game: Vec<u8>,
}

impl Settings {
    /// Settings for these players, in ascending order: all who may ever join. An absent player costs nothing. The feed id
    /// names the match; the session id will do.
    #[must_use]
    pub fn new(feed_id: u64, players: impl IntoIterator<Item = u16>, input_len: u8) -> Self {
        Self {
            feed_id,
            players: players.into_iter().collect(),
            input_len,
            frame_interval_us: 16_667,
            first_epoch: 0,
            first_frame: 0,
            chunk_rows: 60,
            checksum_every: 0,
            game: Vec::new(),
        }
    }

    /// Settings for these players with session id, frame interval and first frame of a session.
    #[must_use]
    pub fn of_session(config: &Config, players: impl IntoIterator<Item = u16>, input_len: u8) -> Self {
        Self::new(config.session_id(), players, input_len)
            .frame_interval(config.frame_interval())
            .first_frame(config.first_frame())
    }

    /// The time between two frames (default 16,667 microseconds).
    #[must_use]
    pub fn frame_interval(mut self, interval: Duration) -> Self {
        self.frame_interval_us = u32::try_from(interval.as_micros()).unwrap_or(u32::MAX);
        self
    }

    /// The epoch of the first rows (default 0).
    #[must_use]
    pub const fn first_epoch(mut self, epoch: Epoch) -> Self {
        self.first_epoch = epoch.get();
        self
    }

    /// The frame with which every epoch begins (default 0).
    #[must_use]
    pub const fn first_frame(mut self, frame: Frame) -> Self {
        self.first_frame = frame.get();
        self
    }

    /// The rows of a live chunk: how long a watcher waits at most, against what a chunk costs (default 60).
    #[must_use]
    pub const fn chunk_rows(mut self, rows: u16) -> Self {
        self.chunk_rows = rows;
        self
    }

    /// Expects a checksum of every n-th frame, counted from the first frame of an epoch; 0 for none (default 0).
    /// A chunk waits for those of its frames.
    #[must_use]
    pub const fn checksum_every(mut self, frames: u32) -> Self {
        self.checksum_every = frames;
        self
    }

    /// The game's own bytes: its version, the map, the names; 65,535 at most (default none).
    #[must_use]
    pub fn game(mut self, bytes: &[u8]) -> Self {
        self.game = bytes.to_vec();
        self
    }

    /// Returns the header.
    pub(crate) fn encode(&self) -> Result<(Vec<u8>, Shape), SettingsError> {
        let count = self.players.len();
        let seats = u8::try_from(count).ok().filter(|_| (1..=MAX_SEATS).contains(&count));
        let seats = seats.ok_or(SettingsError::Players(count))?;
        if !self.players.is_sorted_by(|one, next| one < next) {
            return Err(SettingsError::PlayerOrder);
        }
        let game_len = u16::try_from(self.game.len()).map_err(|_| SettingsError::Game(self.game.len()))?;
        let mut out = Vec::new();
        out.extend_from_slice(&MAGIC);
        out.push(VERSION);
        out.extend_from_slice(&self.feed_id.to_be_bytes());
        out.extend_from_slice(&[seats, self.input_len]);
        for number in [self.frame_interval_us, self.first_epoch, self.first_frame] {
            out.extend_from_slice(&number.to_be_bytes());
        }
        out.extend_from_slice(&self.chunk_rows.to_be_bytes());
        out.extend_from_slice(&self.checksum_every.to_be_bytes());
        for player in &self.players {
            out.extend_from_slice(&player.to_be_bytes());
        }
        out.extend_from_slice(&game_len.to_be_bytes());
        out.extend_from_slice(&self.game);
        let check = check::of(&out);
        out.extend_from_slice(&check.to_be_bytes());
        let shape = Shape {
            seats,
            input_len: self.input_len,
            first_epoch: self.first_epoch,
            first_frame: self.first_frame,
            chunk_rows: self.chunk_rows,
            checksum_every: self.checksum_every,
            check,
        };
        shape.validate(self.frame_interval_us)?;
        Ok((out, shape))
    }
}

impl From<Header<'_>> for Settings {
    fn from(header: Header<'_>) -> Self {
        Self {
            feed_id: header.feed_id(),
            players: header.players().collect(),
            input_len: header.shape.input_len,
            frame_interval_us: u32::try_from(header.frame_interval().as_micros()).unwrap_or(u32::MAX),
            first_epoch: header.shape.first_epoch,
            first_frame: header.shape.first_frame,
            chunk_rows: header.shape.chunk_rows,
            checksum_every: header.shape.checksum_every,
            game: header.game().to_vec(),
        }
    }
}

//! The publisher: chunks to the stream of a match, until the broker has them.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use async_nats::HeaderMap;
use async_nats::jetstream::{self, Context, stream};
use bytes::Bytes;
use inputwire_feed::{Chunk, FeedReader, Header};
use tokio::time::sleep;
use tracing::{debug, warn};

use crate::connection::{Connection, Names};
use crate::error::{Error, broker};

/// The broker remembers message ids for this long.
const REMEMBERED: Duration = Duration::from_secs(120);
const RETRY_EVERY: Duration = Duration::from_millis(200);

/// Stores a feed in the stream of its match. Any number of publishers may do so.
#[derive(Debug)]
pub struct Publisher {
    connection: Connection,
    context: Context,
    stream: stream::Config,
    header: Bytes,
    /// What was acknowledged within [`REMEMBERED`]: a broker that dies may lose it all the same.
    recent: VecDeque<(Instant, String, Bytes)>,
    connected: u64,
    duplicates: u64,
}

impl Publisher {
    /// Creates the stream of a match, unless it is there, and stores the header.
    ///
    /// # Errors
    ///
    /// As [`Error`] says; [`Feed`](Error::Feed) if the stream has another feed, of a match with the same name or with other settings.
    pub async fn open(connection: &Connection, name: &str, header: &[u8]) -> Result<Self, Error> {
        Header::parse(header)?;
        let Names { stream, subject, live } = Names::of(name)?;
        let republish = stream::Republish { source: subject.clone(), destination: live, headers_only: false };
        let stream = stream::Config {
            name: stream,
            subjects: vec![subject],
            duplicate_window: REMEMBERED,
            republish: Some(republish),
            ..stream::Config::default()
        };
        let context = jetstream::new(connection.client.clone());
        context.get_or_create_stream(stream.clone()).await.map_err(broker)?;
        let connection = connection.clone();
        let connected = *connection.times.borrow();
        let header = Bytes::copy_from_slice(header);
        let mut publisher =
            Self { connection, context, stream, header, recent: VecDeque::new(), connected, duplicates: 0 };
        publisher.validate_feed().await?;
        publisher.store("header".to_owned(), publisher.header.clone()).await;
        // Another one may have been first.
        publisher.validate_feed().await?;
        Ok(publisher)
    }

    /// Compares the header with the first record of the stream, which is that of whoever was first. Chunks of another feed would be
    /// stored, and no watcher could read them.
    async fn validate_feed(&self) -> Result<(), Error> {
        let stream = self.context.get_stream(&self.stream.name).await.map_err(broker)?;
        let state = &stream.cached_info().state;
        if state.messages > 0 {
            let first = stream.get_raw_message(state.first_sequence).await.map_err(broker)?;
            FeedReader::open(&first.payload)?.insert(&self.header)?;
        }
        Ok(())
    }

    /// Stores a chunk. Returns once the broker has it, however long that takes.
    ///
    /// # Errors
    ///
    /// [`Record`](Error::Record) if it is no chunk of this feed.
    pub async fn publish(&mut self, chunk: Vec<u8>) -> Result<(), Error> {
        let (header, _) = Header::parse(&self.header)?;
        let id = Chunk::parse(&header, &chunk)?.0.id().to_string();
        self.store(id, chunk.into()).await;
        Ok(())
    }

    /// How many records the broker had already.
    #[must_use]
    pub const fn duplicates(&self) -> u64 {
        self.duplicates
    }

    async fn store(&mut self, id: String, record: Bytes) {
        self.restore().await;
        let now = Instant::now();
        let is_old = |(at, _, _): &(Instant, _, _)| now.duration_since(*at) > REMEMBERED / 2;
        while self.recent.front().is_some_and(is_old) {
            self.recent.pop_front();
        }
        self.recent.push_back((now, id.clone(), record.clone()));
        while let Err(error) = self.send(&id, &record).await {
            warn!(id, %error, "not stored yet");
            sleep(RETRY_EVERY).await;
            self.restore().await;
        }
    }

    /// After the connection was lost, stores the recent records again. The broker drops those that it has.
    async fn restore(&mut self) {
        while self.connected != *self.connection.times.borrow() {
            let connected = *self.connection.times.borrow();
            let mut all = self.context.get_or_create_stream(self.stream.clone()).await.is_ok();
            for (_, id, record) in &self.recent {
                all = all && request(&self.context, &self.stream, id, record).await.is_ok();
            }
            if all {
                debug!(records = self.recent.len(), "stored again after the connection was lost");
                self.connected = connected;
            } else {
                debug!("not stored again yet");
                sleep(RETRY_EVERY).await;
            }
        }
    }

    async fn send(&mut self, id: &str, record: &Bytes) -> Result<(), Error> {
        let was_there = request(&self.context, &self.stream, id, record).await?;
        debug!(id, len = record.len(), was_there, "stored");
        self.duplicates += u64::from(was_there);
        Ok(())
    }
}

/// Stores a record, and returns whether it was there.
async fn request(context: &Context, stream: &stream::Config, id: &str, record: &Bytes) -> Result<bool, Error> {
    let mut headers = HeaderMap::new();
    headers.insert("Nats-Msg-Id", id);
    let subject = stream.subjects.first().cloned().unwrap_or_default();
    let sent = context.publish_with_headers(subject, headers, record.clone()).await.map_err(broker)?;
    Ok(sent.await.map_err(broker)?.duplicate)
}

//! The watcher: replays the stream of a match, then follows it live.

use std::time::Duration;

use async_nats::Subscriber;
use async_nats::jetstream::consumer::{DeliverPolicy, push};
use async_nats::jetstream::{self, Context};
use futures_util::StreamExt;
use inputwire_feed::{FeedReader, InsertError};
use tokio::time::{sleep, timeout};
use tracing::{debug, warn};

use crate::connection::{Connection, Names};
use crate::error::{Error, broker};

/// Without a message for this long, a replay is started anew.
const PATIENCE: Duration = Duration::from_secs(2);
const RETRY_EVERY: Duration = Duration::from_millis(200);

/// Watches a match.
#[derive(Debug)]
pub struct Watcher {
    connection: Connection,
    context: Context,
    stream: String,
    live: Subscriber,
    reader: Option<FeedReader>,
    /// The last message of the stream that was replayed.
    replayed: u64,
    /// Whether a replay stopped before its end.
    behind: bool,
    connected: u64,
    refused: Option<InsertError>,
}

impl Watcher {
    /// Subscribes to a match, and replays what its stream holds.
    ///
    /// # Errors
    ///
    /// As [`Error`] says.
    pub async fn open(connection: &Connection, name: &str) -> Result<Self, Error> {
        let Names { stream, live, .. } = Names::of(name)?;
        let connection = connection.clone();
        // First the subscription, then the replay: what falls between the two comes twice, and nothing is missed.
        let live = connection.client.subscribe(live).await.map_err(broker)?;
        let connected = *connection.times.borrow();
        let context = jetstream::new(connection.client.clone());
        let mut watcher = Self {
            connection,
            context,
            stream,
            live,
            reader: None,
            replayed: 0,
            behind: false,
            connected,
            refused: None,
        };
        watcher.replay().await?;
        Ok(watcher)
    }

    /// The reader with everything that has come so far; `None` before the header.
    pub const fn reader(&mut self) -> Option<&mut FeedReader> {
        self.reader.as_mut()
    }

    /// Returns why a message was refused, if one was since the last call. Watching goes on without it.
    pub const fn take_refused(&mut self) -> Option<InsertError> {
        self.refused.take()
    }

    /// Waits until something new may have come, and puts it into the reader, whose rows are then to be taken.
    ///
    /// # Errors
    ///
    /// [`Closed`](Error::Closed) when the client is. An outage of the broker is no error.
    pub async fn wait(&mut self) -> Result<(), Error> {
        // Chunks that are missing between those at hand are in the stream, as is the header.
        let lacks = self.behind || self.reader.as_ref().is_none_or(|reader| !reader.missing().is_empty());
        let connected = *self.connection.times.borrow();
        if self.connected != connected || lacks {
            match self.replay().await {
                Ok(()) if self.behind => return Ok(()),
                Ok(()) => self.connected = connected,
                Err(error) => {
                    debug!(%error, "not replayed yet");
                    sleep(RETRY_EVERY).await;
                }
            }
        }
        let mut times = self.connection.times.clone();
        let seen = self.connected;
        tokio::select! {
            message = self.live.next() => {
                self.insert(&message.ok_or(Error::Closed)?.payload);
            }
            _ = times.wait_for(|times| *times != seen) => {}
            // What is missing may be on its way to the broker.
            () = sleep(RETRY_EVERY), if lacks => {}
        }
        Ok(())
    }

    /// Replays what the stream holds after the last replayed message.
    async fn replay(&mut self) -> Result<(), Error> {
        let stream = self.context.get_stream(&self.stream).await.map_err(broker)?;
        let state = &stream.cached_info().state;
        // A broker that died may have lost the last messages, and then counts anew from there.
        self.replayed = self.replayed.min(state.last_sequence).saturating_sub(1);
        if state.messages == 0 {
            return Ok(());
        }
        let last = state.last_sequence;
        debug!(stream = self.stream, after = self.replayed, last, "replaying");
        self.behind = true;
        let config = push::OrderedConfig {
            deliver_subject: self.connection.client.new_inbox(),
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: self.replayed + 1 },
            ..push::OrderedConfig::default()
        };
        let consumer = stream.create_consumer(config).await.map_err(broker)?;
        let consumer_name = consumer.cached_info().name.clone();
        let mut messages = consumer.messages().await.map_err(broker)?;
        while self.replayed < last {
            let message = timeout(PATIENCE, messages.next()).await.map_err(broker)?;
            let message = message.ok_or(Error::Closed)?.map_err(broker)?;
            let sequence = message.info().map_err(broker)?.stream_sequence;
            if self.insert(&message.payload) == Some(InsertError::Full) {
                return Ok(());
            }
            self.replayed = sequence;
        }
        self.behind = false;
        drop(messages);
        // It would go by itself, but later.
        let _ = stream.delete_consumer(&consumer_name).await;
        Ok(())
    }

    fn insert(&mut self, record: &[u8]) -> Option<InsertError> {
        let Some(reader) = &mut self.reader else {
            // A chunk that overtakes the header is in the stream.
            self.reader = FeedReader::open(record).ok();
            return None;
        };
        let refused = reader.insert(record).err();
        if let Some(reason) = refused {
            warn!(%reason, len = record.len(), "a message is refused");
        }
        self.refused = refused.or(self.refused);
        refused
    }
}

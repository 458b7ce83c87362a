//! A connection to the broker that comes back by itself, and tells how often it did.

use std::time::Duration;

use async_nats::{Client, ConnectOptions, Event};
use tokio::sync::watch;
use tracing::{info, warn};

use crate::error::{Error, broker};

const RETRY_EVERY: Duration = Duration::from_millis(200);

/// A connection to the broker. It is set up again whenever it is lost.
#[derive(Clone, Debug)]
pub struct Connection {
    pub(crate) client: Client,
    /// How often it was set up.
    pub(crate) times: watch::Receiver<u64>,
}

impl Connection {
    /// Connects to a server, such as `127.0.0.1:4222`.
    ///
    /// # Errors
    ///
    /// [`Broker`](Error::Broker) if the first attempt fails.
    pub async fn open(server: &str) -> Result<Self, Error> {
        let (count, mut times) = watch::channel(0);
        let options = ConnectOptions::new()
            .reconnect_delay_callback(|attempts| if attempts <= 1 { Duration::ZERO } else { RETRY_EVERY })
            .request_timeout(Some(Duration::from_secs(2)))
            .event_callback(move |event| {
                match event {
                    Event::Connected => {
                        count.send_modify(|times| *times += 1);
                        info!("connected to the broker");
                    }
                    event => warn!(%event, "the broker"),
                }
                std::future::ready(())
            });
        let client = options.connect(server).await.map_err(broker)?;
        // The event of the first connection comes a little later than the connection.
        times.wait_for(|times| *times > 0).await.map_err(broker)?;
        Ok(Self { client, times })
    }
}

/// What a match is called at the broker.
#[derive(Debug)]
pub(crate) struct Names {
    pub(crate) stream: String,
    /// Where publishers send.
    pub(crate) subject: String,
    /// Where the broker sends what it has stored, so not what it had already.
    pub(crate) live: String,
}

impl Names {
    pub(crate) fn of(name: &str) -> Result<Self, Error> {
        let fits = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
        if name.is_empty() || !name.chars().all(fits) {
            return Err(Error::Name(name.to_owned()));
        }
        Ok(Self { stream: format!("feed_{name}"), subject: format!("feed.{name}"), live: format!("watch.{name}") })
    }
}

//! Publishing a match, and watching it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use inputwire_feed::{FeedReader, FeedWriter, Settings};
use inputwire_nats::{Connection, Held, Publisher, Watcher};

use crate::files::{self, Folder};
use crate::game::{CHECKSUM_EVERY, FRAMES_PER_SECOND, Game, Players};

pub(crate) type Fallible<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// A match, and how it is published.
#[derive(Clone, Debug)]
pub(crate) struct Show {
    pub(crate) name: String,
    pub(crate) seed: u64,
    pub(crate) frames: u32,
    /// The frames that were played before the publisher began.
    pub(crate) history: u32,
    /// The rest is played so many times as fast.
    pub(crate) speed: u32,
    pub(crate) delay: Duration,
    pub(crate) to: Option<PathBuf>,
}

impl Show {
    fn writer(&self) -> Fallible<FeedWriter> {
        let settings = Settings::new(self.seed, [0, 1], 1).checksum_every(CHECKSUM_EVERY).game(b"spectate 1");
        Ok(FeedWriter::new(settings)?)
    }

    /// The header and the chunks of the frames, without an end.
    pub(crate) fn begun(&self) -> Fallible<(Vec<u8>, Vec<Vec<u8>>)> {
        let mut writer = self.writer()?;
        let (mut players, mut game) = (Players::new(self.seed), Game::default());
        for _ in 0..self.frames {
            play(&mut writer, &mut players, &mut game)?;
        }
        let chunks = std::iter::from_fn(|| writer.poll_chunk()).collect();
        Ok((writer.header().to_vec(), chunks))
    }

    /// When a frame is played, if the first one after the history is played now.
    pub(crate) fn played_at(&self, start: Instant, frame: u32) -> Instant {
        let live = frame.saturating_sub(self.history);
        start + Duration::from_secs(1) * live / (FRAMES_PER_SECOND * self.speed)
    }
}

/// Plays a frame, and writes its row.
fn play(writer: &mut FeedWriter, players: &mut Players, game: &mut Game) -> Fallible<()> {
    let inputs = players.play();
    game.advance(inputs);
    let frame = writer.next_frame();
    writer.push_row(frame, &[Some(&inputs[..1]), Some(&inputs[1..])])?;
    if writer.due_checksum() == Some(frame) {
        writer.push_checksum(frame, game.hash())?;
    }
    Ok(())
}

/// Plays a match and publishes it. Returns how many records the broker had already, from another publisher.
pub(crate) async fn publish(server: Option<&Connection>, show: &Show) -> Fallible<u64> {
    let mut writer = show.writer()?;
    let mut publisher = match server {
        Some(connection) => Some(Publisher::open(connection, &show.name, writer.header()).await?),
        None => None,
    };
    let mut folder = show.to.as_deref().map(|path| Folder::open(path, writer.header())).transpose()?;
    let (mut players, mut game) = (Players::new(show.seed), Game::default());
    let mut held = Held::new(show.delay);
    let start = Instant::now();
    for frame in 0..=show.frames {
        let now = show.played_at(start, frame);
        if frame < show.frames {
            play(&mut writer, &mut players, &mut game)?;
        } else {
            writer.finish();
        }
        while let Some(chunk) = writer.poll_chunk() {
            // A match that is over needs no delay for its history.
            held.push(if frame < show.history { start.checked_sub(show.delay).unwrap_or(start) } else { now }, chunk);
        }
        loop {
            while let Some(chunk) = held.pop(Instant::now()) {
                if let Some(folder) = &mut folder {
                    folder.publish(&chunk)?;
                }
                if let Some(publisher) = &mut publisher {
                    publisher.publish(chunk).await?;
                }
            }
            // The history of a folder is packed, as it would have been minute by minute.
            if frame == show.history
                && let Some(folder) = &mut folder
            {
                folder.pack()?;
            }
            let next = show.played_at(start, frame.saturating_add(1));
            let until = if frame < show.frames { next } else { held.next_due().unwrap_or(next) };
            tokio::time::sleep_until(held.next_due().map_or(until, |due| due.min(until)).into()).await;
            let is_played = frame < show.frames && Instant::now() >= next;
            if is_played || (frame == show.frames && held.next_due().is_none()) {
                break;
            }
        }
    }
    if let Some(folder) = &mut folder {
        folder.pack()?;
    }
    Ok(publisher.map_or(0, |publisher| publisher.duplicates()))
}

/// A watcher's game: it simulates every row, and compares its state with the players' checksums.
#[derive(Debug, Default)]
pub(crate) struct Audience {
    game: Game,
    pub(crate) rows: Vec<[u8; 2]>,
    pub(crate) checksums: u32,
}

impl Audience {
    /// Takes the rows that are there. Returns whether the match is over.
    pub(crate) fn take(&mut self, reader: &mut FeedReader) -> Fallible<bool> {
        while let Some(row) = reader.next_row() {
            let input = |seat| row.input(seat).and_then(|input| input.first().copied()).ok_or("a player is absent");
            let inputs = [input(0)?, input(1)?];
            self.game.advance(inputs);
            self.rows.push(inputs);
            if let Some(hash) = row.checksum() {
                self.checksums += 1;
                if hash != self.game.hash() {
                    return Err(format!("this game has diverged from the players' by frame {}", row.frame()).into());
                }
            }
        }
        Ok(reader.is_complete())
    }

    /// Whether the rows are those of this match, from the first one on, each once.
    pub(crate) fn saw(&self, show: &Show) -> bool {
        let mut players = Players::new(show.seed);
        self.rows.iter().all(|row| *row == players.play())
    }
}

/// Watches a match at a broker until it is over; `seen` is told how many rows there are.
pub(crate) async fn watch(server: &Connection, name: &str, mut seen: impl FnMut(usize)) -> Fallible<Audience> {
    let mut audience = Audience::default();
    let mut watcher = loop {
        match Watcher::open(server, name).await {
            Ok(watcher) => break watcher,
            Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
        }
    };
    loop {
        if let Some(reader) = watcher.reader() {
            let is_over = audience.take(reader)?;
            seen(audience.rows.len());
            if is_over {
                return Ok(audience);
            }
        }
        if let Some(refused) = watcher.take_refused() {
            eprintln!("refused: {refused}");
        }
        watcher.wait().await?;
    }
}

/// Watches a match from files until it is over. Returns also how many bytes were fetched.
pub(crate) async fn watch_files(from: &str, mut seen: impl FnMut(usize)) -> Fallible<(Audience, usize)> {
    let fetch = |name: String| {
        let from = from.to_owned();
        tokio::task::spawn_blocking(move || files::fetch(&from, &name))
    };
    let file = fetch("feed.iwf".to_owned()).await??.ok_or("there is no feed.iwf")?;
    let (mut reader, rest) = FeedReader::open_file(&file)?;
    rest?;
    let (mut audience, mut bytes) = (Audience::default(), file.len());
    loop {
        let is_over = audience.take(&mut reader)?;
        seen(audience.rows.len());
        if is_over {
            return Ok((audience, bytes));
        }
        let (epoch, frame) = reader.position();
        match fetch(files::name(epoch.get(), frame.get())).await?? {
            Some(chunk) => {
                bytes += chunk.len();
                reader.insert(&chunk)?;
            }
            // Later than the publisher by a part of a chunk.
            None => tokio::time::sleep(Duration::from_millis(250)).await,
        }
    }
}

/// A folder or an address as the start of file names.
pub(crate) fn base(from: &str) -> String {
    if from.starts_with("http://") && !from.ends_with('/') { format!("{from}/") } else { from.to_owned() }
}

/// Where a match is published to, as text.
pub(crate) fn shown(path: &Path) -> String {
    path.display().to_string()
}

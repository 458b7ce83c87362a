//! Everything by itself: a broker, publishers, watchers, an outage, a delay, files, a crowd. Each line is checked.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use inputwire_nats::{Connection, Watcher};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::broker::Broker;
use crate::game::FRAMES_PER_SECOND;
use crate::show::{Audience, Fallible, Show, publish, watch, watch_files};

const TEN_MINUTES: u32 = 600 * FRAMES_PER_SECOND;
const MOST_TO_LIVE_EDGE: Duration = Duration::from_secs(2);
const MOST_AT_ALL: Duration = Duration::from_secs(60);

fn show(name: &str, history: u32, live_seconds: u32) -> Show {
    Show {
        name: name.to_owned(),
        seed: 1,
        frames: history + live_seconds * FRAMES_PER_SECOND,
        history,
        speed: 1,
        delay: Duration::ZERO,
        to: None,
    }
}

fn check(holds: bool, what: impl Into<String>) -> Fallible<()> {
    let what = what.into();
    if holds { Ok(()) } else { Err(format!("not so: {what}").into()) }
}

pub(crate) async fn run() -> Fallible<()> {
    if !Broker::exists() {
        println!("skipped: the broker: nats-server is not installed (Debian: apt-get install nats-server)");
        return files().await;
    }
    match_with_an_outage().await?;
    delay().await?;
    files().await?;
    crowd(1_000, 2).await
}

/// Spawns a watcher, and counts its rows.
fn watching(address: String, name: &str) -> (JoinHandle<Fallible<Audience>>, Arc<AtomicUsize>) {
    let (rows, name) = (Arc::new(AtomicUsize::new(0)), name.to_owned());
    let count = rows.clone();
    let task = tokio::spawn(async move {
        let connection = Connection::open(&address).await?;
        watch(&connection, &name, |rows| count.store(rows, Ordering::Relaxed)).await
    });
    (task, rows)
}

async fn until(rows: &AtomicUsize, count: u32) -> Fallible<()> {
    let start = Instant::now();
    while rows.load(Ordering::Relaxed) < usize::try_from(count)? {
        check(start.elapsed() < MOST_AT_ALL, format!("{count} rows within a minute"))?;
        sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

async fn match_with_an_outage() -> Fallible<()> {
    let mut broker = Broker::start()?;
    let live_seconds = 9;
    let show = show("final", TEN_MINUTES, live_seconds);
    let publishers: Vec<JoinHandle<Fallible<u64>>> = (0..2)
        .map(|_| {
            let (address, show) = (broker.address(), show.clone());
            tokio::spawn(async move { publish(Some(&Connection::open(&address).await?), &show).await })
        })
        .collect();
    let (early, early_rows) = watching(broker.address(), "final");
    until(&early_rows, TEN_MINUTES).await?;

    let start = Instant::now();
    let (late, late_rows) = watching(broker.address(), "final");
    until(&late_rows, TEN_MINUTES).await?;
    let took = start.elapsed();
    check(took < MOST_TO_LIVE_EDGE, "the live edge within two seconds")?;
    println!("late join: ten minutes of match, {} rows, at the live edge after {} ms", TEN_MINUTES, took.as_millis());

    until(&late_rows, TEN_MINUTES + 2 * FRAMES_PER_SECOND).await?;
    broker.kill();
    sleep(Duration::from_millis(1_500)).await;
    broker.restart()?;
    println!("outage: the broker was killed in mid-match, and started again after 1.5 s");

    let mut known = 0;
    for publisher in publishers {
        known += publisher.await??;
    }
    for watcher in [early, late] {
        let audience = tokio::time::timeout(MOST_AT_ALL, watcher).await???;
        check(audience.rows.len() == usize::try_from(show.frames)?, "every row, once")?;
        check(audience.saw(&show), "the rows of the players")?;
        check(audience.checksums == show.frames.div_ceil(600), "every checksum")?;
        println!("watcher: {} rows, each once and equal, {} equal checksums", audience.rows.len(), audience.checksums);
    }
    // A watcher after the match.
    let (after, _) = watching(broker.address(), "final");
    check(after.await??.saw(&show), "the rows of the players, after the match")?;
    let other = Show { seed: 2, frames: 0, ..show };
    let refused = publish(Some(&Connection::open(&broker.address()).await?), &other).await;
    check(refused.is_err_and(|error| error.to_string().contains("another feed")), "another match has another name")?;
    println!("duplicates: {known} records of the second publisher were known to the broker");
    check(known >= 600, "the records of the second publisher vanish")
}

async fn delay() -> Fallible<()> {
    let broker = Broker::start()?;
    let delay = Duration::from_secs(2);
    let show = Show { delay, ..show("delayed", 0, 3) };
    let (address, played) = (broker.address(), show.clone());
    let start = Instant::now();
    let publisher = tokio::spawn(async move { publish(Some(&Connection::open(&address).await?), &played).await });
    let connection = Connection::open(&broker.address()).await?;
    let mut early = false;
    let audience = watch(&connection, "delayed", |rows| {
        let newest = u32::try_from(rows).unwrap_or(u32::MAX).saturating_sub(1);
        early |= rows > 0 && Instant::now() < show.played_at(start, newest) + delay;
    })
    .await?;
    publisher.await??;
    check(!early && audience.saw(&show), "no row before the delay is over")?;
    println!("delay: {} rows, none earlier than {} s after it was played", audience.rows.len(), delay.as_secs());
    Ok(())
}

/// An HTTP server that knows nothing of feeds; ended with this.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn files() -> Fallible<()> {
    let directory = std::env::temp_dir().join(format!("spectate-files-{}", std::process::id()));
    let show = Show { to: Some(directory.clone()), ..show("files", TEN_MINUTES, 4) };
    let played = show.clone();
    let publisher = tokio::spawn(async move { publish(None, &played).await });
    sleep(Duration::from_millis(1_500)).await;

    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
    let server = Command::new("python3")
        .args(["-m", "http.server", "--bind", "127.0.0.1", "--directory"])
        .arg(&directory)
        .arg(port.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map(Server);
    let from = if server.is_ok() {
        let start = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            check(start.elapsed() < MOST_AT_ALL, "python3 -m http.server listens")?;
            sleep(Duration::from_millis(20)).await;
        }
        format!("http://127.0.0.1:{port}/")
    } else {
        println!("skipped: HTTP: python3 is not installed; the files are read where they are");
        directory.display().to_string()
    };
    let (start, mut edge) = (Instant::now(), None);
    let (audience, bytes) = watch_files(&from, |rows| {
        if rows >= TEN_MINUTES as usize {
            edge.get_or_insert_with(|| start.elapsed());
        }
    })
    .await?;
    publisher.await??;
    let packed = std::fs::metadata(directory.join("feed.iwf"))?.len();
    let _ = std::fs::remove_dir_all(&directory);
    let took = edge.ok_or("the live edge was never reached")?;
    check(took < MOST_TO_LIVE_EDGE, "the live edge within two seconds")?;
    check(audience.rows.len() == usize::try_from(show.frames)? && audience.saw(&show), "every row, once")?;
    println!(
        "files: {} rows by HTTP, at the live edge after {} ms, {bytes} bytes in all; feed.iwf at the end: {packed} bytes",
        audience.rows.len(),
        took.as_millis(),
    );
    Ok(())
}

/// Real watchers, each with a connection of its own, of one match: what the broker's core does for them.
pub(crate) async fn crowd(count: u32, seconds: u32) -> Fallible<()> {
    if !Broker::exists() {
        println!("skipped: the crowd: nats-server is not installed (Debian: apt-get install nats-server)");
        return Ok(());
    }
    let broker = Broker::start()?;
    let chunks = 10 * seconds;
    // Ten chunks a second, so that the processor time, which is counted in 10 ms, is large enough.
    let show = Show { speed: 10, ..show("crowd", 600, chunks) };
    let mut first = Show { frames: show.history, ..show.clone() };
    first.history = first.frames;
    let connection = Connection::open(&broker.address()).await?;
    // The history alone, so that all join before the match goes on.
    let history = publish_history(&connection, &first).await?;

    let idle = broker.cpu();
    let start = Instant::now();
    let mut watchers = Vec::new();
    for _ in 0..count {
        let own = Connection::open(&broker.address())
            .await
            .map_err(|error| format!("{error}; so many connections need `ulimit -n {}`", 2 * count + 100))?;
        watchers.push((Watcher::open(&own, "crowd").await?, Audience::default()));
    }
    let (joined, joined_in) = (broker.cpu(), start.elapsed());
    let rows = Arc::new(AtomicUsize::new(0));
    let tasks: Vec<JoinHandle<Fallible<Audience>>> = watchers
        .into_iter()
        .map(|(mut watcher, mut audience)| {
            let rows = rows.clone();
            tokio::spawn(async move {
                loop {
                    let before = audience.rows.len();
                    let is_over = watcher.reader().map_or(Ok(false), |reader| audience.take(reader))?;
                    rows.fetch_add(audience.rows.len() - before, Ordering::Relaxed);
                    if is_over {
                        return Ok(audience);
                    }
                    watcher.wait().await?;
                }
            })
        })
        .collect();
    sleep(Duration::from_millis(500)).await;
    let (before, start) = (broker.cpu(), Instant::now());
    publish(Some(&connection), &show).await?;
    for task in tasks {
        let audience = tokio::time::timeout(MOST_AT_ALL, task).await???;
        check(audience.rows.len() == usize::try_from(show.frames)? && audience.saw(&show), "every row, once")?;
    }
    let (after, took) = (broker.cpu(), start.elapsed());
    let cpu = |from: Option<Duration>, to: Option<Duration>| to.zip(from).map(|(to, from)| to.saturating_sub(from));
    let (Some(joining), Some(live)) = (cpu(idle, joined), cpu(before, after)) else {
        println!("crowd: {count} watchers have every row; no processor time without /proc");
        return Ok(());
    };
    // The last record ends the match.
    let deliveries = u64::from(count) * u64::from(chunks + 1);
    #[allow(clippy::cast_precision_loss)]
    let each = live.as_secs_f64() * 1e6 / deliveries as f64;
    println!(
        "crowd: {count} watchers joined in {:.1} s, {:.2} ms of the broker's processor for each ({history} records replayed)",
        joined_in.as_secs_f64(),
        joining.as_secs_f64() * 1e3 / f64::from(count),
    );
    println!(
        "crowd: {deliveries} deliveries in {:.1} s, {:.2} s of the broker's processor: {each:.1} us each; \
         at one chunk a second {:.0} watchers fill a core, and 100,000 take {:.1} cores",
        took.as_secs_f64(),
        live.as_secs_f64(),
        1e6 / each,
        100_000.0 * each / 1e6,
    );
    Ok(())
}

/// Publishes the first chunks of a match, and leaves it open.
async fn publish_history(connection: &Connection, show: &Show) -> Fallible<u32> {
    use inputwire_nats::Publisher;
    let (header, chunks) = show.begun()?;
    let mut publisher = Publisher::open(connection, &show.name, &header).await?;
    let records = 1 + u32::try_from(chunks.len())?;
    for chunk in chunks {
        publisher.publish(chunk).await?;
    }
    Ok(records)
}

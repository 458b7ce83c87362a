//! The server and a few clients on this machine, behind lines that lose and delay, with a table of what became of their inputs.

use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use inputwire_udp::{Limits, Server, Socket};

use crate::common::crowd::{Crowd, system_us};
use crate::common::game::{Game, INPUT};
use crate::common::options::LINES;
use crate::common::report::{Report, millis};
use crate::common::{AnyError, serve};

const CLIENTS: usize = 8;
/// How long the clients take until they have found their margins.
const WARM_UP: Duration = Duration::from_secs(5);

/// What the server says in the end: its frames' times, its game, and its counters as text.
struct Served {
    frames: Vec<u64>,
    game: Game,
    text: String,
}

fn server(socket: std::net::UdpSocket, stop: &mpsc::Receiver<()>) -> Result<Served, AnyError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut server = Server::<INPUT>::new(Socket::from_std(socket)?, Limits::default());
        let (mut game, mut frames) = (Game::default(), Vec::new());
        serve::serve(&mut server, &mut game, |_, _| {
            frames.push(system_us());
            stop.try_recv() == Err(mpsc::TryRecvError::Empty)
        })
        .await?;
        Ok(Served { frames, game, text: server.prometheus() })
    })
}

pub(crate) fn run(time: Duration) -> Result<bool, AnyError> {
    let socket = std::net::UdpSocket::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    let address = socket.local_addr()?;
    let (stop, stopped) = mpsc::channel();
    let served = thread::spawn(move || server(socket, &stopped));
    println!(
        "A server at {address} and {CLIENTS} clients in matches of four. One way {} to {} ms, up to {} ms of jitter, {} % loss each way.\n",
        LINES.nearest_us / 1_000,
        LINES.farthest_us / 1_000,
        LINES.jitter_us / 1_000,
        LINES.loss / 10,
    );
    let mut crowd = Crowd::new(address, LINES, 7, 0, CLIENTS, None)?;
    crowd.run(WARM_UP.min(time / 2))?;
    let begin = crowd.now_us();
    crowd.run(time.saturating_sub(WARM_UP))?;
    let end = crowd.now_us();
    // The last inputs are used a little later.
    crowd.run(Duration::from_millis(500))?;
    let margins: Vec<_> = crowd.players().map(crate::common::player::Player::margin).collect();
    drop(stop);
    let closing = Instant::now();
    while !crowd.is_closed() && closing.elapsed() < Duration::from_secs(5) {
        crowd.run(Duration::from_millis(50))?;
    }
    let served = served.join().map_err(|_| "the server panicked")??;

    println!(
        "{:<8}{:>10}{:>12}{:>12}{:>10}{:>10}{:>10}",
        "client", "one way", "press-use", "p99", "inputs", "replaced", "margin"
    );
    let mut is_fine = true;
    for ((index, player), margin) in crowd.players().enumerate().zip(margins) {
        let used_at = |frame: usize| {
            let first = usize::try_from(*served.game.began.get(&player.number)?).ok()?;
            Some(served.frames.get(first + frame)?.saturating_sub(crowd.epoch_us()))
        };
        let mut report = Report::default();
        report.add(player, begin, end, used_at);
        let line = crowd.line(index);
        println!(
            "{:<8}{:>7.1} ms{:>9.1} ms{:>9.1} ms{:>10}{:>10}{:>10}",
            player.number,
            millis(line.way_us),
            report.percentile(50),
            report.percentile(99),
            report.inputs,
            report.replaced,
            margin.map_or("?".into(), |margin| format!("{:.1}", f64::from(margin) / 1_000.0)),
        );
        // One in ten, on a machine that may be busy with other things.
        is_fine &= report.inputs > 60 && report.replaced * 10 <= report.inputs;
    }
    println!();
    for line in served.text.lines().filter(|line| !line.starts_with('#') && !line.ends_with(" 0")) {
        println!("{line}");
    }
    println!();
    let are_closed = crowd.is_closed();
    println!("{}  every client's inputs were used in time, but for a few", if is_fine { "ok   " } else { "WRONG" });
    println!("{}  every client heard the goodbye", if are_closed { "ok   " } else { "WRONG" });
    Ok(is_fine && are_closed)
}

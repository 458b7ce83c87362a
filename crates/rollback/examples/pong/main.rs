//! Pong over UDP for two to four players.
//!
//! ```text
//! pong PLAYER ADDRESS ADDRESS [ADDRESS [ADDRESS]]   plays in a terminal; the addresses are those of players 0, 1, ..
//! pong --headless [PLAYERS [LOSS]]                  plays a whole game by itself, over loopback, with LOSS percent lost
//! ```

mod game;
mod net;
mod screen;
mod weather;

use std::error::Error;
use std::net::{SocketAddr, UdpSocket};
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant as Clock};

use inputwire::Instant;
use inputwire_rollback::{RollbackEvent, RollbackStats};

use game::Pong;
use net::Net;
use screen::Screen;
use weather::Weather;

/// A game that is not over by then has failed.
const LONGEST: Duration = Duration::from_secs(120);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments.as_slice() {
        ["--headless", numbers @ ..] => headless(numbers),
        [player, addresses @ ..] if (2..=4).contains(&addresses.len()) => terminal(player, addresses),
        _ => Err("usage: pong PLAYER ADDRESS ADDRESS.. | pong --headless [PLAYERS [LOSS]]".into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Plays in the terminal until the game is over or the player quits.
fn terminal(player: &str, addresses: &[&str]) -> Result<(), Box<dyn Error>> {
    let player: u16 = player.parse()?;
    let players = addresses.iter().map(|address| address.parse()).collect::<Result<Vec<SocketAddr>, _>>()?;
    let socket = UdpSocket::bind(players.get(usize::from(player)).ok_or("no such player")?)?;
    let mut net = Net::new(socket, player, &players)?;
    let mut screen = Screen::new()?;
    let mut weather = Weather::new(0, 0);
    let mut news = String::from("arrows move, q quits");
    while let Some(buttons) = screen.buttons(net.rest().min(Duration::from_millis(5)))? {
        if let Some(event) = net.run(buttons, &mut weather)? {
            news = format!("{event:?}");
        }
        let pong = net.driver.state();
        Screen::draw(pong, &format!("missed {:?}   {news}", &pong.missed[..pong.players]))?;
        if is_over(&net) {
            break;
        }
    }
    say_goodbye(&mut net, &mut weather)
}

/// Whether the game is over beyond doubt.
fn is_over(net: &Net) -> bool {
    net.driver.confirmed_state().is_some_and(|(_, pong)| pong.is_over())
}

/// Closes the session; what the others lack is delivered first.
fn say_goodbye(net: &mut Net, weather: &mut Weather) -> Result<(), Box<dyn Error>> {
    net.driver.close(Instant::ORIGIN);
    while !net.driver.session().is_closed() {
        net.run(0, weather)?;
        thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

/// What a player of a headless game came to.
struct Outcome {
    pong: Pong,
    stats: RollbackStats,
    sent: (u64, u64),
    is_desync: bool,
    took: Duration,
}

/// Plays one player by itself, in real time.
fn play(socket: UdpSocket, player: u16, players: &[SocketAddr], loss: u32) -> Result<Outcome, String> {
    let mut net = Net::new(socket, player, players).map_err(|error| error.to_string())?;
    let mut weather = Weather::new(player.into(), loss);
    let (start, mut is_desync) = (Clock::now(), false);
    while !is_over(&net) {
        if start.elapsed() > LONGEST {
            return Err(format!("player {player}: the game did not end"));
        }
        let buttons = net.driver.state().bot(player);
        let event = net.run(buttons, &mut weather).map_err(|error| error.to_string())?;
        let desync = |event| matches!(event, RollbackEvent::Peer { event: inputwire::PeerEvent::Desync { .. }, .. });
        is_desync |= event.is_some_and(desync);
        thread::sleep(net.rest().min(Duration::from_millis(2)));
    }
    let (_, pong) = net.driver.confirmed_state().ok_or("nothing was confirmed")?;
    let (pong, stats, took) = (pong.clone(), net.driver.stats(), start.elapsed());
    say_goodbye(&mut net, &mut weather).map_err(|error| error.to_string())?;
    let session = net.driver.session();
    let totals = session.peers().filter_map(|peer| Some(session.peer(peer)?.stats().totals));
    let sent = totals.fold((0, 0), |sum, of| (sum.0 + of.packets_sent, sum.1 + of.bytes_sent));
    Ok(Outcome { pong, stats, sent, is_desync, took })
}

/// Plays a whole game on this machine, one thread a player, and prints what happened.
fn headless(numbers: &[&str]) -> Result<(), Box<dyn Error>> {
    let count = numbers.first().map_or(Ok(2), |number| number.parse())?;
    let loss = numbers.get(1).map_or(Ok(10), |number| number.parse())?;
    if !(2..=4).contains(&count) {
        return Err("two to four players".into());
    }
    let sockets = (0..count).map(|_| UdpSocket::bind("127.0.0.1:0")).collect::<Result<Vec<_>, _>>()?;
    let players = sockets.iter().map(UdpSocket::local_addr).collect::<Result<Vec<_>, _>>()?;
    let outcomes = thread::scope(|scope| {
        let players = &players;
        let threads =
            (0..).zip(sockets).map(|(player, socket)| scope.spawn(move || play(socket, player, players, loss)));
        let threads: Vec<_> = threads.collect();
        threads.into_iter().map(|thread| thread.join().map_err(|_| "a panic")?).collect::<Result<Vec<_>, String>>()
    })?;

    println!("{count} players, {loss} % lost");
    println!("player  missed  frames  seconds  again  rollbacks  deepest  waited  datagrams  bytes  final state");
    for (player, Outcome { pong, stats, sent, took, .. }) in outcomes.iter().enumerate() {
        println!(
            "{player:>6} {:>7} {:>7} {:>8.1} {:>6} {:>10} {:>8} {:>7} {:>10} {:>6}  {:016x}",
            pong.missed[player],
            stats.frames,
            took.as_secs_f64(),
            stats.resimulated,
            stats.rollbacks,
            stats.deepest,
            stats.waited,
            sent.0,
            sent.1,
            pong.hash(),
        );
    }
    if outcomes.iter().any(|outcome| outcome.is_desync || outcome.pong != outcomes[0].pong) {
        return Err("the games differ".into());
    }
    Ok(())
}

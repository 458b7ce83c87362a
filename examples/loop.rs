//! The loop around a session, and nothing else: two players on this machine, over UDP.
//!
//! ```text
//! cargo run --example loop -- 0         player 0 here,
//! cargo run --example loop -- 1         and player 1 in a second terminal
//! cargo run --example loop -- --demo    or both in one process, for three seconds
//! ```

use std::error::Error;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::UdpSocket;
use std::thread;
use std::time::Duration;

use inputwire::{Config, Event, Health, Instant, MAX_DATAGRAM_SIZE, PeerConfig, PeerEvent, Session};

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["0"] => play(0, Duration::MAX),
        ["1"] => play(1, Duration::MAX),
        ["--demo"] => {
            let other = thread::spawn(|| play(1, Duration::from_secs(3)));
            play(0, Duration::from_secs(3))?;
            other.join().expect("the other player panicked")
        }
        _ => Err("usage: cargo run --example loop -- 0|1|--demo".into()),
    }
}

/// Plays until `limit`, or until the peer is gone.
fn play(me: u16, limit: Duration) -> Result<(), Box<dyn Error + Send + Sync>> {
    let port = 7_100 + me;
    let socket = UdpSocket::bind(("127.0.0.1", port)).map_err(|error| format!("port {port}: {error}"))?;
    socket.connect(("127.0.0.1", 7_101 - me))?;
    let incarnation = RandomState::new().build_hasher().finish(); // 64 random bits, new ones at each start
    let config = Config::builder().session_id(7).local_player(me).incarnation(incarnation).build()?;
    let mut session = Session::<1, 1>::new(config); // one peer, inputs of one byte
    let clock = std::time::Instant::now();
    let now = || Instant::ORIGIN.saturating_add(clock.elapsed());
    let peer = session.add_peer(now(), PeerConfig::compact(1 - me))?;
    println!("{me}: port {port}, waits for player {}", 1 - me);
    let mut buf = [0; MAX_DATAGRAM_SIZE];
    let mut next_step = None; // `Some` from `Connected` on
    let mut is_over = false;
    loop {
        if let Some(step) = next_step.filter(|step| now() >= *step) {
            // `WindowFull`: the peer is away. The game does not advance, and tries again in the next step.
            let _ = session.push_input(now(), [me.to_le_bytes()[0]]);
            next_step = Some(step.saturating_add(config.frame_interval()));
        }
        session.handle_timeout(now());
        while let Some(event) = session.poll_event() {
            match event {
                Event::Input { frame, input, .. } if frame.get() % 60 == 0 => println!("{me}: {frame} is {input:?}"),
                Event::Input { .. } => {}
                other => println!("{me}: {other}"),
            }
            match event {
                Event::Peer { event: PeerEvent::Connected, .. } => next_step = Some(now()),
                Event::Peer { event: PeerEvent::EpochAhead { epoch }, .. } => {
                    let _ = session.begin_epoch(now(), epoch); // an error where it has begun already
                }
                Event::Peer { event: PeerEvent::Restarted | PeerEvent::OutOfSync, .. } => {
                    // Nothing of before counts any more. A game with a state starts it anew here.
                    let _ = session.next_epoch().map(|next| session.begin_epoch(now(), next));
                }
                Event::Peer {
                    event: PeerEvent::PeerClosed { .. } | PeerEvent::Health { health: Health::Disconnected, .. },
                    ..
                } => is_over = true,
                _ => {}
            }
        }
        if is_over || clock.elapsed() >= limit {
            session.close(now());
            next_step = None;
        }
        while let Some(transmit) = session.poll_transmit(&mut buf) {
            let _ = socket.send(transmit.datagram); // a failed send counts as lost
        }
        if session.is_closed() {
            return Ok(()); // the peer has every input, and the goodbyes are sent
        }
        let wake = [session.poll_timeout(), next_step].into_iter().flatten().min();
        let wait = wake.map_or(Duration::from_secs(1), |wake| wake.saturating_since(now()));
        socket.set_read_timeout(Some(wait.max(Duration::from_micros(100))))?;
        if let Ok(len) = socket.recv(&mut buf)
            && let Err(refused) = session.handle_datagram(now(), peer, &buf[..len])
        {
            eprintln!("{me}: {refused}"); // changed nothing except a counter
        }
    }
}

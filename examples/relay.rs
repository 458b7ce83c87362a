//! A relay for two players: forwards the datagrams of each to the other, where the direct route is down or slow.
//!
//! ```text
//! cargo run --release --example relay                         listens on 127.0.0.1:7100
//! cargo run --release --example udp -- --relay 127.0.0.1:7100
//! cargo run --release --example udp -- --relay 127.0.0.1:7100 --me 1
//! ```
//!
//! It knows addresses and nothing of the protocol. Both players send here when they begin, an empty datagram if nothing else.
//! The first two keep their places until they have been silent for 10 s. A relay for strangers would authenticate them.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

const TIMEOUT: Duration = Duration::from_secs(10);

struct Player {
    address: SocketAddr,
    last_seen: Instant,
}

fn main() -> io::Result<()> {
    let listen = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:7100".into());
    let socket = UdpSocket::bind(&listen)?;
    println!("relaying between the first two senders to {listen}");
    let mut players: Vec<Player> = Vec::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        // On some systems, a closed port at the receiver of an earlier datagram is an error of this call.
        let Ok((len, from)) = socket.recv_from(&mut buffer) else { continue };
        if !admit(&mut players, from) {
            continue;
        }
        let datagram = buffer.get(..len).unwrap_or_default();
        for other in players.iter().filter(|player| player.address != from && !datagram.is_empty()) {
            // A failed send counts as lost.
            let _ = socket.send_to(datagram, other.address);
        }
    }
}

/// Whether this is one of the two players. Admits it if a place is free.
fn admit(players: &mut Vec<Player>, address: SocketAddr) -> bool {
    let last_seen = Instant::now();
    if let Some(player) = players.iter_mut().find(|player| player.address == address) {
        player.last_seen = last_seen;
        return true;
    }
    players.retain(|player| last_seen.duration_since(player.last_seen) < TIMEOUT);
    if players.len() < 2 {
        println!("{address} is a player");
        players.push(Player { address, last_seen });
        return true;
    }
    false
}

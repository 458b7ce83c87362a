//! A relay for two players: what one of them sends here goes to the other. For when the direct route is not well.
//!
//! ```text
//! cargo run --release --example relay                         listens on 127.0.0.1:7100
//! cargo run --release --example udp -- --relay 127.0.0.1:7100
//! cargo run --release --example udp -- --relay 127.0.0.1:7100 --me 1
//! ```
//!
//! It knows nothing of the protocol: only addresses. Both players send here when they begin, and so become known; an empty
//! datagram does, too. The first two have the place until they have been silent for 10 s. A relay for strangers would
//! want to know who they are.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

const PLACE_KEPT: Duration = Duration::from_secs(10);

struct Player {
    address: SocketAddr,
    heard_at: Instant,
}

fn main() -> io::Result<()> {
    let listen = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:7100".into());
    let socket = UdpSocket::bind(&listen)?;
    println!("relaying between the first two that send to {listen}");
    let mut players: Vec<Player> = Vec::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        // Nobody listening where an earlier datagram went is, on some systems, an error of the next call.
        let Ok((len, from)) = socket.recv_from(&mut buffer) else { continue };
        if !admit(&mut players, from) {
            continue;
        }
        let datagram = buffer.get(..len).unwrap_or_default();
        for other in players.iter().filter(|player| player.address != from && !datagram.is_empty()) {
            // What cannot be sent is lost, as on any other network.
            let _ = socket.send_to(datagram, other.address);
        }
    }
}

/// Whether this is one of the two, now.
fn admit(players: &mut Vec<Player>, address: SocketAddr) -> bool {
    let heard_at = Instant::now();
    if let Some(player) = players.iter_mut().find(|player| player.address == address) {
        player.heard_at = heard_at;
        return true;
    }
    players.retain(|player| heard_at.duration_since(player.heard_at) < PLACE_KEPT);
    if players.len() < 2 {
        println!("{address} is a player");
        players.push(Player { address, heard_at });
        return true;
    }
    false
}

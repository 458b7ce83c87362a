//! Two players on this machine, each with a driver in a task of its own.
//!
//! ```text
//! cargo run --release --example pair
//! ```

use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::SocketAddr;
use std::time::Duration;

use inputwire::{Config, Event, PeerConfig, PeerEvent};
use inputwire_udp::{Driver, UdpError};

type AnyError = Box<dyn std::error::Error + Send + Sync>;

/// How many inputs each player pushes: two seconds of them.
const INPUTS: u32 = 120;

fn driver(player: u16) -> Result<Driver<1, 1>, AnyError> {
    let incarnation = RandomState::new().build_hasher().finish() | 1 << 63;
    let config = Config::builder().session_id(3).local_player(player).incarnation(incarnation).build()?;
    Ok(Driver::bind("127.0.0.1:0", config)?)
}

/// Plays until the other one says goodbye, or until every input is pushed and the other's are all there. Returns how many there were.
async fn play(mut driver: Driver<1, 1>) -> Result<u32, UdpError> {
    let mut frames = tokio::time::interval(Duration::from_micros(16_667));
    let (mut is_connected, mut pushed, mut delivered) = (false, 0, 0);
    while pushed < INPUTS || delivered < INPUTS {
        tokio::select! {
            event = driver.next_event() => match event? {
                Event::Input { .. } => delivered += 1,
                Event::Peer { event: PeerEvent::Connected, .. } => is_connected = true,
                Event::Peer { event: PeerEvent::PeerClosed { .. }, .. } => break,
                _ => {}
            },
            _ = frames.tick(), if is_connected && pushed < INPUTS => {
                // Refused while the other one is away: again in the next frame.
                pushed += u32::from(driver.push_input([pushed.to_le_bytes()[0]]).is_ok());
            }
        }
    }
    driver.close().await?;
    Ok(delivered)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), AnyError> {
    let (mut zero, mut one) = (driver(0)?, driver(1)?);
    let addresses: [Option<SocketAddr>; 2] = [zero.local_addr(), one.local_addr()];
    let [Some(to_zero), Some(to_one)] = addresses else { return Err("a socket without an address".into()) };
    zero.add_peer(to_one, PeerConfig::compact(1))?;
    one.add_peer(to_zero, PeerConfig::compact(0))?;
    let both = async { tokio::try_join!(Box::pin(play(zero)), Box::pin(play(one))) };
    let (of_one, of_zero) =
        tokio::time::timeout(Duration::from_secs(10), both).await.map_err(|_| "they did not come to an end")??;
    println!("{of_zero} inputs of player 0 and {of_one} of player 1 were delivered, then both said goodbye");
    if (of_zero, of_one) == (INPUTS, INPUTS) { Ok(()) } else { Err("some are missing".into()) }
}

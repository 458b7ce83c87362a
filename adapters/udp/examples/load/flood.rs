//! Junk from addresses that the server does not know.

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use inputwire::{MAX_DATAGRAM_SIZE, PeerConfig, Session};
use inputwire_sim::rng::Rng;

use crate::common::game::{SERVER, settings};

/// From how many addresses at once; each is used for so many datagrams, and then replaced.
const SOCKETS: usize = 128;
const EACH: u64 = 200;

/// Sends so many datagrams of junk, at a rate a second. Returns how many the system took.
pub(crate) fn send(server: SocketAddr, count: u64, rate: u64, seed: u64) -> std::io::Result<u64> {
    let mut rng = Rng::new(seed);
    let start = Instant::now();
    let mut sockets: Vec<UdpSocket> = Vec::new();
    let mut sent = 0;
    let mut taken = 0;
    while sent < count {
        let due = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX).saturating_mul(rate) / 1_000_000;
        let due = due.min(count);
        for number in sent..due {
            if sockets.len() < SOCKETS || number % EACH == 0 {
                let address = SocketAddr::from(([127, 0, 0, 2 + u8::try_from(rng.below(200)).unwrap_or(0)], 0));
                let socket = UdpSocket::bind(address).or_else(|_| UdpSocket::bind("127.0.0.1:0"))?;
                socket.set_nonblocking(true)?;
                if sockets.len() == SOCKETS {
                    sockets.remove(0);
                }
                sockets.push(socket);
            }
            let socket = &sockets[rng.index(sockets.len())];
            taken += u64::from(socket.send_to(&junk(&mut rng), server).is_ok());
        }
        sent = due;
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(taken)
}

/// A third each: noise, what looks like inputs, and hellos under another key.
fn junk(rng: &mut Rng) -> Vec<u8> {
    match rng.below(3) {
        0 => {
            let len = rng.between(1, 200);
            (0..len).map(|_| rng.next().to_le_bytes()[0]).collect()
        }
        1 => {
            let mut bytes: Vec<u8> = (0..rng.between(13, 20)).map(|_| rng.next().to_le_bytes()[0]).collect();
            bytes[0] = 0x80;
            bytes
        }
        _ => {
            let player = u16::try_from(rng.below(60_000)).unwrap_or(0);
            let config =
                settings(player).key(*b"not the same key").incarnation(rng.next() | 1 << 63).build().expect("valid");
            let mut session = Session::<1, 5>::new(config);
            session.add_peer(inputwire::Instant::ORIGIN, PeerConfig::compact(SERVER)).expect("room");
            let mut buf = [0; MAX_DATAGRAM_SIZE];
            session.poll_transmit(&mut buf).map(|hello| hello.datagram.to_vec()).unwrap_or_default()
        }
    }
}

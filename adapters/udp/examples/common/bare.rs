//! A server without sessions: the same batches, the same datagrams, nothing else. What a server costs above this is the library's.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use inputwire_udp::{Socket, UdpError};

/// The only byte of a datagram by which an address makes itself known.
pub const JOIN: u8 = 1;
/// As many as `Server` sends before it reads again.
const SEND_BATCH: usize = 64;

/// What a bare server counts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    pub clients: usize,
    pub received: u64,
    pub sent: u64,
}

/// Sends so many bytes a frame to every address, and reads what comes, until `goes_on`, which is called after each frame, says no.
pub async fn serve(socket: &mut Socket, size: usize, mut goes_on: impl FnMut(&Counts) -> bool) -> Result<(), UdpError> {
    let mut known = HashSet::new();
    let mut addresses: Vec<SocketAddr> = Vec::new();
    let mut counts = Counts::default();
    let interval = Duration::from_micros(16_667);
    let mut next_frame = Instant::now();
    let mut to_send = 0;
    let datagram = vec![0; size];
    loop {
        for address in addresses.iter().skip(addresses.len() - to_send).take(SEND_BATCH) {
            let _ = socket.send(*address, &datagram);
            counts.sent += 1;
        }
        to_send = to_send.saturating_sub(SEND_BATCH);
        if to_send == 0 && next_frame > Instant::now() {
            tokio::select! {
                biased;
                readable = socket.readable() => readable?,
                () = tokio::time::sleep_until(next_frame.into()) => {}
            }
        }
        socket.receive(|from, datagram| {
            counts.received += 1;
            if datagram == [JOIN] && known.insert(from) {
                addresses.push(from);
            }
        })?;
        let now = Instant::now();
        if now >= next_frame {
            next_frame += interval;
            if now.saturating_duration_since(next_frame) > interval * 6 {
                next_frame = now;
            }
            counts.clients = addresses.len();
            to_send = addresses.len();
            if !goes_on(&counts) {
                return Ok(());
            }
        }
    }
}

//! Everything that pong has to do with networks and rollback, between the markers. `lines.sh` counts it.

use std::error::Error;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::time::Instant as Clock;

use inputwire::{Config, Instant, MAX_DATAGRAM_SIZE, PeerConfig, PeerId, Session};
use inputwire_rollback::{Rollback, RollbackEvent};

use crate::game::Pong;
use crate::weather::Weather;

// netcode: begin
pub(crate) struct Net {
    pub(crate) driver: Rollback<Pong, Session<3, 1>, 3, 1>,
    socket: UdpSocket,
    peers: Vec<(PeerId, SocketAddr)>,
    start: Clock,
    next: Instant,
}

impl Net {
    pub(crate) fn new(socket: UdpSocket, player: u16, players: &[SocketAddr]) -> Result<Self, Box<dyn Error>> {
        socket.set_nonblocking(true)?;
        let incarnation = RandomState::new().build_hasher().finish();
        let config = Config::builder().session_id(0x901_6901).local_player(player).incarnation(incarnation).build()?;
        let driver = Rollback::new(Session::new(config), Pong::new(players.len(), 3));
        let mut driver = driver.with_checksums(10, Pong::hash).with_input_delay(2);
        let mut peers = Vec::new();
        for (number, address) in (0..).zip(players).filter(|(number, _)| *number != player) {
            peers.push((driver.add_peer(Instant::ORIGIN, PeerConfig::compact(number))?, *address));
        }
        Ok(Self { driver, socket, peers, start: Clock::now(), next: Instant::ORIGIN })
    }

    /// Does all that is due, and returns what a player should see.
    pub(crate) fn run(&mut self, buttons: u8, weather: &mut Weather) -> io::Result<Option<RollbackEvent>> {
        let now = Instant::ORIGIN.saturating_add(self.start.elapsed());
        let mut buf = [0; MAX_DATAGRAM_SIZE];
        while let Ok((len, from)) = self.socket.recv_from(&mut buf) {
            if let Some((peer, _)) = self.peers.iter().find(|(_, address)| *address == from) {
                let _ = self.driver.handle_datagram(now, *peer, &buf[..len]); // foreign ones are only counted
            }
        }
        self.driver.handle_timeout(now);
        let event = self.driver.poll_event();
        if event.is_none() && self.next <= now {
            self.driver.step(now, [buttons], Pong::play);
            self.next = self.next.saturating_add(self.driver.frame_interval()).max(now);
        }
        while let Some(transmit) = self.driver.poll_transmit(&mut buf) {
            let to = self.peers.iter().find(|(peer, _)| *peer == transmit.peer);
            if let Some((_, to)) = to.filter(|_| !weather.is_lost()) {
                self.socket.send_to(transmit.datagram, to)?;
            }
        }
        Ok(event)
    }
}
// netcode: end

impl Net {
    /// How long nothing is due, unless a datagram arrives.
    pub(crate) fn rest(&mut self) -> std::time::Duration {
        let now = Instant::ORIGIN.saturating_add(self.start.elapsed());
        self.driver.poll_timeout().map_or(self.next, |timeout| timeout.min(self.next)).saturating_since(now)
    }
}

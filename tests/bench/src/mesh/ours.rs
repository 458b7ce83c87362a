//! inputwire in a loop that predicts up to eight frames. It only counts what a rollback would do: every input is compared.

use std::time::Duration;

use inputwire::{Config, Departure, Event, Health, Instant, MAX_DATAGRAM_SIZE, PeerConfig, PeerEvent, PeerId, Session};

use super::{GIVE_UP_US, Member, PLAYERS, Sent};
use crate::game::PREDICTION;

pub struct Ours {
    session: Session<{ PLAYERS - 1 }, 1>,
    player: usize,
    buf: [u8; MAX_DATAGRAM_SIZE],
    /// Of each player: the hash of its inputs so far, and its last frame.
    hashes: [u64; PLAYERS],
    lasts: [Option<u64>; PLAYERS],
}

impl Ours {
    fn peers(&self) -> Vec<PeerId> {
        self.session.peers().collect()
    }

    fn player(&self, peer: PeerId) -> usize {
        self.session.peer(peer).map_or(0, |peer| usize::from(peer.player()))
    }

    /// Gives up who has been silent for long; the greater number waits 200 ms longer.
    fn give_up(&mut self, now: Instant) {
        for id in self.peers() {
            let Some(peer) = self.session.peer(id) else { continue };
            let patience = if self.player > usize::from(peer.player()) { 200_000 } else { 0 };
            let silence = peer.stats().silence.unwrap_or_default();
            let silent = silence >= Duration::from_micros(GIVE_UP_US + patience);
            if peer.departure() == Departure::Present && (silent || peer.health() == Health::Disconnected) {
                self.session.disconnect_peer(now, id);
            }
        }
    }
}

impl Member for Ours {
    fn new(player: usize) -> Self {
        let number = |player: usize| u16::try_from(player).expect("few");
        let config = Config::builder().local_player(number(player)).incarnation(0x5eed_0000_0001 + player as u64);
        let mut session = Session::new(config.build().expect("valid"));
        for other in (0..PLAYERS).filter(|other| *other != player) {
            session.add_peer(Instant::ORIGIN, PeerConfig::compact(number(other))).expect("a free slot");
        }
        Self { session, player, buf: [0; MAX_DATAGRAM_SIZE], hashes: [0; PLAYERS], lasts: [None; PLAYERS] }
    }

    fn arrive(&mut self, now: u64, from: usize, datagram: &[u8]) {
        if let Some(peer) = self.session.peer_of(u16::try_from(from).expect("few")) {
            let _ = self.session.handle_datagram(Instant::from_micros(now), peer, datagram);
        }
    }

    fn frame(&mut self, now: u64, input: [u8; 1], out: &mut Vec<Sent>) -> bool {
        let now = Instant::from_micros(now);
        self.session.handle_timeout(now);
        self.give_up(now);
        while let Some(event) = self.session.poll_event() {
            match event {
                Event::Input { peer, input: [byte], .. } => {
                    let player = self.player(peer);
                    self.hashes[player] = self.hashes[player].wrapping_mul(31) ^ u64::from(byte);
                }
                Event::Peer { peer, event: PeerEvent::Departed { last } } => {
                    self.lasts[self.player(peer)] = last.map(|frame| frame.get().into());
                }
                _ => {}
            }
        }
        let confirmed = self.session.confirmed_frame().map_or(0, |frame| u64::from(frame.get()) + 1);
        let next = u64::from(self.session.next_frame().get());
        let plays = next < confirmed + PREDICTION && self.session.push_input(now, input).is_ok();
        while let Some(transmit) = self.session.poll_transmit(&mut self.buf) {
            let (peer, datagram) = (transmit.peer, transmit.datagram.to_vec());
            out.push((self.session.peer(peer).map_or(0, |peer| usize::from(peer.player())), datagram));
        }
        plays
    }

    fn last(&self) -> Option<(u64, u64)> {
        Some((self.lasts[PLAYERS - 1]?, self.hashes[PLAYERS - 1]))
    }
}

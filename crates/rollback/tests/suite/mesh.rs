//! Three drivers in one place, each with both others.

use inputwire::{Config, Instant, MAX_DATAGRAM_SIZE, PeerConfig, PeerId, Session};
use inputwire_rollback::{Rollback, RollbackEvent, Step};

use crate::game::{Game, LEN};
use crate::pair::{FRAME_US, config};

/// A session of one of three players, with both others.
fn meshed(config: Config) -> Session<3, LEN> {
    let player = config.local_player();
    let mut session = Session::new(config);
    for other in (0..3).filter(|other| *other != player) {
        session.add_peer(Instant::ORIGIN, PeerConfig::compact(other)).expect("a free place");
    }
    session
}

/// Three players in one place, everything between whom arrives at once.
pub(crate) struct Mesh {
    pub(crate) ends: [Rollback<Game, Session<3, LEN>, 3, LEN>; 3],
    pub(crate) now: u64,
}

impl Mesh {
    pub(crate) fn new(delays: [u32; 3], hashes: [fn(&Game) -> u64; 3]) -> Self {
        let ends = [0, 1, 2].map(|player: u16| {
            let at = usize::from(player);
            let session = meshed(config(player));
            Rollback::new(session, Game::new(0)).with_checksums(10, hashes[at]).with_input_delay(delays[at])
        });
        Self { ends, now: 0 }
    }

    pub(crate) fn now(&self) -> Instant {
        Instant::from_micros(self.now)
    }

    pub(crate) fn peer(&self, of: usize, player: u16) -> PeerId {
        self.ends[of].session().peer_of(player).expect("a peer")
    }

    /// One takes its events, and plays a frame.
    pub(crate) fn step(&mut self, player: usize) -> (Step, Vec<RollbackEvent>) {
        let (now, end) = (self.now(), &mut self.ends[player]);
        end.handle_timeout(now);
        let events = std::iter::from_fn(|| end.poll_event()).collect();
        (end.step(now, [1, 1], Game::advance), events)
    }

    /// What one has to send arrives.
    pub(crate) fn send(&mut self, player: usize) {
        self.send_where(player, |_, _| true);
    }

    /// What one has to send arrives where `arrives` says so.
    pub(crate) fn send_where(&mut self, player: usize, arrives: impl Fn(usize, &[u8]) -> bool) {
        let (now, mut buf) = (self.now(), [0; MAX_DATAGRAM_SIZE]);
        self.ends[player].handle_timeout(now);
        while let Some(transmit) = self.ends[player].poll_transmit(&mut buf) {
            let session = self.ends[player].session();
            let to = usize::from(session.peer(transmit.peer).expect("a peer").player());
            // Who has been told to join may never come.
            if to >= self.ends.len() || !arrives(to, transmit.datagram) {
                continue;
            }
            let Some(from) = self.ends[to].session().peer_of(session.config().local_player()) else { continue };
            // Of one who has left nothing is taken.
            let _ = self.ends[to].handle_datagram(now, from, transmit.datagram);
        }
    }

    /// These play a frame each, and then send, in this order.
    pub(crate) fn frame(&mut self, players: &[usize]) {
        self.frame_where(players, |_, _, _| true);
    }

    /// The same, where `arrives` says what arrives from whom to whom.
    pub(crate) fn frame_where(&mut self, players: &[usize], arrives: impl Fn(usize, usize, &[u8]) -> bool) {
        self.now += FRAME_US;
        for player in players {
            self.step(*player);
        }
        for player in players {
            self.send_where(*player, |to, datagram| arrives(*player, to, datagram));
        }
    }

    /// Player 0 plays no frame and takes its events, or not; of the others, these play one, and player 2 may not reach it.
    pub(crate) fn lobby(&mut self, takes: bool, players: &[usize], reaches: bool) {
        self.now += FRAME_US;
        let now = self.now();
        self.ends[0].handle_timeout(now);
        while takes && self.ends[0].poll_event().is_some() {}
        for player in players {
            self.step(*player);
        }
        self.send(0);
        for player in players {
            self.send_where(*player, |to, _| reaches || (*player, to) != (2, 0));
        }
    }

    /// Another driver takes over the session of player 0.
    pub(crate) fn take_over(&mut self) {
        let session = self.ends[0].clone().into_endpoint();
        self.ends[0] = Rollback::new(session, Game::new(0)).with_checksums(10, |game| game.hash);
    }

    /// The program of one is started again.
    pub(crate) fn restart(&mut self, player: u16) {
        let config = Config::builder().local_player(player).incarnation(77 << 40).build().expect("valid settings");
        self.ends[usize::from(player)] = Rollback::new(meshed(config), Game::new(0));
    }

    pub(crate) fn disconnect(&mut self, by: usize, player: u16) {
        let (now, peer) = (self.now(), self.peer(by, player));
        self.ends[by].disconnect_peer(now, peer);
    }
}

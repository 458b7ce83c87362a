//! Round after round: three players over links that lose 30 %, each round an epoch.
//!
//! `cargo run --example epochs`

use inputwire::{
    Config, Departure, Epoch, Event, Frame, Instant, MAX_DATAGRAM_SIZE, PeerConfig, PeerEvent, PeerId, PeerRef, Session,
};

const PLAYERS: usize = 3;
const ROUNDS: u32 = 10;
/// The last frame of a round.
const LAST: Frame = Frame::new(29);

/// One endpoint, and what it knows about the end of the round.
struct Endpoint {
    session: Session<{ PLAYERS - 1 }, 1>,
    /// The peers that have begun a later epoch.
    ahead: Vec<(PeerId, Epoch)>,
    /// Whether a peer was restarted or is out of sync.
    is_broken: bool,
    received: u32,
}

impl Endpoint {
    fn new(player: u16) -> Self {
        // A program that talks to others draws the incarnation at random, anew at each start.
        let config = Config::builder().local_player(player).incarnation(0x5eed_0000_0001);
        let config = config.build().expect("the settings are valid");
        let mut session = Session::new(config);
        for peer in (0..3).filter(|peer| *peer != player) {
            session.add_peer(Instant::ORIGIN, PeerConfig::compact(peer)).expect("there is room for two");
        }
        Self { session, ahead: Vec::new(), is_broken: false, received: 0 }
    }

    fn drain_events(&mut self) {
        while let Some(event) = self.session.poll_event() {
            match event {
                Event::Input { .. } => self.received += 1,
                Event::Peer { peer, event: PeerEvent::EpochAhead { epoch } } => self.ahead.push((peer, epoch)),
                Event::Peer { event: PeerEvent::Restarted | PeerEvent::OutOfSync, .. } => self.is_broken = true,
                _ => {}
            }
        }
    }

    /// Call it after each drain. Begins the next epoch, and returns true, if the round is complete or cannot be completed.
    fn end_round(&mut self, now: Instant) -> bool {
        // Of a player that has departed nothing more comes, and a peer that is ahead sends no more acknowledgements.
        let has_departed = |peer: PeerRef<'_, 1>| matches!(peer.departure(), Departure::Departed { .. });
        let is_ahead = |id| self.ahead.iter().any(|(ahead, _)| *ahead == id);
        let has_all = |peer: PeerRef<'_, 1>| peer.last_frame() == Some(LAST) || has_departed(peer);
        let needs_nothing = |peer: PeerRef<'_, 1>| peer.unacked() == 0 || is_ahead(peer.id()) || has_departed(peer);
        let peers = || self.session.peers().filter_map(|id| self.session.peer(id));
        let is_settled = self.session.departures_settled();
        let is_complete = is_settled && peers().all(|peer| has_all(peer) && needs_nothing(peer));
        let is_complete = is_complete && self.session.next_frame() > LAST;
        // Missing inputs of a peer that is ahead never arrive, nor does what it knows of who left.
        let is_hopeless = peers().any(|peer| is_ahead(peer.id()) && !(is_settled && has_all(peer))) || self.is_broken;
        if !is_complete && !is_hopeless {
            return false;
        }
        // The greatest that a peer has begun; else one that is new to everybody.
        let ahead = self.ahead.drain(..).map(|(_, epoch)| epoch).max();
        self.is_broken = false;
        let next = ahead.filter(|epoch| *epoch > self.session.epoch()).or(self.session.next_epoch());
        next.is_some_and(|next| self.session.begin_epoch(now, next).is_ok())
    }
}

fn main() {
    let mut endpoints = [0, 1, 2].map(Endpoint::new);
    let mut in_flight: Vec<(u64, u16, u16, Vec<u8>)> = Vec::new();
    let mut buf = [0; MAX_DATAGRAM_SIZE];
    let mut random = 5_u32;
    for ms in 0.. {
        let now = Instant::from_micros(ms * 1_000);
        for (_, to, from, datagram) in in_flight.extract_if(.., |(at, ..)| *at <= ms) {
            let session = &mut endpoints[usize::from(to)].session;
            let peer = session.peer_of(from).expect("every endpoint has every other player as a peer");
            let _ = session.handle_datagram(now, peer, &datagram);
        }
        for (player, endpoint) in (0..).zip(&mut endpoints) {
            if ms % 16 == 0 && endpoint.session.next_frame() <= LAST {
                endpoint.session.push_input(now, [0]).expect("a round is shorter than the window");
            }
            endpoint.session.handle_timeout(now);
            endpoint.drain_events();
            if endpoint.end_round(now) {
                let epoch = endpoint.session.epoch().get();
                println!("{ms:5} ms: player {player} begins epoch {epoch} with {} inputs received", endpoint.received);
                assert_eq!(endpoint.received, epoch * 60, "a round ended before its last input");
            }
            while let Some(transmit) = endpoint.session.poll_transmit(&mut buf) {
                random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                if random >> 16 >= 0x1_0000 / 10 * 3 {
                    let to = endpoint.session.peer(transmit.peer).expect("it is a peer").player();
                    in_flight.push((ms + 20, to, player, transmit.datagram.to_vec()));
                }
            }
        }
        if endpoints.iter().all(|endpoint| endpoint.session.epoch() >= Epoch::new(ROUNDS)) {
            break;
        }
    }
}

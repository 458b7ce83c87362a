//! What a session knows: views that change nothing.

use super::Session;
use crate::config::Config;
use crate::frame::{Epoch, Frame, PeerId};
use crate::pace::Pace;
use crate::peer::Peer;
use crate::stats::PeerStats;

impl<const PEERS: usize, const INPUT: usize, const WINDOW: usize> Session<PEERS, INPUT, WINDOW> {
    /// The settings of this session.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.ours.config
    }

    /// The present epoch.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        Epoch::new(self.ours.epoch)
    }

    /// The peers, in the order in which they were added.
    pub fn peers(&self) -> impl Iterator<Item = PeerId> {
        self.peers.iter().map(|peer| peer.id)
    }

    /// The frame that the next push gets.
    #[must_use]
    pub fn next_frame(&self) -> Frame {
        Frame::new(self.ours.outbox.next)
    }

    /// Our input of a frame, while it is in the window.
    #[must_use]
    pub fn own_input(&self, frame: Frame) -> Option<[u8; INPUT]> {
        self.inputs.view(&self.ours.outbox).input(frame)?.try_into().ok()
    }

    /// A peer's input of a frame, while it is in the window: games need no buffer of their own.
    #[must_use]
    pub fn input(&self, peer: PeerId, frame: Frame) -> Option<[u8; INPUT]> {
        let (peer, rows) = self.seat(peer)?;
        peer.input(rows, frame)?.try_into().ok()
    }

    /// The newest frame known of a peer in this epoch, with its input: what a game predicts from. There may be holes
    /// below it on the classic wire.
    #[must_use]
    pub fn newest_input(&self, peer: PeerId) -> Option<(Frame, [u8; INPUT])> {
        let (peer, rows) = self.seat(peer)?;
        let (frame, input) = peer.newest(rows)?;
        Some((frame, input.try_into().ok()?))
    }

    /// The newest frame of a peer without a hole below it. What was lost for good is no hole.
    #[must_use]
    pub fn known(&self, peer: PeerId) -> Option<Frame> {
        self.peer(peer)?.known()
    }

    /// The newest frame known from everybody, if there is anybody.
    #[must_use]
    pub fn confirmed(&self) -> Option<Frame> {
        let known = self.peers.iter().map(Peer::known);
        known.reduce(core::cmp::min).flatten()
    }

    /// How many of our inputs a peer has not acknowledged; 0 on the classic wire, and for a peer that is not known.
    #[must_use]
    pub fn unacked(&self, peer: PeerId) -> u32 {
        self.peer(peer).map_or(0, |peer| peer.unacked(&self.ours))
    }

    /// How far ahead of a peer we play, and what to do about it; `None` until both play and the round trip is known.
    #[must_use]
    pub fn pace(&self, peer: PeerId) -> Option<Pace> {
        self.peer(peer)?.pace(&self.ours)
    }

    /// How many frames of input delay would hide latency and jitter of a peer; `None` until the round trip is known.
    #[must_use]
    pub fn suggested_delay(&self, peer: PeerId) -> Option<u32> {
        self.peer(peer)?.suggested_delay(&self.ours)
    }

    /// Everything known of a peer, in figures.
    #[must_use]
    pub fn stats(&self, peer: PeerId) -> Option<PeerStats> {
        self.peer(peer).map(|peer| peer.stats(&self.ours))
    }

    fn peer(&self, id: PeerId) -> Option<&Peer> {
        self.peers.iter().find(|peer| peer.id == id)
    }

    fn seat(&self, id: PeerId) -> Option<(&Peer, &[u8])> {
        let (peer, window) = self.peers.iter().zip(&self.windows).find(|(peer, _)| peer.id == id)?;
        Some((peer, window.as_flattened()))
    }
}

//! What a session must answer, in the plainest terms: maps without windows, and no thought of speed.

use std::collections::BTreeMap;

use inputwire::{AddPeerError, DatagramError, Epoch, EpochError, Frame, PeerId, PushError};

use super::forge::{FIRST, INPUT, ME, PEERS, WINDOW};

type Input = [u8; INPUT];
type Inputs = BTreeMap<u32, Input>;

/// A peer as the model sees it.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    pub(crate) id: PeerId,
    pub(crate) player: u16,
    pub(crate) incarnation: u32,
    /// It started anew, and we have begun no epoch since.
    pub(crate) halted: bool,
    pub(crate) open: bool,
    pub(crate) known: Inputs,
    /// The next frame wanted, the next to be told, and the next of ours that it wants.
    pub(crate) want: u32,
    pub(crate) told: u32,
    pub(crate) acked: u32,
}

/// See the [module](self).
#[derive(Clone, Debug)]
pub(crate) struct Model {
    pub(crate) epoch: u32,
    pub(crate) next: u32,
    own: Inputs,
    pub(crate) peers: Vec<Peer>,
    added: u32,
}

impl Model {
    pub(crate) fn new() -> Self {
        Self { epoch: 0, next: FIRST, own: Inputs::new(), peers: Vec::new(), added: 0 }
    }

    pub(crate) fn add(&mut self, player: u16, incarnation: u32) -> Result<PeerId, AddPeerError> {
        if player == ME || self.peers.iter().any(|peer| peer.player == player) {
            return Err(AddPeerError::PlayerTaken);
        }
        if self.next > FIRST + WINDOW {
            return Err(AddPeerError::EpochRunning);
        }
        if self.peers.len() == PEERS {
            return Err(AddPeerError::Full);
        }
        let id = PeerId::new(self.added);
        self.added += 1;
        let known = Inputs::new();
        let (want, told, acked) = (FIRST, FIRST, FIRST);
        self.peers.push(Peer { id, player, incarnation, halted: false, open: true, known, want, told, acked });
        Ok(id)
    }

    pub(crate) fn remove(&mut self, id: PeerId) {
        self.peers.retain(|peer| peer.id != id);
    }

    pub(crate) fn peer(&mut self, id: PeerId) -> Option<&mut Peer> {
        self.peers.iter_mut().find(|peer| peer.id == id)
    }

    pub(crate) fn push(&mut self, input: Input) -> Result<Frame, PushError> {
        if let Some(peer) = self.peers.iter().find(|peer| self.next - peer.acked == WINDOW) {
            return Err(PushError::WindowFull(peer.id));
        }
        self.own.insert(self.next, input);
        self.next += 1;
        Ok(Frame::new(self.next - 1))
    }

    pub(crate) fn begin(&mut self, epoch: Epoch) -> Result<(), EpochError> {
        if epoch.get() <= self.epoch {
            return Err(EpochError::NotNewer);
        }
        (self.epoch, self.next) = (epoch.get(), FIRST);
        self.own.clear();
        for peer in &mut self.peers {
            peer.halted = false;
            peer.known.clear();
            (peer.want, peer.told, peer.acked) = (FIRST, FIRST, FIRST);
        }
        Ok(())
    }

    /// A whole datagram of this epoch and run, with the inputs of `base` and the frames after it.
    pub(crate) fn inputs(&mut self, id: PeerId, base: u32, inputs: &[Input], ack: u32) -> Result<(), DatagramError> {
        let peer = self.peer(id).ok_or(DatagramError::UnknownPeer)?;
        if peer.halted {
            return Err(DatagramError::NotReady);
        }
        if inputs.len() > WINDOW as usize {
            return Err(DatagramError::Count);
        }
        if base > peer.want {
            return Err(DatagramError::OutOfStep);
        }
        for (frame, input) in (base..).zip(inputs) {
            if frame == peer.want && peer.want - peer.told < WINDOW {
                peer.known.insert(frame, *input);
                peer.want += 1;
            }
        }
        peer.acked = peer.acked.max(ack);
        Ok(())
    }

    pub(crate) fn hello(&mut self, id: PeerId, incarnation: u32) -> Result<(), DatagramError> {
        let peer = self.peer(id).ok_or(DatagramError::UnknownPeer)?;
        if incarnation < peer.incarnation {
            return Err(DatagramError::OldIncarnation);
        }
        peer.halted |= incarnation > peer.incarnation;
        peer.incarnation = incarnation;
        Ok(())
    }

    /// The next input to be told of a peer.
    pub(crate) fn tell(&mut self, id: PeerId) -> Option<(Frame, Input)> {
        let peer = self.peer(id)?;
        let input = *peer.known.get(&peer.told)?;
        peer.told += 1;
        Some((Frame::new(peer.told - 1), input))
    }

    pub(crate) fn known(&self, id: PeerId) -> Option<Frame> {
        let peer = self.peers.iter().find(|peer| peer.id == id)?;
        (peer.want > FIRST).then(|| Frame::new(peer.want - 1))
    }

    pub(crate) fn confirmed(&self) -> Option<Frame> {
        self.peers.iter().map(|peer| self.known(peer.id)).min().flatten()
    }

    pub(crate) fn own_input(&self, frame: u32) -> Option<Input> {
        self.own.get(&frame).filter(|_| frame + WINDOW >= self.next).copied()
    }

    pub(crate) fn input(&self, id: PeerId, frame: u32) -> Option<Input> {
        let peer = self.peers.iter().find(|peer| peer.id == id)?;
        peer.known.get(&frame).filter(|_| frame + WINDOW >= peer.want).copied()
    }

    pub(crate) fn unacked(&self, id: PeerId) -> u32 {
        self.peers.iter().find(|peer| peer.id == id).map_or(0, |peer| self.next - peer.acked)
    }
}

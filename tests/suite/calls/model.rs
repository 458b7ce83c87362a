//! The answers that a session must give, from the plainest data structures: maps, no windows, no concern for speed.

use std::collections::BTreeMap;

use inputwire::{AddPeerError, DatagramError, Epoch, EpochError, Frame, PeerId, PushError};

use super::forge::{FIRST, INPUT_LEN, LOCAL_PLAYER, MAX_PEERS, WINDOW};

type Input = [u8; INPUT_LEN];
type Inputs = BTreeMap<u32, Input>;

/// A peer in the model.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    pub(crate) id: PeerId,
    pub(crate) player: u16,
    pub(crate) incarnation: u32,
    /// It restarted, and no epoch has begun since.
    pub(crate) halted: bool,
    pub(crate) open: bool,
    pub(crate) inputs: Inputs,
    /// The next frame to receive, the next to deliver, and the first local one that the peer has not acknowledged.
    pub(crate) recv_next: u32,
    pub(crate) delivered: u32,
    pub(crate) acked: u32,
}

/// See the [module](self).
#[derive(Clone, Debug)]
pub(crate) struct Model {
    pub(crate) epoch: u32,
    pub(crate) next: u32,
    local: Inputs,
    pub(crate) peers: Vec<Peer>,
    added: u32,
}

impl Model {
    pub(crate) fn new() -> Self {
        Self { epoch: 0, next: FIRST, local: Inputs::new(), peers: Vec::new(), added: 0 }
    }

    pub(crate) fn add(&mut self, player: u16, incarnation: u32) -> Result<PeerId, AddPeerError> {
        if player == LOCAL_PLAYER || self.peers.iter().any(|peer| peer.player == player) {
            return Err(AddPeerError::PlayerTaken);
        }
        if self.next > FIRST + WINDOW {
            return Err(AddPeerError::EpochRunning);
        }
        if self.peers.len() == MAX_PEERS {
            return Err(AddPeerError::Full);
        }
        let id = PeerId::new(self.added);
        self.added += 1;
        let inputs = Inputs::new();
        let (recv_next, delivered, acked) = (FIRST, FIRST, FIRST);
        self.peers.push(Peer {
            id,
            player,
            incarnation,
            halted: false,
            open: true,
            inputs,
            recv_next,
            delivered,
            acked,
        });
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
        self.local.insert(self.next, input);
        self.next += 1;
        Ok(Frame::new(self.next - 1))
    }

    pub(crate) fn begin(&mut self, epoch: Epoch) -> Result<(), EpochError> {
        if epoch.get() <= self.epoch {
            return Err(EpochError::NotNewer);
        }
        (self.epoch, self.next) = (epoch.get(), FIRST);
        self.local.clear();
        for peer in &mut self.peers {
            peer.halted = false;
            peer.inputs.clear();
            (peer.recv_next, peer.delivered, peer.acked) = (FIRST, FIRST, FIRST);
        }
        Ok(())
    }

    /// Receives a well-formed datagram of this epoch and run, with the inputs of `base` and the frames after it.
    pub(crate) fn inputs(&mut self, id: PeerId, base: u32, inputs: &[Input], ack: u32) -> Result<(), DatagramError> {
        let peer = self.peer(id).ok_or(DatagramError::UnknownPeer)?;
        if peer.halted {
            return Err(DatagramError::NotReady);
        }
        if inputs.len() > WINDOW as usize {
            return Err(DatagramError::TooManyInputs);
        }
        if base > peer.recv_next {
            return Err(DatagramError::OutOfSync);
        }
        for (frame, input) in (base..).zip(inputs) {
            if frame == peer.recv_next && peer.recv_next - peer.delivered < WINDOW {
                peer.inputs.insert(frame, *input);
                peer.recv_next += 1;
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

    /// Delivers the next input of a peer.
    pub(crate) fn deliver(&mut self, id: PeerId) -> Option<(Frame, Input)> {
        let peer = self.peer(id)?;
        let input = *peer.inputs.get(&peer.delivered)?;
        peer.delivered += 1;
        Some((Frame::new(peer.delivered - 1), input))
    }

    pub(crate) fn last_frame(&self, id: PeerId) -> Option<Frame> {
        let peer = self.peers.iter().find(|peer| peer.id == id)?;
        (peer.recv_next > FIRST).then(|| Frame::new(peer.recv_next - 1))
    }

    pub(crate) fn confirmed_frame(&self) -> Option<Frame> {
        self.peers.iter().map(|peer| self.last_frame(peer.id)).min().flatten()
    }

    pub(crate) fn local_input(&self, frame: u32) -> Option<Input> {
        self.local.get(&frame).filter(|_| frame + WINDOW >= self.next).copied()
    }

    pub(crate) fn remote_input(&self, id: PeerId, frame: u32) -> Option<Input> {
        let peer = self.peers.iter().find(|peer| peer.id == id)?;
        peer.inputs.get(&frame).filter(|_| frame + WINDOW >= peer.recv_next).copied()
    }

    pub(crate) fn unacked(&self, id: PeerId) -> u32 {
        self.peers.iter().find(|peer| peer.id == id).map_or(0, |peer| self.next - peer.acked)
    }
}

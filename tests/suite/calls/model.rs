//! The answers that a session must give, from the plainest data structures: maps, no windows, no concern for speed.

use std::collections::BTreeMap;

use inputwire::{AddPeerError, DatagramError, Epoch, EpochError, Frame, PeerId, PushError};

use super::forge::{FIRST, Greeting, INPUT_LEN, LOCAL_PLAYER, LOCAL_RUN, MAX_PEERS, WINDOW};

type Input = [u8; INPUT_LEN];
type Inputs = BTreeMap<u32, Input>;

/// A peer in the model.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    pub(crate) id: PeerId,
    pub(crate) player: u16,
    /// The run of the session on this link.
    pub(crate) local_run: u64,
    /// The run that is believed, and one that is not yet, with the number of its hello.
    pub(crate) run: Option<u64>,
    pub(crate) candidate: Option<(u64, u32)>,
    /// An input of the run was accepted.
    pub(crate) linked: bool,
    /// Another run replaced one that was linked, and no epoch has begun since.
    pub(crate) halted: bool,
    /// The number of the last hello that was sent, and what it was at the last sign of life.
    pub(crate) said: u32,
    pub(crate) asked: u32,
    /// The greatest number and the greatest epoch of a hello of the run.
    pub(crate) number: u32,
    pub(crate) announced: u32,
    /// When there was last a sign of life, in microseconds.
    pub(crate) life: Option<u64>,
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
    pub(crate) now: u64,
    pub(crate) closed: bool,
}

/// A peer whose last sign of life is so long ago may be replaced by another run.
pub(crate) const SILENCE_US: u64 = 500_000;

impl Peer {
    pub(crate) fn is_alive(&self, now: u64) -> bool {
        self.life.is_some_and(|life| now < life + SILENCE_US)
    }

    /// The run under which inputs flow.
    pub(crate) fn playing(&self) -> Option<u64> {
        self.run.or(self.candidate.map(|(run, _)| run)).filter(|_| !self.halted)
    }

    fn sign_of_life(&mut self, now: u64) {
        (self.life, self.asked, self.candidate) = (Some(now), self.said, None);
    }
}

impl Model {
    pub(crate) fn new() -> Self {
        Self { epoch: 0, next: FIRST, local: Inputs::new(), peers: Vec::new(), added: 0, now: 0, closed: false }
    }

    /// The run of the session for the peer that is added next.
    pub(crate) fn local_run(&self) -> u64 {
        LOCAL_RUN + u64::from(self.added) - u64::try_from(self.peers.len()).expect("few")
    }

    /// The epoch to begin next.
    pub(crate) fn next_epoch(&self) -> Option<Epoch> {
        let latest = self.peers.iter().map(|peer| peer.announced).fold(self.epoch, u32::max);
        (!self.closed).then(|| Epoch::new(latest + 1))
    }

    pub(crate) fn add(&mut self, player: u16, signalled: Option<u64>) -> Result<PeerId, AddPeerError> {
        if self.closed {
            return Err(AddPeerError::Closed);
        }
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
        let local_run = self.local_run();
        self.added += 1;
        let inputs = Inputs::new();
        let (recv_next, delivered, acked) = (FIRST, FIRST, FIRST);
        self.peers.push(Peer {
            id,
            player,
            local_run,
            run: None,
            candidate: signalled.map(|run| (run, 0)),
            linked: false,
            halted: false,
            said: 0,
            asked: 0,
            number: 0,
            announced: 0,
            life: None,
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
        if self.closed {
            return Err(PushError::Closed);
        }
        if let Some(peer) = self.peers.iter().find(|peer| self.next - peer.acked == WINDOW) {
            return Err(PushError::WindowFull(peer.id));
        }
        self.local.insert(self.next, input);
        self.next += 1;
        Ok(Frame::new(self.next - 1))
    }

    pub(crate) fn begin(&mut self, epoch: Epoch) -> Result<(), EpochError> {
        if self.closed {
            return Err(EpochError::Closed);
        }
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
        let now = self.now;
        let peer = self.peer(id).ok_or(DatagramError::UnknownPeer)?;
        if peer.playing().is_none() {
            return Err(DatagramError::NotReady);
        }
        if inputs.len() > WINDOW as usize {
            return Err(DatagramError::TooManyInputs);
        }
        if base > peer.recv_next {
            return Err(DatagramError::OutOfSync);
        }
        let recv_next = peer.recv_next;
        for (frame, input) in (base..).zip(inputs) {
            if frame == peer.recv_next && peer.recv_next - peer.delivered < WINDOW {
                peer.inputs.insert(frame, *input);
                peer.recv_next += 1;
            }
        }
        let progress = ack > peer.acked || peer.recv_next > recv_next;
        peer.acked = peer.acked.max(ack);
        if peer.run.is_none()
            && let Some((run, number)) = peer.candidate.take()
        {
            (peer.run, peer.number) = (Some(run), number);
        }
        peer.linked = true;
        if progress {
            peer.sign_of_life(now);
        }
        Ok(())
    }

    /// Receives a hello of a run of the peer, with the settings of the session.
    pub(crate) fn hello(&mut self, id: PeerId, run: u64, epoch: u32, greeting: Greeting) -> Result<(), DatagramError> {
        let now = self.now;
        let peer = self.peer(id).ok_or(DatagramError::UnknownPeer)?;
        let Greeting { number, named, answered, playing } = greeting;
        let names_local = named == peer.local_run;
        if number == 0 {
            return Err(DatagramError::EpochRange);
        }
        if peer.run == Some(run) {
            if number <= peer.number {
                return Err(DatagramError::LateHello);
            }
            // It plays with another run of the session: it says so, and is no sign of life.
            if names_local || !playing {
                (peer.number, peer.announced) = (number, peer.announced.max(epoch));
                peer.sign_of_life(now);
            }
            return Ok(());
        }
        if peer.is_alive(now) && peer.linked {
            return Err(DatagramError::OtherRun);
        }
        if names_local && (peer.run.is_none() || answered > peer.asked) {
            peer.halted |= peer.linked;
            peer.linked = false;
            (peer.run, peer.number, peer.announced) = (Some(run), number, epoch);
            peer.sign_of_life(now);
        } else {
            peer.candidate = Some((run, number));
        }
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

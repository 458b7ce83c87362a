//! The answers that a session must give, from the plainest data structures: maps, no windows, no concern for speed.

use std::collections::{BTreeMap, BTreeSet};

use inputwire::{AddPeerError, DatagramError, Departure, Epoch, EpochError, Frame, PeerId, PushError};

use super::forge::{self, FIRST, Greeting, INPUT_LEN, LOCAL_PLAYER, LOCAL_RUN, MAX_PEERS, WINDOW};

type Input = [u8; INPUT_LEN];
type Inputs = BTreeMap<u32, Input>;

/// A peer in the model.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
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
    /// The first frame that is owed to it and by it.
    pub(crate) join: u32,
    pub(crate) named: bool,
    pub(crate) departed: bool,
    /// Which run's inputs are held in this epoch, or 0.
    pub(crate) source: u16,
    /// Of a named peer: the greatest end that was told. Of a survivor: its word of the present set arrived while the same players
    /// stayed with both; it has the local word; and it lacks something.
    goal: u32,
    agreed: bool,
    heard: bool,
    lacks: bool,
}

/// A word of a peer: `have`, the players with the sources of their runs and their ends, who stays, and inputs of one of the
/// named from a frame on.
#[derive(Clone, Debug)]
pub(crate) struct Word {
    pub(crate) have: bool,
    pub(crate) players: BTreeMap<u16, (u16, u32)>,
    pub(crate) stays: BTreeSet<u16>,
    pub(crate) carried: Option<(u8, u32, Vec<Input>)>,
}

/// See the [module](self).
#[derive(Clone, Debug)]
pub(crate) struct Model {
    pub(crate) epoch: u32,
    pub(crate) next: u32,
    /// The frame of the first push of the epoch.
    start: u32,
    local: Inputs,
    pub(crate) peers: Vec<Peer>,
    added: u32,
    /// Who was named and removed in this epoch, while others were there who may name it late; and the greatest end of them.
    gone: BTreeSet<u16>,
    gone_end: u32,
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
        Self {
            epoch: 0,
            next: FIRST,
            start: FIRST,
            local: Inputs::new(),
            peers: Vec::new(),
            added: 0,
            gone: BTreeSet::new(),
            gone_end: 0,
            now: 0,
            closed: false,
        }
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

    pub(crate) fn add(
        &mut self,
        player: u16,
        signalled: Option<u64>,
        from: Option<u32>,
    ) -> Result<PeerId, AddPeerError> {
        if self.closed {
            return Err(AddPeerError::Closed);
        }
        if player == LOCAL_PLAYER || self.peers.iter().any(|peer| peer.player == player) {
            return Err(AddPeerError::PlayerTaken);
        }
        let begins = self.next == self.start && self.peers.iter().all(|peer| Some(peer.join) == from);
        let late = match from {
            None => self.next.saturating_sub(WINDOW).max(self.start) > FIRST,
            Some(from) => {
                if begins {
                    from < FIRST
                } else {
                    from <= self.next
                }
            }
        };
        if late {
            return Err(AddPeerError::EpochRunning);
        }
        if self.peers.iter().any(|peer| peer.departed) {
            return Err(AddPeerError::Departed);
        }
        if self.gone.contains(&player) && from.is_none_or(|from| from <= self.gone_end) {
            return Err(AddPeerError::EpochRunning);
        }
        if self.peers.len() == MAX_PEERS {
            return Err(AddPeerError::Full);
        }
        let id = PeerId::new(self.added);
        let local_run = self.local_run();
        self.added += 1;
        let inputs = Inputs::new();
        let join = from.unwrap_or(FIRST);
        if from.is_some() && begins {
            (self.start, self.next) = (join, join);
        }
        let (recv_next, delivered, acked) = (join, join, join);
        // It may be too late for what a named one has said.
        let named = self.peers.iter().any(|peer| peer.named && peer.recv_next < join);
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
            join,
            named,
            departed: false,
            source: 0,
            goal: join,
            agreed: false,
            heard: false,
            lacks: false,
        });
        self.reopen();
        Ok(id)
    }

    pub(crate) fn remove(&mut self, id: PeerId) {
        let Some(at) = self.peers.iter().position(|peer| peer.id == id) else { return };
        let gone = self.peers.remove(at);
        if gone.named && !self.peers.is_empty() {
            self.gone.insert(gone.player);
            self.gone_end = self.gone_end.max(gone.recv_next);
        }
        if gone.named && self.peers.iter().any(|peer| peer.named) { self.complete() } else { self.reopen() }
    }

    pub(crate) fn disconnect(&mut self, id: PeerId) {
        let end = match self.peer(id) {
            Some(peer) if !peer.named => peer.recv_next,
            _ => return,
        };
        if self.closed {
            return;
        }
        for peer in &mut self.peers {
            peer.named |= peer.id == id || peer.join > end;
        }
        self.reopen();
    }

    fn reopen(&mut self) {
        for peer in &mut self.peers {
            (peer.goal, peer.agreed, peer.heard, peer.lacks) = (peer.recv_next, false, false, false);
        }
        self.complete();
    }

    fn complete(&mut self) {
        let agreed = |peer: &Peer| if peer.named { peer.departed || peer.goal == peer.recv_next } else { peer.agreed };
        if self.peers.iter().all(agreed) {
            self.peers.iter_mut().for_each(|peer| peer.departed |= peer.named);
        }
    }

    pub(crate) fn is_settled(&self) -> bool {
        let active = self.peers.iter().any(|peer| peer.named);
        self.peers.iter().all(|peer| if peer.named { peer.departed } else { !active || peer.heard && !peer.lacks })
    }

    pub(crate) fn departure(&self, id: PeerId) -> Option<Departure> {
        let peer = self.peers.iter().find(|peer| peer.id == id)?;
        Some(if peer.departed {
            Departure::Departed { last: (peer.recv_next > peer.join).then(|| Frame::new(peer.recv_next - 1)) }
        } else if peer.named {
            Departure::Departing { end: Frame::new(peer.recv_next) }
        } else {
            Departure::Present
        })
    }

    /// Receives a well-formed word of the present run of a peer.
    pub(crate) fn word(&mut self, id: PeerId, word: &Word) -> Result<(), DatagramError> {
        let sender = self.peer(id).ok_or(DatagramError::UnknownPeer)?.clone();
        if sender.playing().is_none() {
            return Err(DatagramError::NotReady);
        }
        let differ = |one: u16, other: u16| one != other && one != 0 && other != 0;
        for (player, (source, end)) in &word.players {
            if [LOCAL_PLAYER, sender.player].contains(player) {
                return Err(DatagramError::WrongPlayer);
            }
            if self
                .peers
                .iter()
                .filter(|peer| peer.player == *player && *end >= peer.join)
                .any(|peer| *end > peer.recv_next.max(sender.join) + WINDOW || differ(peer.source, *source))
            {
                return Err(DatagramError::OutOfSync);
            }
        }
        if let Some((index, base, inputs)) = &word.carried {
            let count = u32::try_from(inputs.len()).expect("few");
            if count > WINDOW {
                return Err(DatagramError::TooManyInputs);
            }
            let end = word.players.values().nth((*index).into());
            let Some((_, end)) = end.filter(|_| count > 0) else { return Err(DatagramError::MalformedBody) };
            if base + count > *end {
                return Err(DatagramError::FrameRange);
            }
        }
        if self.closed || sender.named {
            return Ok(());
        }
        if word.players.is_empty() {
            self.closed = true;
            return Ok(());
        }
        let of = |model: &Self, player: u16, end: u32| {
            model.peers.iter().position(|peer| peer.player == player && end >= peer.join)
        };
        for (player, (_, end)) in &word.players {
            if let Some(at) = of(self, *player, *end) {
                self.disconnect(self.peers[at].id);
            }
        }
        if self.peer(id).is_some_and(|peer| peer.named) {
            return Ok(());
        }
        if let Some((index, base, inputs)) = &word.carried {
            let (player, (_, end)) = word.players.iter().nth((*index).into()).expect("judged before");
            let at = of(self, *player, *end);
            for peer in at.and_then(|at| self.peers.get_mut(at)).into_iter().filter(|peer| peer.named && !peer.departed)
            {
                for (frame, input) in (*base..).zip(inputs) {
                    if frame == peer.recv_next && peer.recv_next - peer.delivered < WINDOW {
                        peer.inputs.insert(frame, *input);
                        peer.recv_next += 1;
                    }
                }
            }
        }
        let (mut listed, mut lacks) = (0, false);
        for (player, (source, end)) in &word.players {
            if let Some(at) = of(self, *player, *end) {
                let peer = &mut self.peers[at];
                listed += 1;
                if peer.source == 0 {
                    peer.source = *source;
                }
                peer.goal = peer.goal.max(*end);
                lacks |= *end < peer.recv_next;
            }
        }
        let others = self.peers.iter().filter(|peer| !peer.named && peer.id != id).map(|peer| peer.player);
        let named = self.peers.iter().filter(|peer| peer.named).count();
        if listed == named && others.chain([LOCAL_PLAYER]).collect::<BTreeSet<_>>() == word.stays {
            let sender = self.peer(id).expect("it is there");
            sender.agreed = true;
            sender.heard |= word.have;
            sender.lacks = lacks;
        }
        self.complete();
        Ok(())
    }

    pub(crate) fn peer(&mut self, id: PeerId) -> Option<&mut Peer> {
        self.peers.iter_mut().find(|peer| peer.id == id)
    }

    pub(crate) fn push(&mut self, input: Input) -> Result<Frame, PushError> {
        if self.closed {
            return Err(PushError::Closed);
        }
        let holds = |peer: &&Peer| !peer.departed && self.next.saturating_sub(peer.acked) >= WINDOW;
        if let Some(peer) = self.peers.iter().find(holds) {
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
        (self.epoch, self.next, self.start) = (epoch.get(), FIRST, FIRST);
        self.local.clear();
        self.gone.clear();
        self.gone_end = 0;
        for peer in &mut self.peers {
            peer.halted = false;
            peer.inputs.clear();
            (peer.recv_next, peer.delivered, peer.acked, peer.join) = (FIRST, FIRST, FIRST, FIRST);
            (peer.departed, peer.source) = (false, 0);
        }
        self.reopen();
        Ok(())
    }

    /// Receives a well-formed datagram of this epoch and run, with the inputs of `base` and the frames after it.
    pub(crate) fn inputs(&mut self, id: PeerId, base: u32, inputs: &[Input], ack: u32) -> Result<(), DatagramError> {
        let now = self.now;
        let peer = self.peer(id).ok_or(DatagramError::UnknownPeer)?;
        if peer.playing().is_none() {
            return Err(DatagramError::NotReady);
        }
        if peer.named {
            return Ok(());
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
        peer.source = peer.run.map_or(0, forge::source);
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
        if peer.named {
            return Ok(());
        }
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
        // A late one counts by the greatest number of its run.
        let number = peer.candidate.filter(|(known, _)| *known == run).map_or(number, |(_, known)| known.max(number));
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
        let playing = self.peers.iter().filter(|peer| !peer.departed);
        playing.map(|peer| self.last_frame(peer.id)).min().flatten()
    }

    pub(crate) fn local_input(&self, frame: u32) -> Option<Input> {
        self.local.get(&frame).filter(|_| frame + WINDOW >= self.next).copied()
    }

    pub(crate) fn remote_input(&self, id: PeerId, frame: u32) -> Option<Input> {
        let peer = self.peers.iter().find(|peer| peer.id == id)?;
        peer.inputs.get(&frame).filter(|_| frame + WINDOW >= peer.recv_next).copied()
    }

    pub(crate) fn unacked(&self, id: PeerId) -> u32 {
        self.peers.iter().find(|peer| peer.id == id).map_or(0, |peer| self.next.saturating_sub(peer.acked))
    }
}

//! The frames of a game over a session: which are confirmed, which are predicted, and which must be played again.
//!
//! The state before the frame `confirmed + k` is in the slot `base + k` of `RING - 1`. A frame whose inputs are all known is
//! played in its slot; a frame with a prediction is played in the next one, so that the state before it is kept.

use core::mem::{replace, swap};
use core::time::Duration;

use heapless::Vec;
use inputwire::{
    AddPeerError, Endpoint, Epoch, EpochError, Event, Frame, Health, Instant, PeerConfig, PeerEvent, PeerId, PeerRef,
    PushError,
};

use crate::inputs::{Inputs, PlayerInput, Status};
use crate::rollback::{RollbackEvent, RollbackStats, Step};
use crate::states::States;
use crate::track::{Predictor, Presence, Track, slot};

/// How much longer the one of two players who lose each other waits, so that not both are disconnected.
const LONGER: Duration = Duration::from_millis(200);

/// Everything but the states.
#[derive(Clone, Debug)]
pub(crate) struct Timeline<M, const MAX_PEERS: usize, const INPUT_LEN: usize, const RING: usize, const WINDOW: usize> {
    pub(crate) endpoint: M,
    pub(crate) settings: Settings<INPUT_LEN>,
    pub(crate) stats: RollbackStats,
    /// In ascending order of player numbers.
    peers: Vec<Track<INPUT_LEN, RING>, MAX_PEERS>,
    /// The local input of the frame f, at `f % RING`.
    local: [[u8; INPUT_LEN]; RING],
    /// Whether a frame of this epoch was played. Before, it is not known which will be the first.
    is_running: bool,
    /// The end of the frames that no input can change any more.
    pub(crate) confirmed: u32,
    /// The next frame to play.
    pub(crate) next: u32,
    /// The slot of the state before the frame `confirmed`.
    base: usize,
    /// Whether something happened to a peer that is not over yet.
    is_disturbed: bool,
    /// The first frame that was played with a wrong input.
    wrong: Option<u32>,
    /// The last frame of the round, where it is known.
    pub(crate) last: Option<Frame>,
    /// The epoch that the application knows.
    reported: Epoch,
}

/// What a game chooses.
#[derive(Clone, Debug)]
pub(crate) struct Settings<const INPUT_LEN: usize> {
    pub(crate) predictor: Predictor<INPUT_LEN>,
    pub(crate) max_prediction: u32,
    pub(crate) input_delay: u32,
    /// Every which frame has a checksum; 0 for none.
    pub(crate) checksum_every: u32,
}

impl<M, const MAX_PEERS: usize, const INPUT_LEN: usize, const RING: usize, const WINDOW: usize>
    Timeline<M, MAX_PEERS, INPUT_LEN, RING, WINDOW>
where
    M: Endpoint<MAX_PEERS, INPUT_LEN, WINDOW>,
{
    pub(crate) fn new(endpoint: M, settings: Settings<INPUT_LEN>) -> Self {
        let session = endpoint.session();
        // Where the local player joins late, that is the frame from which every peer takes part.
        let (first, reported) = (session.next_frame(), session.epoch());
        let mut peers = Vec::new();
        for peer in session.peers().filter_map(|id| session.peer(id)) {
            insert(&mut peers, Track::new(peer.id(), peer.player(), first));
        }
        Self {
            settings,
            stats: RollbackStats::default(),
            peers,
            local: [[0; INPUT_LEN]; RING],
            is_running: false,
            confirmed: 0,
            next: 0,
            base: 0,
            is_disturbed: false,
            wrong: None,
            last: None,
            reported,
            endpoint,
        }
    }

    /// Adds a peer to the session, and a track for its inputs.
    pub(crate) fn add_peer(&mut self, now: Instant, peer: PeerConfig<INPUT_LEN>) -> Result<PeerId, AddPeerError> {
        if self.is_running && peer.join_frame().is_none() {
            return Err(AddPeerError::EpochRunning);
        }
        let id = self.endpoint.add_peer(now, peer)?;
        let first = peer.join_frame().unwrap_or(self.endpoint.session().config().first_frame());
        insert(&mut self.peers, Track::new(id, peer.player(), first));
        Ok(id)
    }

    /// Removes a player, once its last frame is confirmed. One that has not departed ends here with what is known of it.
    pub(crate) fn remove_peer(&mut self, now: Instant, id: PeerId) {
        let Some(track) = self.peers.iter_mut().find(|track| track.id == id) else { return };
        track.is_removed = true;
        self.is_disturbed = true;
        if track.last_end().is_none() {
            let last = self.endpoint.session().peer(id).and_then(PeerRef::last_frame);
            let end = track.depart(last);
            self.mark_wrong(end);
        }
        self.remove_settled(now, self.confirmed);
    }

    /// Begins the next epoch, or the latest that a peer has begun, if that is later than the present one.
    pub(crate) fn begin_epoch(&mut self, now: Instant) -> Result<(), EpochError> {
        let session = self.endpoint.session();
        let ahead = self.peers.iter().filter_map(|track| track.ahead).max();
        let next = ahead.filter(|ahead| *ahead > session.epoch()).or(session.next_epoch());
        self.endpoint.begin_epoch(now, next.unwrap_or(Epoch::MAX))?;
        self.reported = self.endpoint.session().epoch();
        let first = self.endpoint.session().config().first_frame();
        self.remove_settled(now, u32::MAX);
        for track in &mut self.peers {
            track.begin_epoch(first);
        }
        (self.is_running, self.wrong, self.last) = (false, None, None);
        (self.confirmed, self.next, self.base) = (0, 0, 0);
        Ok(())
    }

    /// Returns the next event, except for what is no business of the game. Inputs are taken on the way.
    pub(crate) fn poll_event(&mut self) -> Option<RollbackEvent> {
        let epoch = self.endpoint.session().epoch();
        if replace(&mut self.reported, epoch) != epoch {
            return Some(RollbackEvent::EpochBegun { epoch });
        }
        while let Some(event) = self.endpoint.poll_event() {
            let (peer, event) = match event {
                Event::Dropped { by } => return Some(RollbackEvent::Dropped { by }),
                Event::Input { peer, frame, input } => {
                    self.learn(peer, frame.get(), input);
                    continue;
                }
                Event::Peer { peer, event } => (peer, event),
                _ => continue,
            };
            if self.take(peer, event) {
                return Some(RollbackEvent::Peer { peer, event });
            }
        }
        None
    }

    /// Answers what happened to the peers.
    fn attend(&mut self, now: Instant, states: &mut impl States<INPUT_LEN>) {
        self.disconnect_lost(now);
        if self.is_over() {
            self.restart(now, states);
        }
        self.remove_settled(now, self.confirmed);
        self.is_disturbed = self.peers.iter().any(Track::is_disturbed);
    }

    /// Takes note of what happened to a peer. Returns whether a player should see it.
    fn take(&mut self, peer: PeerId, event: PeerEvent) -> bool {
        let last = self.endpoint.session().peer(peer).and_then(PeerRef::last_frame);
        let Some(track) = self.peers.iter_mut().find(|track| track.id == peer) else { return true };
        self.is_disturbed = true;
        match event {
            PeerEvent::Health { health: Health::Disconnected, .. } if track.presence == Presence::Here => {
                track.presence = Presence::Silent(None);
            }
            PeerEvent::Health { .. } if matches!(track.presence, Presence::Silent(_)) => {
                track.presence = Presence::Here;
            }
            PeerEvent::PeerClosed { .. } if track.presence != Presence::Left => track.presence = Presence::Closed,
            PeerEvent::Departing { .. } => track.presence = Presence::Left,
            PeerEvent::Departed { last } => {
                let end = track.depart(last);
                self.mark_wrong(end);
            }
            PeerEvent::Lost { .. } => last.into_iter().for_each(|last| track.give_up_through(last)),
            PeerEvent::EpochAhead { epoch } => track.ahead = Some(epoch),
            // It may have had inputs of another one who left that no survivor has.
            PeerEvent::Desync { .. } if track.presence == Presence::Left => return false,
            PeerEvent::Restarted | PeerEvent::OutOfSync => track.is_broken = true,
            _ => {}
        }
        !matches!(event, PeerEvent::Flushed | PeerEvent::EpochAhead { .. } | PeerEvent::OutOfSync)
    }

    /// Disconnects the players that cannot be reached. Of two who lose each other, the one with the greater number waits longer.
    fn disconnect_lost(&mut self, now: Instant) {
        let local = self.endpoint.session().config().local_player();
        for track in &mut self.peers {
            let is_lost = match &mut track.presence {
                Presence::Here | Presence::Left => false,
                Presence::Closed => true,
                Presence::Silent(since) => {
                    let patience = if local > track.player { LONGER } else { Duration::ZERO };
                    now.saturating_since(*since.get_or_insert(now)) >= patience
                }
            };
            if is_lost {
                track.presence = Presence::Left;
                self.endpoint.disconnect_peer(now, track.id);
            }
        }
    }

    fn learn(&mut self, peer: PeerId, frame: u32, input: [u8; INPUT_LEN]) {
        let is_played = frame < self.next;
        if let Some(track) = self.peers.iter_mut().find(|track| track.id == peer)
            && track.learn(frame, input, is_played)
        {
            self.mark_wrong(frame);
        }
    }

    fn mark_wrong(&mut self, frame: u32) {
        if frame < self.next {
            self.wrong = Some(self.wrong.map_or(frame, |wrong| wrong.min(frame)));
        }
    }

    /// Plays what must be played again, and one more frame if the inputs that are known allow it.
    pub(crate) fn step(&mut self, now: Instant, input: [u8; INPUT_LEN], states: &mut impl States<INPUT_LEN>) -> Step {
        if self.is_disturbed || self.last.is_some() {
            self.attend(now, states);
        }
        if !self.is_running {
            self.next = self.endpoint.session().next_frame().get();
            self.confirmed = self.next;
            self.is_running = true;
        }
        let known = self.known();
        let resimulated = self.roll_back(now, known.end, states);
        self.settle(now, known.end, states);
        if self.last.is_some_and(|last| self.next > last.get()) {
            return Step::RoundOver;
        }
        let local = match self.push(now, input) {
            Ok(local) => local,
            Err(error) => return Step::Full(error),
        };
        if let Some(slowest) = known.slowest
            && self.next.saturating_add(1).saturating_sub(known.end) > self.settings.max_prediction
        {
            self.stats.waited = self.stats.waited.saturating_add(1);
            return Step::Waiting(slowest);
        }
        let frame = self.next;
        self.note_inputs(frame, local);
        self.simulate(now, frame, known.end, states);
        self.next = frame.saturating_add(1);
        self.stats.frames = self.stats.frames.saturating_add(1);
        Step::Advanced { frame: Frame::new(frame), resimulated }
    }

    /// Starts over in a later epoch. Without one, the game stands still.
    fn restart(&mut self, now: Instant, states: &mut impl States<INPUT_LEN>) {
        let known = self.reported;
        if self.begin_epoch(now).is_ok() {
            states.reset(self.base);
            self.reported = known;
        }
    }

    /// Whether nothing more is to be played in this epoch.
    fn is_over(&self) -> bool {
        // A peer that is ahead sends no more inputs of this epoch, and agrees no more on those of players who leave.
        let is_behind = self.peers.iter().any(|track| track.ahead.is_some() && track.presence != Presence::Left);
        let is_silent = |track: &Track<_, RING>| {
            track.is_broken || track.ahead.is_some() || (is_behind && track.presence == Presence::Left)
        };
        let Some(last) = self.last.filter(|last| self.confirmed > last.get()) else {
            // What it has sent is played first, unless it was restarted.
            let is_stuck = |track| is_silent(track) && (track.is_broken || track.end() <= self.confirmed);
            return self.peers.iter().any(is_stuck);
        };
        let session = self.endpoint.session();
        self.peers.iter().all(|track| {
            let unacked = session.peer(track.id).map_or(0, PeerRef::unacked);
            let has_inputs = session.next_frame().get().saturating_sub(unacked) > last.get();
            has_inputs || is_silent(track) || track.last_end().is_some()
        })
    }

    /// The end of the frames whose inputs are known from every peer, and the peer that has the fewest.
    fn known(&self) -> Known {
        let slowest = self.peers.iter().min_by_key(|track| track.end());
        let (end, slowest) = slowest.map_or((u32::MAX, None), |track| (track.end(), Some(track.id)));
        Known { end, slowest }
    }

    /// Plays all frames from the first wrong one again, and returns how many that were.
    fn roll_back(&mut self, now: Instant, known: u32, states: &mut impl States<INPUT_LEN>) -> u32 {
        let Some(wrong) = self.wrong.take() else { return 0 };
        self.settle(now, known.min(wrong), states);
        for frame in wrong..self.next {
            self.simulate(now, frame, known, states);
        }
        let depth = self.next.saturating_sub(wrong);
        self.stats.roll_back(depth);
        depth
    }

    /// Plays a frame. One whose inputs are all known confirms itself.
    fn simulate(&mut self, now: Instant, frame: u32, known: u32, states: &mut impl States<INPUT_LEN>) {
        let mut peers = Vec::<_, MAX_PEERS>::new();
        for track in &mut self.peers {
            // There are as many places as peers.
            let _ = peers.push(track.input(frame, self.settings.predictor));
        }
        let input = self.local.get(slot::<RING>(frame)).copied().unwrap_or([0; INPUT_LEN]);
        let player = self.endpoint.session().config().local_player();
        let local = PlayerInput { player, status: Status::Confirmed, input };
        let inputs = Inputs { local, peers: &peers };

        let from = self.slot_before(frame);
        if frame == self.confirmed && frame < known {
            states.advance(from, from, &inputs);
            self.confirm(now, states);
        } else {
            states.advance(from, self.slot_before(frame.saturating_add(1)), &inputs);
        }
    }

    /// Confirms the frames that were played with the inputs that turned out to be right.
    fn settle(&mut self, now: Instant, known: u32, states: &mut impl States<INPUT_LEN>) {
        while self.confirmed < known.min(self.next) {
            self.base = self.slot_before(self.confirmed.saturating_add(1));
            self.confirm(now, states);
        }
    }

    /// Confirms one more frame, after which the state is in the slot `base`.
    fn confirm(&mut self, now: Instant, states: &mut impl States<INPUT_LEN>) {
        let frame = self.confirmed;
        self.confirmed = frame.saturating_add(1);
        if frame.checked_rem(self.settings.checksum_every) == Some(0) {
            let hash = states.hash(self.base);
            // It is refused if a peer takes no checksums any more; then later ones are compared.
            let _ = self.endpoint.push_checksum(now, Frame::new(frame), hash);
        }
    }

    /// Pushes up to the next frame to play and the input delay: a longer delay repeats the input, a shorter one drops it. Returns
    /// the local input of the next frame.
    fn push(&mut self, now: Instant, input: [u8; INPUT_LEN]) -> Result<[u8; INPUT_LEN], PushError> {
        let next = Frame::new(self.next);
        let last = self.next.saturating_add(self.settings.input_delay);
        let mut local = None;
        while self.endpoint.session().next_frame().get() <= last {
            match self.endpoint.push_input(now, input) {
                Ok(frame) if frame == next => local = Some(input),
                Ok(_) => {}
                Err(error) if self.endpoint.session().next_frame() <= next => return Err(error),
                Err(_) => break,
            }
        }
        Ok(local.or_else(|| self.endpoint.session().local_input(next)).unwrap_or([0; INPUT_LEN]))
    }

    /// Notes the inputs of the next frame to play, as far as they are known.
    fn note_inputs(&mut self, frame: u32, local: [u8; INPUT_LEN]) {
        if let Some(place) = self.local.get_mut(slot::<RING>(frame)) {
            *place = local;
        }
        let session = self.endpoint.session();
        for track in self.peers.iter_mut().filter(|track| track.is_known(frame)) {
            let input = session.peer(track.id).and_then(|peer| peer.remote_input(Frame::new(frame)));
            track.replace(frame, input.unwrap_or([0; INPUT_LEN]));
        }
    }

    /// Removes the peers whose frames end by `end`, if the application has removed their players.
    fn remove_settled(&mut self, now: Instant, end: u32) {
        let is_settled = |track: &Track<_, RING>| track.is_removed && track.last_end() <= Some(end);
        while let Some(at) = self.peers.iter().position(is_settled) {
            let track = self.peers.remove(at);
            self.endpoint.remove_peer(now, track.id);
        }
    }

    /// The latest confirmed frame.
    pub(crate) fn confirmed_frame(&self) -> Option<Frame> {
        let first = self.endpoint.session().config().first_frame();
        self.confirmed.checked_sub(1).map(Frame::new).filter(|frame| *frame >= first)
    }

    /// The input of a player for a confirmed frame.
    pub(crate) fn confirmed_input(&self, player: u16, frame: Frame) -> Option<[u8; INPUT_LEN]> {
        let session = self.endpoint.session();
        if Some(frame) > self.confirmed_frame() {
            return None;
        }
        if player == session.config().local_player() {
            return session.local_input(frame);
        }
        match self.peers.iter().find(|track| track.player == player) {
            Some(track) if track.is_present(frame.get()) => session.peer(track.id)?.remote_input(frame),
            _ => Some([0; INPUT_LEN]),
        }
    }

    /// The slot of the state before a frame.
    pub(crate) fn slot_before(&self, frame: u32) -> usize {
        let depth = usize::try_from(frame.saturating_sub(self.confirmed)).unwrap_or(0);
        self.base.saturating_add(depth).checked_rem(RING.saturating_sub(1)).unwrap_or(0)
    }
}

/// Inserts a track in the order of the players.
fn insert<const INPUT_LEN: usize, const RING: usize, const MAX_PEERS: usize>(
    peers: &mut Vec<Track<INPUT_LEN, RING>, MAX_PEERS>,
    mut track: Track<INPUT_LEN, RING>,
) {
    for other in &mut *peers {
        if track.player < other.player {
            swap(other, &mut track);
        }
    }
    // A session has no more peers than there is room for.
    let _ = peers.push(track);
}

/// What is known of all peers.
#[derive(Clone, Copy, Debug)]
struct Known {
    end: u32,
    slowest: Option<PeerId>,
}

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

/// How long an end that is behind the epoch of another one waits for a frame to be confirmed, before it follows without it.
const PATIENCE: Duration = Duration::from_secs(1);

/// Everything but the states.
#[derive(Clone, Debug)]
pub(crate) struct Timeline<E, const MAX_PEERS: usize, const INPUT_LEN: usize, const RING: usize, const WINDOW: usize> {
    pub(crate) endpoint: E,
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
    /// Whether the next step has more to do than to play: an epoch or a round begins or ends, or something happened to a peer.
    is_eventful: bool,
    /// The first frame that was played with a wrong input.
    wrong: Option<u32>,
    /// The end of the frames of which an input of any peer was known before they were played, or given up.
    heard: u32,
    /// The next frame with a checksum.
    checksum_due: u32,
    /// The last frame of the round, where it is known.
    last: Option<Frame>,
    /// While a player is ahead or was restarted: the end of the confirmed frames, and since when it is there.
    behind: Option<(u32, Instant)>,
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

impl<E, const MAX_PEERS: usize, const INPUT_LEN: usize, const RING: usize, const WINDOW: usize>
    Timeline<E, MAX_PEERS, INPUT_LEN, RING, WINDOW>
where
    E: Endpoint<MAX_PEERS, INPUT_LEN, WINDOW>,
{
    pub(crate) fn new(mut endpoint: E, settings: Settings<INPUT_LEN>) -> Self {
        endpoint.set_input_delay(settings.input_delay);
        let session = endpoint.session();
        let (first, reported) = (session.next_frame(), session.epoch());
        let mut peers = Vec::<Track<INPUT_LEN, RING>, MAX_PEERS>::new();
        for peer in session.peers().filter_map(|id| session.peer(id)) {
            insert(&mut peers, Track::of(peer, first, Self::window()));
        }
        let heard = peers.iter().map(|track| track.latest_end).max().unwrap_or(0);
        Self {
            settings,
            stats: RollbackStats::default(),
            peers,
            local: [[0; INPUT_LEN]; RING],
            is_running: false,
            confirmed: 0,
            next: 0,
            base: 0,
            is_eventful: true,
            wrong: None,
            heard,
            checksum_due: 0,
            last: None,
            behind: None,
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
        self.is_eventful = true;
        if !track.has_departed() {
            let last = self.endpoint.session().peer(id).and_then(PeerRef::last_frame);
            let end = track.depart(last);
            self.end_at(end);
        }
        self.remove_settled(now, self.confirmed);
    }

    /// Ends the round with a frame.
    pub(crate) fn end_round(&mut self, last: Frame) {
        (self.last, self.is_eventful) = (Some(last), true);
    }

    /// Begins the next epoch, or the latest that a peer has begun, if that is later than the present one.
    pub(crate) fn begin_epoch(&mut self, now: Instant) -> Result<(), EpochError> {
        let session = self.endpoint.session();
        let ahead = self.peers.iter().filter_map(|track| track.ahead).max();
        // Also one that has not been reported yet, or that a player has begun who left after that: others may follow it.
        let announced = session.next_epoch().and_then(|next| next.get().checked_sub(1)).map(Epoch::new);
        let begun = ahead.max(announced).filter(|begun| *begun > session.epoch());
        let next = begun.or(session.next_epoch());
        // Before the epoch begins, so that the numbers of who was removed are free in it.
        if session.next_epoch().is_some() {
            self.remove_settled(now, u32::MAX);
        }
        self.endpoint.begin_epoch(now, next.unwrap_or(Epoch::MAX))?;
        self.reported = self.endpoint.session().epoch();
        let first = self.endpoint.session().config().first_frame();
        // In the last epoch, which no other one follows, that is not done yet.
        self.remove_settled(now, u32::MAX);
        for track in &mut self.peers {
            track.begin_epoch(first);
        }
        (self.is_running, self.is_eventful, self.wrong) = (false, true, None);
        (self.last, self.behind) = (None, None);
        (self.confirmed, self.next, self.base, self.heard) = (0, 0, 0, 0);
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

    /// Begins to play where an epoch begins, and answers what happened to the peers. Returns whether it has begun an epoch.
    #[cold]
    fn attend(&mut self, now: Instant, states: &mut impl States<INPUT_LEN>) -> bool {
        self.disconnect_lost(now);
        let same = self.behind.filter(|(confirmed, _)| *confirmed == self.confirmed);
        self.behind = self.is_behind().then(|| same.unwrap_or((self.confirmed, now)));
        if self.is_over(now) && self.restart(now, states) {
            return true;
        }
        self.remove_settled(now, self.confirmed);
        if !self.is_running {
            self.start();
        }
        self.is_eventful = self.last.is_some() || self.peers.iter().any(Track::is_disturbed);
        false
    }

    /// How many frames of each player the session holds.
    fn window() -> u32 {
        u32::try_from(WINDOW).unwrap_or(u32::MAX)
    }

    /// Takes note of what happened to a peer. Returns whether a player should see it.
    #[cold]
    fn take(&mut self, peer: PeerId, event: PeerEvent) -> bool {
        let Some(track) = self.peers.iter_mut().find(|track| track.id == peer) else { return true };
        let is_removed = track.is_removed;
        self.is_eventful = true;
        match event {
            PeerEvent::Lost { .. } => {
                // What is still in the window is taken after this event.
                let latest = self.endpoint.session().peer(peer).and_then(PeerRef::latest_input);
                if let Some(last) = latest.and_then(|(latest, _)| latest.get().checked_sub(Self::window())) {
                    track.give_up_through(Frame::new(last));
                    self.heard = self.heard.max(last.saturating_add(1));
                }
            }
            PeerEvent::Health { health, .. } if matches!(track.presence, Presence::Here | Presence::Watched(_)) => {
                let is_silent = health == Health::Disconnected;
                track.presence = if is_silent { Presence::Watched(None) } else { Presence::Here };
            }
            PeerEvent::PeerClosed { .. } if track.presence != Presence::Left => track.presence = Presence::Closed,
            // Only its inputs before that are of use.
            _ if is_removed => {}
            PeerEvent::Departing { .. } => track.presence = Presence::Left,
            // Where the session was taken over, it may be known.
            PeerEvent::Departed { last } if !track.has_departed() => {
                let end = track.depart(last);
                self.end_at(end);
            }
            PeerEvent::EpochAhead { epoch } => track.ahead = Some(epoch),
            // It may have had inputs of another one who left that no survivor has.
            PeerEvent::Desync { .. } if track.presence == Presence::Left => return false,
            PeerEvent::Restarted | PeerEvent::OutOfSync => track.is_broken = true,
            _ => {}
        }
        match event {
            PeerEvent::Flushed | PeerEvent::OutOfSync => false,
            // The next step answers it. There may be none: a late joiner waits for a state which this epoch no longer comes to.
            PeerEvent::EpochAhead { .. } => !is_removed && !self.is_running,
            _ => !is_removed,
        }
    }

    /// Disconnects the players that cannot be reached. Of two who lose each other, the one with the greater number waits longer.
    fn disconnect_lost(&mut self, now: Instant) {
        let local = self.endpoint.session().config().local_player();
        for track in &mut self.peers {
            let peer = self.endpoint.session().peer(track.id);
            let is_silent = peer.is_some_and(|peer| peer.health() == Health::Disconnected);
            let is_lost = match &mut track.presence {
                Presence::Here | Presence::Left => false,
                Presence::Closed => true,
                Presence::Watched(since) => {
                    let patience = if local > track.player { LONGER } else { Duration::ZERO };
                    *since = is_silent.then(|| since.unwrap_or(now));
                    since.is_some_and(|since| now.saturating_since(since) >= patience)
                }
            };
            if is_lost {
                track.presence = Presence::Left;
                self.endpoint.disconnect_peer(now, track.id);
            }
        }
    }

    fn learn(&mut self, peer: PeerId, frame: u32, input: [u8; INPUT_LEN]) {
        let track = self.peers.iter_mut().find(|track| track.id == peer);
        // One that was removed may play on.
        let Some(track) = track.filter(|track| track.is_present(frame) && !track.is_known(frame)) else { return };
        track.learn(frame, input);
        if frame >= self.next {
            self.heard = self.heard.max(frame.saturating_add(1));
        } else if track.replace(slot::<RING>(frame), input) != input {
            self.mark_wrong(frame);
        }
    }

    /// Plays again from the end of a player's frames on.
    fn end_at(&mut self, end: u32) {
        self.heard = self.heard.max(end);
        self.mark_wrong(end);
    }

    fn mark_wrong(&mut self, frame: u32) {
        if frame < self.next {
            self.wrong = Some(self.wrong.map_or(frame, |wrong| wrong.min(frame)));
        }
    }

    /// Plays what must be played again, and one more frame if the inputs that are known allow it.
    pub(crate) fn step(&mut self, now: Instant, input: [u8; INPUT_LEN], states: &mut impl States<INPUT_LEN>) -> Step {
        // The application may start an epoch from another state once that is reported.
        if self.is_eventful && self.attend(now, states) {
            return Step::RoundOver;
        }
        let known = self.known();
        let (wrong, next) = (self.wrong.take().unwrap_or(self.next), self.next);
        self.settle(now, known.min(wrong), states);
        let resimulated = next.saturating_sub(wrong);
        if resimulated > 0 {
            self.stats.count_rollback(resimulated);
        }
        let step = match self.next_input(now, input, known) {
            Ok(local) => {
                self.note_inputs(next, local);
                self.next = next.saturating_add(1);
                self.stats.frames = self.stats.frames.saturating_add(1);
                Step::Advanced { frame: Frame::new(next), resimulated }
            }
            Err(step) => step,
        };
        let mut slot = self.slot_before(wrong);
        for frame in wrong..self.next {
            slot = self.simulate(now, frame, slot, known, states);
        }
        step
    }

    /// Begins to play at the frame that is the first one now.
    fn start(&mut self) {
        self.next = self.endpoint.session().next_frame().get();
        self.confirmed = self.next;
        self.checksum_due = self.next.checked_next_multiple_of(self.settings.checksum_every).unwrap_or(u32::MAX);
        self.is_running = true;
    }

    /// Pushes the local input, and returns that of the next frame if it can be played.
    fn next_input(&mut self, now: Instant, input: [u8; INPUT_LEN], known: u32) -> Result<[u8; INPUT_LEN], Step> {
        if self.last.is_some_and(|last| self.next > last.get()) {
            return Err(Step::RoundOver);
        }
        let local = self.push(now, input).map_err(Step::Full)?;
        if self.next.saturating_add(1).saturating_sub(known) > self.settings.max_prediction
            && let Some(slowest) = self.peers.iter().find(|track| track.end == known)
        {
            self.stats.waited = self.stats.waited.saturating_add(1);
            return Err(Step::Waiting(slowest.id));
        }
        Ok(local)
    }

    /// Starts over in a later epoch, and returns whether there is one. Without one, the game stands still.
    fn restart(&mut self, now: Instant, states: &mut impl States<INPUT_LEN>) -> bool {
        let known = self.reported;
        let has_begun = self.begin_epoch(now).is_ok();
        if has_begun {
            states.reset(self.base);
            self.reported = known;
        }
        has_begun
    }

    /// Whether a player who stays is ahead or was restarted: it sends no more inputs of this epoch, and agrees no more on those of
    /// players who leave.
    fn is_behind(&self) -> bool {
        self.peers.iter().any(|track| track.is_ahead() && track.presence != Presence::Left)
    }

    /// Whether nothing more is to be played in this epoch.
    fn is_over(&self, now: Instant) -> bool {
        let is_behind = self.is_behind();
        let is_silent =
            |track: &Track<INPUT_LEN, RING>| track.is_ahead() || (is_behind && track.presence == Presence::Left);
        let Some(last) = self.last.filter(|last| self.confirmed > last.get()) else {
            // What it has sent is played first, unless it was restarted, or a third one that it has given up never sends the rest.
            let is_late = self.behind.is_some_and(|(_, since)| now.saturating_since(since) >= PATIENCE);
            let is_stuck = |track| is_silent(track) && (track.is_broken || track.end <= self.confirmed || is_late);
            return self.peers.iter().any(is_stuck);
        };
        let session = self.endpoint.session();
        // In a later epoch this endpoint gives the others nothing more of who left in this one.
        if !is_behind && !session.departures_settled() {
            return false;
        }
        self.peers.iter().all(|track| {
            let unacked = session.peer(track.id).map_or(0, PeerRef::unacked);
            let has_inputs = session.next_frame().get().saturating_sub(unacked) > last.get();
            has_inputs || is_silent(track) || track.has_departed()
        })
    }

    /// The end of the frames whose inputs are known from every peer.
    fn known(&self) -> u32 {
        self.peers.iter().map(|track| track.end).min().unwrap_or(u32::MAX)
    }

    /// Plays a frame from the state in a slot, and returns the slot of the state after it. A frame whose inputs are all known
    /// confirms itself.
    fn simulate(
        &mut self,
        now: Instant,
        frame: u32,
        from: usize,
        known: u32,
        states: &mut impl States<INPUT_LEN>,
    ) -> usize {
        let slot = slot::<RING>(frame);
        let mut peers = Vec::<_, MAX_PEERS>::new();
        for track in &mut self.peers {
            // There are as many places as peers.
            let of_game = |player, latest: Option<&_>, since| states.predict(player, latest, since);
            let _ = peers.push(track.input(frame, slot, self.settings.predictor, of_game));
        }
        let input = self.local.get(slot).copied().unwrap_or([0; INPUT_LEN]);
        let player = self.endpoint.session().config().local_player();
        let local = PlayerInput { player, status: Status::Confirmed, input };
        let inputs = Inputs { local, peers: &peers };

        if frame == self.confirmed && frame < known {
            states.advance(from, from, &inputs);
            self.confirm(now, states);
            return from;
        }
        let to = Self::slot_after(from);
        states.advance(from, to, &inputs);
        to
    }

    /// Confirms the frames before `end`, which were played with the inputs that turned out to be right.
    fn settle(&mut self, now: Instant, end: u32, states: &mut impl States<INPUT_LEN>) {
        while self.confirmed < end {
            self.base = Self::slot_after(self.base);
            self.confirm(now, states);
        }
    }

    /// Confirms one more frame, after which the state is in the slot `base`.
    fn confirm(&mut self, now: Instant, states: &mut impl States<INPUT_LEN>) {
        let frame = self.confirmed;
        self.confirmed = frame.saturating_add(1);
        if frame == self.checksum_due {
            self.check(now, frame, states);
        }
    }

    /// Has the peers compare the state after the latest confirmed frame.
    #[cold]
    fn check(&mut self, now: Instant, frame: u32, states: &mut impl States<INPUT_LEN>) {
        self.checksum_due = frame.saturating_add(self.settings.checksum_every);
        let hash = states.hash(self.base);
        // It is refused if a peer takes no checksums any more; then later ones are compared.
        let _ = self.endpoint.push_checksum(now, Frame::new(frame), hash);
    }

    /// Pushes up to the next frame to play and the input delay: a longer delay repeats the input, a shorter one drops it. Returns
    /// the local input of the next frame.
    fn push(&mut self, now: Instant, input: [u8; INPUT_LEN]) -> Result<[u8; INPUT_LEN], PushError> {
        let next = Frame::new(self.next);
        let last = self.next.saturating_add(self.settings.input_delay);
        let is_new = self.endpoint.session().next_frame() == next;
        while self.endpoint.session().next_frame().get() <= last {
            if let Err(error) = self.endpoint.push_input(now, input) {
                if self.endpoint.session().next_frame() <= next {
                    return Err(error);
                }
                break;
            }
        }
        if is_new {
            return Ok(input);
        }
        Ok(self.endpoint.session().local_input(next).unwrap_or([0; INPUT_LEN]))
    }

    /// Notes the inputs of the next frame to play, as far as they are known.
    fn note_inputs(&mut self, frame: u32, local: [u8; INPUT_LEN]) {
        let slot = slot::<RING>(frame);
        if let Some(place) = self.local.get_mut(slot) {
            *place = local;
        }
        if self.heard <= frame {
            return;
        }
        let session = self.endpoint.session();
        for track in self.peers.iter_mut().filter(|track| track.is_known(frame)) {
            let input = session.peer(track.id).and_then(|peer| peer.remote_input(Frame::new(frame)));
            track.replace(slot, input.unwrap_or([0; INPUT_LEN]));
        }
    }

    /// Removes the peers whose frames end by `end`, if the application has removed their players.
    fn remove_settled(&mut self, now: Instant, end: u32) {
        let is_settled = |track: &Track<INPUT_LEN, RING>| track.is_removed && track.is_over(end);
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

    /// The slot of the state one frame later.
    fn slot_after(slot: usize) -> usize {
        let after = slot.saturating_add(1);
        if after < RING.saturating_sub(1) { after } else { 0 }
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

//! A program: a session, the application around it, and what it has been given.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use inputwire::{
    AddPeerError, Config, Departure, Epoch, Event, Frame, Health, Instant, MAX_DATAGRAM_SIZE, PeerConfig, PeerEvent,
    PeerId, PeerRef, PushError, Session,
};

use super::plan::Plan;
use super::{Count, Departed};
use crate::breach::{Breach, ensure};
use crate::network::Network;
use crate::rng::mix;

/// A joiner has up to eight peers.
const PEERS: usize = 8;
/// How much longer the greater player number waits.
const STAGGER_US: u64 = 200_000;
/// How much longer than for one that falls silent an application waits for a peer that has never been heard.
const CONNECT_US: u64 = 1_000_000;
const HELLO: u8 = 0x20;
const WORD: u8 = 0x23;
/// The flag of a word with inputs.
const INPUTS: u8 = 4;

/// What a program is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Playing,
    /// It has closed its session, or was told that it is out.
    Leaving,
    Stopped,
}

/// The inputs that each program has pushed: its player, how often that player had joined before, and frames by epoch.
#[derive(Debug, Default)]
pub(super) struct Pushed {
    pub(super) player: u16,
    pub(super) generation: u32,
    pub(super) epochs: BTreeMap<u32, Range<u32>>,
}

/// The input of a program for a frame.
pub(super) fn input<const N: usize>(program: usize, epoch: u32, frame: u32) -> [u8; N] {
    let program = u64::try_from(program).unwrap_or(0);
    let bytes = mix(program << 48 ^ u64::from(epoch) << 32 ^ u64::from(frame)).to_le_bytes();
    std::array::from_fn(|place| bytes[place % 8].wrapping_add(bytes[place / 8 % 8]))
}

/// A peer, as the application knows it.
#[derive(Debug)]
pub(super) struct Known {
    id: PeerId,
    pub(super) player: u16,
    pub(super) generation: u32,
    /// The epoch and the frame from which it takes part.
    from: (u32, u32),
    /// When it counts as lost: it has fallen silent, or was never heard.
    lost_at: Option<u64>,
    unheard_at: Option<u64>,
    /// When it was named, what was known of it, and how many inputs were pushed.
    pub(super) named: Option<(u64, u32, u32)>,
    pub(super) is_removed: bool,
    /// What was delivered of it in each epoch.
    pub(super) epochs: BTreeMap<u32, Delivered>,
}

/// What was delivered of a peer in an epoch.
#[derive(Debug, Default)]
pub(super) struct Delivered {
    next: u32,
    /// The programs whose inputs these can be.
    programs: Option<Vec<usize>>,
    /// The frame after its last input, once it has departed.
    pub(super) departed: Option<u32>,
}

/// What a program may reach.
pub(super) struct Around<'a> {
    pub(super) now: u64,
    pub(super) network: &'a mut Network,
    pub(super) senders: &'a mut Vec<usize>,
    pub(super) pushed: &'a mut [Pushed],
    pub(super) count: &'a mut Count,
    pub(super) departed: &'a mut Vec<Departed>,
}

#[derive(Debug)]
pub(super) struct Program<const N: usize, const W: usize> {
    pub(super) player: u16,
    pub(super) generation: u32,
    /// The place among all programs.
    pub(super) number: usize,
    pub(super) state: State,
    /// It was started in the place of another one.
    pub(super) is_again: bool,
    pub(super) session: Session<PEERS, N, W>,
    pub(super) known: Vec<Known>,
    /// The programs that it has played with: it took more of them than hellos.
    pub(super) played_with: BTreeSet<usize>,
    /// When it last sent a word.
    pub(super) word_at: Option<u64>,
    lag_us: u64,
    pub(super) wakes: u64,
    disconnect_us: u64,
    frame_us: u64,
    tag_len: usize,
    next_tick: u64,
    next_take: u64,
}

impl<const N: usize, const W: usize> Program<N, W> {
    pub(super) fn new(plan: &Plan, player: u16, generation: u32, number: usize, now: u64) -> Self {
        let micros = std::time::Duration::from_micros;
        let mut config = Config::builder()
            .session_id(plan.seed)
            .local_player(player)
            .incarnation(mix(mix(plan.seed) ^ u64::try_from(number).unwrap_or(0)) | 1 << 63)
            .frame_interval(micros(plan.frame_us))
            .ping_interval(micros(plan.ping_us))
            .interrupt_after(micros(plan.disconnect_us / 2))
            .disconnect_after(micros(plan.disconnect_us))
            .max_datagram_size(plan.max_datagram_size);
        if plan.keyed {
            config = config.key([7; 16]);
        }
        let phase = mix(plan.seed ^ u64::try_from(number).unwrap_or(0)) % plan.frame_us;
        Self {
            player,
            generation,
            number,
            state: State::Playing,
            is_again: false,
            session: Session::new(config.build().expect("valid settings")),
            known: Vec::new(),
            played_with: BTreeSet::new(),
            word_at: None,
            lag_us: plan.lag_us[usize::from(player)],
            wakes: now,
            disconnect_us: plan.disconnect_us,
            frame_us: plan.frame_us,
            tag_len: if plan.keyed { 8 } else { 2 },
            next_tick: now + phase,
            next_take: now,
        }
    }

    pub(super) fn epoch(&self) -> u32 {
        self.session.epoch().get()
    }

    pub(super) fn is_playing(&self) -> bool {
        self.state == State::Playing
    }

    /// Adds a peer, which takes part from a later frame if there is one.
    pub(super) fn add(
        &mut self,
        now: u64,
        player: u16,
        generation: u32,
        from: Option<u32>,
    ) -> Result<(), AddPeerError> {
        let mut peer = PeerConfig::compact(player);
        if let Some(from) = from {
            peer = peer.from(Frame::new(from));
        }
        let id = self.session.add_peer(Instant::from_micros(now), peer)?;
        self.known.push(Known {
            id,
            player,
            generation,
            from: (self.epoch(), from.unwrap_or(0)),
            lost_at: None,
            unheard_at: Some(now + self.disconnect_us + CONNECT_US),
            named: None,
            is_removed: false,
            epochs: BTreeMap::new(),
        });
        self.wakes = now;
        Ok(())
    }

    pub(super) fn remove(&mut self, now: u64, player: u16, generation: u32) {
        let mut known = self.known.iter_mut();
        let same = |known: &&mut Known| known.player == player && known.generation == generation && !known.is_removed;
        if let Some(known) = known.find(same) {
            known.is_removed = true;
            (known.lost_at, known.unheard_at) = (None, None);
            self.session.remove_peer(Instant::from_micros(now), known.id);
            self.wakes = now;
        }
    }

    /// The peers that it has now.
    pub(super) fn peers(&self) -> impl Iterator<Item = (&Known, Departure)> {
        let peers = self.known.iter().filter(|known| !known.is_removed);
        peers.filter_map(|known| Some((known, self.session.peer(known.id)?.departure())))
    }

    /// From now on its application is prompt.
    pub(super) fn hurry(&mut self, now: u64) {
        self.lag_us = 0;
        self.next_take = now;
        self.wakes = now;
    }

    /// Whether the application hears a peer and has no mind to disconnect it.
    pub(super) fn is_well_with(&self, known: &Known) -> bool {
        let health = self.session.peer(known.id).map(PeerRef::health);
        let is_heard = matches!(health, Some(Health::Good | Health::Warning | Health::Critical));
        is_heard && known.lost_at.or(known.unheard_at).is_none()
    }

    /// Whether it has named the player of another program, or that one's as it was before.
    pub(super) fn has_named(&self, other: &Self) -> bool {
        let same = |known: &&Known| (known.player, known.generation) == (other.player, other.generation);
        self.known.iter().filter(same).any(|known| known.named.is_some())
    }

    /// A datagram of a player has come, which a program sent.
    pub(super) fn handle(&mut self, now: u64, from: u16, sender: usize, datagram: &[u8]) {
        let mut known = self.known.iter().filter(|known| !known.is_removed);
        if let Some(known) = known.find(|known| known.player == from) {
            // Whatever is refused is no business of an application.
            let taken = self.session.handle_datagram(Instant::from_micros(now), known.id, datagram).is_ok();
            // All but a hello are under a tag of both runs.
            if taken && datagram[0] != HELLO {
                self.played_with.insert(sender);
            }
            self.wakes = now;
        }
    }

    /// The application disconnects a peer.
    pub(super) fn disconnect(&mut self, now: u64, player: u16, count: &mut Count) {
        let known = self.known.iter().find(|known| known.player == player && !known.is_removed);
        let Some(id) = known.map(|known| known.id) else { return };
        let departure = self.session.peer(id).map(PeerRef::departure);
        if self.is_playing() && departure == Some(Departure::Present) {
            count.disconnected += 1;
            self.session.disconnect_peer(Instant::from_micros(now), id);
            self.wakes = now;
        }
    }

    pub(super) fn close(&mut self, now: u64) {
        if self.is_playing() {
            self.state = State::Leaving;
            self.session.close(Instant::from_micros(now));
            self.wakes = now;
        }
    }

    pub(super) fn begin_epoch(&mut self, now: u64, epoch: Epoch) -> bool {
        self.wakes = now;
        self.is_playing() && self.session.begin_epoch(Instant::from_micros(now), epoch).is_ok()
    }

    /// Lets it do what is due.
    pub(super) fn call(&mut self, around: &mut Around<'_>) -> Result<(), Breach> {
        let now = around.now;
        self.session.handle_timeout(Instant::from_micros(now));
        if self.next_take <= now {
            self.next_take = now + if self.lag_us > 0 { mix(now) % self.lag_us } else { 0 };
            self.take_events(around)?;
        }
        self.note_named(around);
        while self.next_tick <= now {
            self.next_tick += self.frame_us;
            self.push(around)?;
        }
        self.send(around)?;
        let due = self.session.poll_timeout().map(Instant::as_micros);
        ensure(due.is_none_or(|due| due > now), "progress", || format!("{due:?} is due at {now}"))?;
        let take = Some(self.next_take).filter(|at| *at > now);
        let lost = self.known.iter().flat_map(|known| [known.lost_at, known.unheard_at]).flatten();
        let wakes = [due, Some(self.next_tick), take].into_iter().flatten().chain(lost.filter(|at| *at > now));
        self.wakes = wakes.min().unwrap_or(u64::MAX);
        Ok(())
    }

    fn push(&mut self, around: &mut Around<'_>) -> Result<(), Breach> {
        if !self.is_playing() {
            return Ok(());
        }
        let (epoch, next) = (self.epoch(), self.session.next_frame().get());
        match self.session.push_input(Instant::from_micros(around.now), input(self.number, epoch, next)) {
            Ok(_) => {
                around.pushed[self.number].epochs.entry(epoch).or_insert(next..next).end = next + 1;
                Ok(())
            }
            // Who is dropped may hear of it later.
            Err(PushError::WindowFull(_) | PushError::Closed) => Ok(()),
            Err(error) => Err(Breach::of("totality", error.to_string())),
        }
    }

    fn take_events(&mut self, around: &mut Around<'_>) -> Result<(), Breach> {
        let now = around.now;
        let (mut follow, mut gone) = (None, Vec::new());
        while let Some(event) = self.session.poll_event() {
            match event {
                Event::Input { peer, frame, input } => self.deliver(peer, frame.get(), &input, around.pushed)?,
                Event::Dropped { .. } => {
                    around.count.dropped += 1;
                    self.state = State::Leaving;
                }
                Event::Peer { peer, event } => {
                    let known = &mut self.known[index(peer)];
                    match event {
                        PeerEvent::Connected => known.unheard_at = None,
                        PeerEvent::Health { health: Health::Disconnected, .. } => {
                            known.lost_at = Some(now + if self.player > known.player { STAGGER_US } else { 0 });
                        }
                        PeerEvent::Health { .. } => known.lost_at = None,
                        PeerEvent::EpochAhead { epoch } => follow = follow.max(Some(epoch)),
                        PeerEvent::OutOfSync => follow = follow.max(self.session.next_epoch()),
                        PeerEvent::Restarted | PeerEvent::PeerClosed { .. } => gone.push(known.player),
                        PeerEvent::Departing { .. } => around.count.told += 1,
                        PeerEvent::Departed { last } => self.report(peer, last, around)?,
                        _ => {}
                    }
                }
                _ => {}
            }
        }
        for known in &mut self.known {
            let lost = known.lost_at.take_if(|at| *at <= now).is_some();
            if lost || known.unheard_at.take_if(|at| *at <= now).is_some() {
                gone.push(known.player);
            }
        }
        for player in gone {
            self.disconnect(now, player, around.count);
        }
        if let Some(epoch) = follow {
            self.begin_epoch(now, epoch);
        }
        Ok(())
    }

    /// What was delivered of a peer in the present epoch.
    fn delivered(&mut self, peer: PeerId) -> (&mut Delivered, u32) {
        let epoch = self.epoch();
        let known = &mut self.known[index(peer)];
        let start = if known.from.0 == epoch { known.from.1 } else { 0 };
        (known.epochs.entry(epoch).or_insert_with(|| Delivered { next: start, ..Delivered::default() }), start)
    }

    fn deliver(&mut self, peer: PeerId, frame: u32, given: &[u8; N], pushed: &[Pushed]) -> Result<(), Breach> {
        let (local, epoch) = (self.player, self.epoch());
        let (player, generation) = (self.known[index(peer)].player, self.known[index(peer)].generation);
        let (delivered, _) = self.delivered(peer);
        let what = |what: &str| format!("{local} got frame {frame} of {player} in epoch {epoch}: {what}");
        ensure(delivered.next == frame, "order", || what("not the next one"))?;
        ensure(delivered.departed.is_none(), "order", || what("it has departed"))?;
        delivered.next = frame + 1;
        let of_player = || {
            let programs = pushed.iter().enumerate();
            let programs = programs.filter(|(_, of)| (of.player, of.generation) == (player, generation));
            programs.map(|(program, _)| program).collect()
        };
        let programs = delivered.programs.get_or_insert_with(of_player);
        programs.retain(|program| {
            let frames = pushed[*program].epochs.get(&epoch);
            frames.is_some_and(|frames| frames.contains(&frame)) && input::<N>(*program, epoch, frame) == *given
        });
        ensure(!programs.is_empty(), "integrity", || what("it was not pushed"))
    }

    fn report(&mut self, peer: PeerId, last: Option<Frame>, around: &mut Around<'_>) -> Result<(), Breach> {
        let (survivor, pushed) = (self.player, self.session.next_frame().get());
        let player = self.known[index(peer)].player;
        let (delivered, start) = self.delivered(peer);
        let end = last.map_or(start, |last| last.get() + 1);
        ensure(delivered.next == end && delivered.departed.is_none(), "order", || {
            format!("{survivor} has {player} departed at {end}, and got its inputs up to {delivered:?}")
        })?;
        delivered.departed = Some(end);
        around.count.departed += 1;
        if let Some((named_at, had, pushed_then)) = self.known[index(peer)].named {
            let pushed = pushed.saturating_sub(pushed_then);
            let reported_at = around.now;
            around.departed.push(Departed { survivor, player, named_at, reported_at, had, end, pushed });
        }
        Ok(())
    }

    /// Notes who was named since the last call.
    fn note_named(&mut self, around: &mut Around<'_>) {
        let pushed = self.session.next_frame().get();
        for known in self.known.iter_mut().filter(|known| known.named.is_none() && !known.is_removed) {
            let end = match self.session.peer(known.id).map(PeerRef::departure) {
                Some(Departure::Departing { end }) => end.get(),
                Some(Departure::Departed { last }) => last.map_or(0, |last| last.get() + 1),
                _ => continue,
            };
            known.named = Some((around.now, end, pushed));
        }
    }

    fn send(&mut self, around: &mut Around<'_>) -> Result<(), Breach> {
        let mut buf = [0; MAX_DATAGRAM_SIZE];
        let named = self.peers().any(|(_, departure)| departure != Departure::Present);
        while let Some(transmit) = self.session.poll_transmit(&mut buf) {
            let (to, datagram) = (self.known[index(transmit.peer)].player, transmit.datagram);
            if datagram[0] == WORD {
                let [flags, players] = [1, 2].map(|place| datagram[place + self.tag_len]);
                ensure(named, "quiet", || format!("{} sends a word and has named nobody", self.player))?;
                self.word_at = Some(around.now);
                let count = &mut *around.count;
                count.words += 1;
                count.word_bytes += u64::try_from(datagram.len()).unwrap_or(0);
                count.repairs += u64::from(flags & INPUTS != 0);
                count.farewells += u64::from(players == 0);
            }
            around.senders.push(self.number);
            around.network.send(around.now, self.player.into(), to.into(), datagram);
        }
        Ok(())
    }
}

/// Peers are numbered in the order in which they were added.
fn index(peer: PeerId) -> usize {
    usize::try_from(peer.get()).expect("few peers")
}

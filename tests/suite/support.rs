//! Shared by the tests: two endpoints with a network and a clock, and the proof that a refusal changes nothing.

pub(crate) mod forge;
pub(crate) mod gathering;
pub(crate) mod specimens;

use std::time::Duration;

use crate::fuzz::watch::{may_be_reported, same, similar};
use forge::Seal;
use inputwire::{
    Config, ConfigBuilder, DatagramError, Epoch, Event, Frame, Health, Instant, MAX_DATAGRAM_SIZE, PeerConfig,
    PeerEvent, PeerId, PeerRef, PeerStats, Session,
};
use inputwire_sim::rng::Rng;

/// The default frame interval, in microseconds.
pub(crate) const T: u64 = 16_667;
/// One and a half frame intervals: how long an acknowledgement may wait.
pub(crate) const ACK_DELAY: u64 = T + T / 2;
pub(crate) const MS: u64 = 1_000;
pub(crate) const SECOND: u64 = 1_000_000;
pub(crate) const SESSION_ID: u64 = 0x1bad_cafe_f00d_beef;
pub(crate) const KEY: [u8; 16] = *b"sixteen  letters";
/// The most datagrams that one drain may yield for each peer: one of each kind.
pub(crate) const DATAGRAMS_A_PEER: usize = 8;
/// The only peer of a session with one peer.
pub(crate) const PEER: PeerId = PeerId::new(0);

pub(crate) fn at(micros: u64) -> Instant {
    Instant::from_micros(micros)
}

pub(crate) fn frame(number: u32) -> Frame {
    Frame::new(number)
}

/// The incarnation that a player has by default.
pub(crate) fn incarnation(player: u16) -> u64 {
    0x5eed_0000_1000 + u64::from(player)
}

/// A byte at random.
pub(crate) fn byte(rng: &mut Rng) -> u8 {
    u8::try_from(rng.below(256)).expect("a byte")
}

/// What a link can use: either wire, the compact one with or without a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    Compact,
    Keyed,
    Classic,
}

impl Wire {
    pub(crate) const ALL: [Self; 3] = [Self::Compact, Self::Keyed, Self::Classic];
    pub(crate) const COMPACT: [Self; 2] = [Self::Compact, Self::Keyed];

    pub(crate) fn settings(self, player: u16) -> ConfigBuilder {
        let settings = Config::builder().session_id(SESSION_ID).local_player(player).incarnation(incarnation(player));
        if self == Self::Keyed { settings.key(KEY) } else { settings }
    }

    pub(crate) fn peer(self, player: u16) -> PeerConfig<1> {
        if self == Self::Classic { PeerConfig::classic(player) } else { PeerConfig::compact(player) }
    }

    /// Bytes of the tag of a compact datagram.
    pub(crate) fn tag_len(self) -> usize {
        if self == Self::Keyed { 8 } else { 2 }
    }
}

/// A session with one peer, added at the origin of time.
pub(crate) fn endpoint<const INPUT_LEN: usize, const WINDOW: usize>(
    settings: ConfigBuilder,
    peer: PeerConfig<INPUT_LEN>,
) -> Session<1, INPUT_LEN, WINDOW> {
    let mut session = Session::new(settings.build().expect("settings"));
    session.add_peer(at(0), peer).expect("room for one");
    session
}

/// The session of player 0, with room for three, whose first peers are players 1 and 2, in the runs that signalling named.
pub(crate) fn signalled() -> (Session<3, 1>, [PeerId; 2]) {
    let mut session = Session::new(Wire::Compact.settings(0).build().expect("settings"));
    let peers = [1, 2].map(|player| {
        session.add_peer(at(0), PeerConfig::compact(player).incarnation(incarnation(player))).expect("room")
    });
    (session, peers)
}

/// The only peer of a session.
pub(crate) fn peer<const MAX_PEERS: usize, const INPUT_LEN: usize, const WINDOW: usize>(
    session: &Session<MAX_PEERS, INPUT_LEN, WINDOW>,
) -> PeerRef<'_, INPUT_LEN> {
    session.peer(PEER).expect("a peer")
}

pub(crate) fn stats<const MAX_PEERS: usize, const INPUT_LEN: usize, const WINDOW: usize>(
    session: &Session<MAX_PEERS, INPUT_LEN, WINDOW>,
) -> PeerStats {
    peer(session).stats()
}

/// Takes the datagrams that are due.
pub(crate) fn drain<const MAX_PEERS: usize, const INPUT_LEN: usize, const WINDOW: usize>(
    session: &mut Session<MAX_PEERS, INPUT_LEN, WINDOW>,
) -> Vec<(PeerId, Vec<u8>)> {
    let mut buf = [0; MAX_DATAGRAM_SIZE];
    let mut datagrams = Vec::new();
    while let Some(transmit) = session.poll_transmit(&mut buf) {
        datagrams.push((transmit.peer, transmit.datagram.to_vec()));
        assert!(datagrams.len() <= DATAGRAMS_A_PEER * MAX_PEERS, "a drain that does not end");
    }
    datagrams
}

/// Takes the datagrams that are due at this time, to any peer.
pub(crate) fn due<const MAX_PEERS: usize, const INPUT_LEN: usize, const WINDOW: usize>(
    session: &mut Session<MAX_PEERS, INPUT_LEN, WINDOW>,
    now: u64,
) -> Vec<Vec<u8>> {
    session.handle_timeout(at(now));
    drain(session).into_iter().map(|(_, datagram)| datagram).collect()
}

/// Takes the compact input datagram that is due at this time.
pub(crate) fn due_input<const MAX_PEERS: usize, const INPUT_LEN: usize, const WINDOW: usize>(
    session: &mut Session<MAX_PEERS, INPUT_LEN, WINDOW>,
    now: u64,
) -> Vec<u8> {
    due(session, now).into_iter().find(|datagram| datagram[0] >= 0x80).expect("an input datagram")
}

/// Takes all events.
pub(crate) fn events<const MAX_PEERS: usize, const INPUT_LEN: usize, const WINDOW: usize>(
    session: &mut Session<MAX_PEERS, INPUT_LEN, WINDOW>,
) -> Vec<Event<INPUT_LEN>> {
    let mut events = Vec::new();
    while let Some(event) = session.poll_event() {
        events.push(event);
        assert!(events.len() <= (WINDOW + 8) * MAX_PEERS, "more events than law 9 allows");
    }
    events
}

/// The delivered inputs among these events, with their frames.
pub(crate) fn inputs<const INPUT_LEN: usize>(events: &[Event<INPUT_LEN>]) -> Vec<(u32, [u8; INPUT_LEN])> {
    let inputs = events.iter().filter_map(|event| match event {
        Event::Input { frame, input, .. } => Some((frame.get(), *input)),
        _ => None,
    });
    inputs.collect()
}

/// The frames of the delivered inputs among these events.
pub(crate) fn frames<const INPUT_LEN: usize>(events: &[Event<INPUT_LEN>]) -> Vec<u32> {
    inputs(events).into_iter().map(|(frame, _)| frame).collect()
}

pub(crate) fn healths<const INPUT_LEN: usize>(events: &[Event<INPUT_LEN>]) -> Vec<Health> {
    let healths = events.iter().filter_map(|event| match event {
        Event::Peer { event: PeerEvent::Health { health, .. }, .. } => Some(*health),
        _ => None,
    });
    healths.collect()
}

/// The duration of each local stall among these events.
pub(crate) fn stalls<const INPUT_LEN: usize>(events: &[Event<INPUT_LEN>]) -> Vec<Duration> {
    let stalls = events.iter().filter_map(|event| match event {
        Event::LocalStall { duration } => Some(*duration),
        _ => None,
    });
    stalls.collect()
}

/// The events about the only peer, except its health and flushes.
pub(crate) fn peer_events<const INPUT_LEN: usize>(events: &[Event<INPUT_LEN>]) -> Vec<PeerEvent> {
    let events = events.iter().filter_map(|event| match event {
        Event::Input { .. }
        | Event::LocalStall { .. }
        | Event::Peer { event: PeerEvent::Health { .. } | PeerEvent::Flushed, .. } => None,
        Event::Peer { peer: PEER, event } => Some(*event),
        other => panic!("not about the only peer: {other:?}"),
    });
    events.collect()
}

/// What is reported of the only peer when its goodbye of an epoch arrives and all its inputs before `end` are known: with a key it has
/// left, without one it only says so.
pub(crate) fn goodbye(wire: Wire, epoch: u32, end: u32) -> Vec<PeerEvent> {
    let closed = PeerEvent::PeerClosed { epoch: Epoch::new(epoch), end: frame(end) };
    if wire == Wire::Keyed {
        let last = end.checked_sub(1).map(frame);
        vec![PeerEvent::Departing { by: None }, closed, PeerEvent::Departed { last }]
    } else {
        vec![closed]
    }
}

/// Asserts that a datagram is refused for `reason`, and that this changes nothing but one counter, now and later.
///
/// The session itself is left as it is, so that many datagrams can be tried on it.
#[track_caller]
pub(crate) fn refuse<const MAX_PEERS: usize, const INPUT_LEN: usize, const WINDOW: usize>(
    session: &Session<MAX_PEERS, INPUT_LEN, WINDOW>,
    now: u64,
    from: PeerId,
    datagram: &[u8],
    reason: DatagramError,
) {
    let (mut refused, mut spared) = (session.clone(), session.clone());
    assert_eq!(refused.handle_datagram(at(now), from, datagram), Err(reason), "{datagram:02x?}");
    spared.handle_timeout(at(now));
    let stats = [&spared, &refused].map(|session| session.peer(from).map(PeerRef::stats));
    if let [Some(before), Some(mut after)] = stats {
        let (counted, expected) = (after.totals.refused, before.totals.refused);
        assert_eq!(counted.get(reason), expected.get(reason).saturating_add(1));
        assert_eq!(counted.total(), expected.total() + 1);
        after.totals.refused = expected;
        assert_eq!(after, before, "{reason:?} changed a figure");
    }
    assert_unchanged(&refused, &spared, from, datagram, reason);
    refused.clear_counters();
    spared.clear_counters();
    // Who plays as a second run of the peer is told so with a hello.
    let answered = |sent: &Vec<u8>| reason != DatagramError::OtherRun || sent[0] != 0x20;
    for pause in [0, T, ACK_DELAY, 250 * MS, 700 * MS, 6 * SECOND] {
        let now = now.saturating_add(pause);
        assert!(reason == DatagramError::OtherRun || refused.poll_timeout() == spared.poll_timeout());
        let sent = [&mut refused, &mut spared].map(|session| due(session, now).into_iter().filter(answered));
        let [refused_sent, spared_sent] = sent.map(Iterator::collect::<Vec<_>>);
        assert_eq!(refused_sent, spared_sent, "{reason:?} changed what is sent later");
        assert_eq!(events(&mut refused), events(&mut spared), "{reason:?} changed what is reported later");
    }
}

/// Asserts that a session which refused a datagram equals one that was spared it, except for counters and for what the few
/// reasons that are reported note.
#[track_caller]
pub(crate) fn assert_unchanged<const MAX_PEERS: usize, const INPUT_LEN: usize, const WINDOW: usize>(
    refused: &Session<MAX_PEERS, INPUT_LEN, WINDOW>,
    spared: &Session<MAX_PEERS, INPUT_LEN, WINDOW>,
    from: PeerId,
    datagram: &[u8],
    reason: DatagramError,
) {
    let (mut refused, mut spared) = (refused.clone(), spared.clone());
    let unchanged = if may_be_reported(reason, datagram, spared.peer(from)) {
        similar(&refused, &spared)
    } else {
        same(&mut refused, &mut spared)
    };
    assert!(unchanged, "{reason:?} changed the session: {datagram:02x?}");
}

/// An accepted datagram, with its receiver as it was just before.
#[derive(Clone, Debug)]
pub(crate) struct Accepted<const INPUT_LEN: usize, const WINDOW: usize> {
    pub(crate) receiver: Session<1, INPUT_LEN, WINDOW>,
    pub(crate) now: u64,
    pub(crate) datagram: Vec<u8>,
}

/// Two endpoints, the network between them, and the time.
pub(crate) struct Pair<const INPUT_LEN: usize = 1, const WINDOW: usize = 120> {
    pub(crate) sessions: [Session<1, INPUT_LEN, WINDOW>; 2],
    pub(crate) now: u64,
    /// How long a datagram travels.
    pub(crate) delay: u64,
    /// Whose datagrams are lost.
    pub(crate) lost: [bool; 2],
    /// Whose events are not polled.
    pub(crate) unpolled: [bool; 2],
    pub(crate) reported: [Vec<Event<INPUT_LEN>>; 2],
    pub(crate) sent: [Vec<(u64, Vec<u8>)>; 2],
    pub(crate) refused: [Vec<DatagramError>; 2],
    pub(crate) accepted: Vec<Accepted<INPUT_LEN, WINDOW>>,
    /// Whether accepted datagrams are kept.
    pub(crate) recording: bool,
    in_flight: Vec<(u64, usize, Vec<u8>)>,
}

impl Pair {
    pub(crate) fn on(wire: Wire) -> Self {
        Self::new(endpoint(wire.settings(0), wire.peer(1)), endpoint(wire.settings(1), wire.peer(0)))
    }

    /// A pair that is connected and sends no more hellos.
    pub(crate) fn met(wire: Wire) -> Self {
        let mut pair = Self::on(wire);
        pair.run(3 * SECOND);
        pair
    }

    /// Starts one endpoint anew, as another run of its player.
    pub(crate) fn restart(&mut self, wire: Wire, player: usize, incarnation: u64) {
        let number = u16::from(player == 1);
        self.restart_with(wire, player, wire.settings(number).incarnation(incarnation));
    }

    /// The same with these settings.
    pub(crate) fn restart_with(&mut self, wire: Wire, player: usize, settings: ConfigBuilder) {
        let mut session = Session::new(settings.build().expect("settings"));
        session.add_peer(at(self.now), wire.peer(u16::from(player == 0))).expect("room");
        self.sessions[player] = session;
    }
}

/// After this silence a peer of default settings may be replaced by another run.
pub(crate) const SILENCE: u64 = 500 * MS;

/// Lets a session fall silent, takes what is due, and returns the hello by which another run of the peer, that of this seal,
/// answers the hello among it.
pub(crate) fn answer_of_another_run<const INPUT_LEN: usize, const WINDOW: usize>(
    session: &mut Session<1, INPUT_LEN, WINDOW>,
    now: u64,
    seal: &Seal,
) -> Vec<u8> {
    // Step by step: a long pause would be forgiven.
    let steps = (now.saturating_sub(SILENCE)..now).step_by(10_000).chain([now]);
    let sent = steps.flat_map(|now| due(session, now)).filter(|datagram| datagram[0] == 0x20);
    let hello = sent.last().expect("a hello into the silence");
    seal.answering(1, forge::hello_number(&hello)).hello()
}

impl<const INPUT_LEN: usize, const WINDOW: usize> Pair<INPUT_LEN, WINDOW> {
    pub(crate) fn new(first: Session<1, INPUT_LEN, WINDOW>, second: Session<1, INPUT_LEN, WINDOW>) -> Self {
        Self {
            sessions: [first, second],
            now: 0,
            delay: 0,
            lost: [false; 2],
            unpolled: [false; 2],
            reported: [Vec::new(), Vec::new()],
            sent: [Vec::new(), Vec::new()],
            refused: [Vec::new(), Vec::new()],
            accepted: Vec::new(),
            recording: false,
            in_flight: Vec::new(),
        }
    }

    /// Carries datagrams and takes events until nothing more happens at this time.
    pub(crate) fn settle(&mut self) {
        for _ in 0..20 {
            self.sessions.iter_mut().for_each(|session| session.handle_timeout(at(self.now)));
            let arrived: Vec<_> = self.in_flight.extract_if(.., |(when, ..)| *when <= self.now).collect();
            let mut quiet = arrived.is_empty();
            for (_, to, datagram) in arrived {
                self.receive(to, &datagram);
            }
            for from in 0..2 {
                for (_, datagram) in drain(&mut self.sessions[from]) {
                    quiet = false;
                    if !self.lost[from] {
                        self.in_flight.push((self.now + self.delay, 1 - from, datagram.clone()));
                    }
                    self.sent[from].push((self.now, datagram));
                }
                if !self.unpolled[from] {
                    self.reported[from].extend(events(&mut self.sessions[from]));
                }
            }
            if quiet {
                return;
            }
        }
        panic!("endless activity at one time");
    }

    fn receive(&mut self, to: usize, datagram: &[u8]) {
        let receiver = self.recording.then(|| self.sessions[to].clone());
        let Some(from) = self.sessions[to].peers().next() else { return };
        match self.sessions[to].handle_datagram(at(self.now), from, datagram) {
            Ok(()) => self.accepted.extend(receiver.map(|receiver| Accepted {
                receiver,
                now: self.now,
                datagram: datagram.to_vec(),
            })),
            Err(reason) => self.refused[to].push(reason),
        }
    }

    /// Lets time pass, with everything happening when it is due.
    pub(crate) fn run(&mut self, micros: u64) {
        let until = self.now + micros;
        loop {
            self.settle();
            let wake = self.sessions.iter().filter_map(Session::poll_timeout).map(Instant::as_micros);
            let next = wake.chain(self.in_flight.iter().map(|(when, ..)| *when)).min().unwrap_or(u64::MAX);
            assert!(next > self.now, "woken in a loop");
            if next > until {
                self.now = until;
                return self.settle();
            }
            self.now = next;
        }
    }

    /// Both endpoints play so many frames, with the inputs of [`act`].
    pub(crate) fn play(&mut self, frames: u32) {
        for _ in 0..frames {
            for player in 0..2 {
                let input = act(player, self.sessions[player].next_frame().get());
                self.sessions[player].push_input(at(self.now), input).expect("room in the window");
            }
            self.run(T);
        }
    }

    pub(crate) fn begin_epoch(&mut self, number: u32) {
        for session in &mut self.sessions {
            session.begin_epoch(at(self.now), Epoch::new(number)).expect("a newer epoch");
        }
    }

    /// Forgets everything reported, sent and refused so far.
    pub(crate) fn forget(&mut self) {
        self.reported = [Vec::new(), Vec::new()];
        self.sent = [Vec::new(), Vec::new()];
        self.refused = [Vec::new(), Vec::new()];
    }

    /// Asserts that the first `count` inputs of the other player were delivered to an endpoint, each once and in order.
    #[track_caller]
    pub(crate) fn assert_delivered(&self, to: usize, count: u32) {
        let expected: Vec<_> = (0..count).map(|frame| (frame, act(1 - to, frame))).collect();
        assert_eq!(inputs(&self.reported[to]), expected);
    }
}

/// The checksums that an endpoint owes: a game hashes every so many frames, once the inputs of all players are known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hashing {
    step: u32,
    next: u32,
}

impl Hashing {
    pub(crate) fn every(step: u32) -> Self {
        Self { step, next: 0 }
    }

    /// Pushes the checksums of the confirmed frames below `end`.
    pub(crate) fn push(&mut self, session: &mut Session<1, 1>, now: u64, end: u32, hash: impl Fn(u32) -> u64) {
        let confirmed = session.confirmed_frame().map_or(0, |frame| frame.get() + 1);
        while self.next < end.min(confirmed).min(session.next_frame().get()) {
            session.push_checksum(at(now), frame(self.next), hash(self.next)).expect("few enough");
            self.next += self.step;
        }
    }
}

/// The input of a player in a frame: it changes now and then.
pub(crate) fn act<const INPUT_LEN: usize>(player: usize, frame: u32) -> [u8; INPUT_LEN] {
    let mut input = [0; INPUT_LEN];
    input[0] = u8::try_from((frame / 3 * 29 + 7 * u32::try_from(player).expect("small")) % 251).expect("a byte");
    input[INPUT_LEN - 1] ^= u8::try_from(frame / 10 % 2).expect("a bit");
    input
}

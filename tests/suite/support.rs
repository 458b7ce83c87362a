//! What the tests share: two ends and the time between them, and how a refusal is proved.

pub(crate) mod dice;
pub(crate) mod forge;
pub(crate) mod specimens;

use std::time::Duration;

use inputwire::{
    Config, ConfigBuilder, DATAGRAM_MAX, DatagramError, Epoch, Event, Frame, Health, Instant, PeerConfig, PeerId,
    PeerStats, Session,
};

/// The frame interval of every session here unless it is set, in microseconds.
pub(crate) const T: u64 = 16_667;
/// One and a half of them.
pub(crate) const PATIENCE: u64 = T + T / 2;
pub(crate) const MS: u64 = 1_000;
pub(crate) const SECOND: u64 = 1_000_000;
pub(crate) const SESSION: u64 = 0x1bad_cafe_f00d_beef;
pub(crate) const KEY: [u8; 16] = *b"sixteen  letters";
/// The most that a drain may yield for each peer: one datagram of each kind.
pub(crate) const DATAGRAMS_A_PEER: usize = 8;
/// The only peer of a session with one peer.
pub(crate) const PEER: PeerId = PeerId::new(0);

pub(crate) fn at(micros: u64) -> Instant {
    Instant::from_micros(micros)
}

/// The incarnation that a player has here unless it is set.
pub(crate) fn incarnation(player: u16) -> u32 {
    1_000 + u32::from(player)
}

/// What two ends can speak.
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
        let settings = Config::builder().session(SESSION).player(player).incarnation(incarnation(player));
        if self == Self::Keyed { settings.key(KEY) } else { settings }
    }

    pub(crate) fn peer(self, player: u16) -> PeerConfig<1> {
        if self == Self::Classic { PeerConfig::classic(player) } else { PeerConfig::compact(player) }
    }
}

/// One end with one peer, added at the origin of time.
pub(crate) fn end<const INPUT: usize, const WINDOW: usize>(
    settings: ConfigBuilder,
    peer: PeerConfig<INPUT>,
) -> Session<1, INPUT, WINDOW> {
    let mut session = Session::new(settings.build().expect("settings"));
    session.add_peer(at(0), peer).expect("room for one");
    session
}

/// The datagrams that are due.
pub(crate) fn drain<const PEERS: usize, const INPUT: usize, const WINDOW: usize>(
    session: &mut Session<PEERS, INPUT, WINDOW>,
) -> Vec<(PeerId, Vec<u8>)> {
    let mut buf = [0; DATAGRAM_MAX];
    let mut datagrams = Vec::new();
    while let Some(transmit) = session.poll_transmit(&mut buf) {
        datagrams.push((transmit.peer, transmit.datagram.to_vec()));
        assert!(datagrams.len() <= DATAGRAMS_A_PEER * PEERS, "a drain that does not end");
    }
    datagrams
}

/// The datagrams that are due at a moment, to whomever.
pub(crate) fn due<const PEERS: usize, const INPUT: usize, const WINDOW: usize>(
    session: &mut Session<PEERS, INPUT, WINDOW>,
    now: u64,
) -> Vec<Vec<u8>> {
    session.handle_timeout(at(now));
    drain(session).into_iter().map(|(_, datagram)| datagram).collect()
}

/// The input datagram of the compact wire that is due at a moment.
pub(crate) fn due_input<const PEERS: usize, const INPUT: usize, const WINDOW: usize>(
    session: &mut Session<PEERS, INPUT, WINDOW>,
    now: u64,
) -> Vec<u8> {
    due(session, now).into_iter().find(|datagram| datagram[0] >= 0x80).expect("an input datagram")
}

/// Everything there is to tell.
pub(crate) fn events<const PEERS: usize, const INPUT: usize, const WINDOW: usize>(
    session: &mut Session<PEERS, INPUT, WINDOW>,
) -> Vec<Event<INPUT>> {
    let mut told = Vec::new();
    while let Some(event) = session.poll_event() {
        told.push(event);
        assert!(told.len() <= (WINDOW + 8) * PEERS, "more events than law 9 allows");
    }
    told
}

pub(crate) fn stats<const PEERS: usize, const INPUT: usize, const WINDOW: usize>(
    session: &Session<PEERS, INPUT, WINDOW>,
) -> PeerStats {
    session.stats(PEER).expect("a peer")
}

/// The frames told, with their inputs.
pub(crate) fn inputs<const INPUT: usize>(told: &[Event<INPUT>]) -> Vec<(u32, [u8; INPUT])> {
    let inputs = told.iter().filter_map(|event| match event {
        Event::Input { frame, input, .. } => Some((frame.get(), *input)),
        _ => None,
    });
    inputs.collect()
}

pub(crate) fn frames<const INPUT: usize>(told: &[Event<INPUT>]) -> Vec<u32> {
    inputs(told).into_iter().map(|(frame, _)| frame).collect()
}

pub(crate) fn healths<const INPUT: usize>(told: &[Event<INPUT>]) -> Vec<Health> {
    let healths = told.iter().filter_map(|event| match event {
        Event::Health { health, .. } => Some(*health),
        _ => None,
    });
    healths.collect()
}

/// How long we were not called, each time.
pub(crate) fn stalls<const INPUT: usize>(told: &[Event<INPUT>]) -> Vec<Duration> {
    let stalls = told.iter().filter_map(|event| match event {
        Event::LocalStall { duration } => Some(*duration),
        _ => None,
    });
    stalls.collect()
}

/// What is told of a peer but for its inputs, its health and that everything has arrived.
pub(crate) fn news<const INPUT: usize>(told: &[Event<INPUT>]) -> Vec<Event<INPUT>> {
    let usual = |event: &&Event<INPUT>| {
        matches!(event, Event::Input { .. } | Event::Health { .. } | Event::Flushed { .. } | Event::LocalStall { .. })
    };
    told.iter().filter(|event| !usual(event)).copied().collect()
}

/// Asserts that a datagram is refused for `reason`, and that this changes nothing but one counter, now and later.
///
/// The session itself is left as it is, so that many datagrams can be tried on it.
#[track_caller]
pub(crate) fn refuse<const PEERS: usize, const INPUT: usize, const WINDOW: usize>(
    session: &Session<PEERS, INPUT, WINDOW>,
    now: u64,
    from: PeerId,
    datagram: &[u8],
    reason: DatagramError,
) {
    let (mut refused, mut spared) = (session.clone(), session.clone());
    assert_eq!(refused.handle_datagram(at(now), from, datagram), Err(reason), "{datagram:02x?}");
    spared.handle_timeout(at(now));
    if let (Some(before), Some(mut after)) = (spared.stats(from), refused.stats(from)) {
        let (counted, expected) = (after.totals.refused, before.totals.refused);
        assert_eq!(counted.get(reason), expected.get(reason).saturating_add(1));
        assert_eq!(counted.total(), expected.total() + 1);
        after.totals.refused = expected;
        assert_eq!(after, before, "{reason:?} changed a figure");
    }
    refused.clear_counters();
    spared.clear_counters();
    assert_eq!(refused, spared, "{reason:?} changed the session: {datagram:02x?}");
    for pause in [0, T, PATIENCE, 250 * MS, 700 * MS, 6 * SECOND] {
        let now = now.saturating_add(pause);
        assert_eq!(refused.poll_timeout(), spared.poll_timeout());
        assert_eq!(due(&mut refused, now), due(&mut spared, now), "{reason:?} changed what is sent later");
        assert_eq!(events(&mut refused), events(&mut spared), "{reason:?} changed what is told later");
    }
}

/// A datagram that was accepted, with its receiver as it was just before.
#[derive(Clone, Debug)]
pub(crate) struct Accepted<const INPUT: usize, const WINDOW: usize> {
    pub(crate) receiver: Session<1, INPUT, WINDOW>,
    pub(crate) now: u64,
    pub(crate) datagram: Vec<u8>,
}

/// Two ends, the network between them, and the time.
pub(crate) struct Pair<const INPUT: usize = 1, const WINDOW: usize = 120> {
    pub(crate) ends: [Session<1, INPUT, WINDOW>; 2],
    pub(crate) now: u64,
    /// How long a datagram travels.
    pub(crate) delay: u64,
    /// Whose datagrams are lost.
    pub(crate) lost: [bool; 2],
    /// Whose events nobody takes.
    pub(crate) deaf: [bool; 2],
    pub(crate) told: [Vec<Event<INPUT>>; 2],
    pub(crate) sent: [Vec<(u64, Vec<u8>)>; 2],
    pub(crate) refused: [Vec<DatagramError>; 2],
    pub(crate) accepted: Vec<Accepted<INPUT, WINDOW>>,
    pub(crate) recording: bool,
    flying: Vec<(u64, usize, Vec<u8>)>,
}

impl Pair {
    pub(crate) fn on(wire: Wire) -> Self {
        Self::new(end(wire.settings(0), wire.peer(1)), end(wire.settings(1), wire.peer(0)))
    }

    /// A pair that has met and says no more hellos.
    pub(crate) fn met(wire: Wire) -> Self {
        let mut pair = Self::on(wire);
        pair.run(3 * SECOND);
        pair
    }
}

impl<const INPUT: usize, const WINDOW: usize> Pair<INPUT, WINDOW> {
    pub(crate) fn new(first: Session<1, INPUT, WINDOW>, second: Session<1, INPUT, WINDOW>) -> Self {
        Self {
            ends: [first, second],
            now: 0,
            delay: 0,
            lost: [false; 2],
            deaf: [false; 2],
            told: [Vec::new(), Vec::new()],
            sent: [Vec::new(), Vec::new()],
            refused: [Vec::new(), Vec::new()],
            accepted: Vec::new(),
            recording: false,
            flying: Vec::new(),
        }
    }

    /// Delivers, drains and tells until nothing more happens at this moment.
    pub(crate) fn settle(&mut self) {
        for _ in 0..20 {
            self.ends.iter_mut().for_each(|end| end.handle_timeout(at(self.now)));
            let arrived: Vec<_> = self.flying.extract_if(.., |(when, ..)| *when <= self.now).collect();
            let mut quiet = arrived.is_empty();
            for (_, to, datagram) in arrived {
                self.deliver(to, &datagram);
            }
            for from in 0..2 {
                for (_, datagram) in drain(&mut self.ends[from]) {
                    quiet = false;
                    if !self.lost[from] {
                        self.flying.push((self.now + self.delay, 1 - from, datagram.clone()));
                    }
                    self.sent[from].push((self.now, datagram));
                }
                if !self.deaf[from] {
                    self.told[from].extend(events(&mut self.ends[from]));
                }
            }
            if quiet {
                return;
            }
        }
        panic!("a moment that does not end");
    }

    fn deliver(&mut self, to: usize, datagram: &[u8]) {
        let receiver = self.recording.then(|| self.ends[to].clone());
        match self.ends[to].handle_datagram(at(self.now), PEER, datagram) {
            Ok(()) => self.accepted.extend(receiver.map(|receiver| Accepted {
                receiver,
                now: self.now,
                datagram: datagram.to_vec(),
            })),
            Err(reason) => self.refused[to].push(reason),
        }
    }

    /// Lets time pass, with everything happening at its moment.
    pub(crate) fn run(&mut self, micros: u64) {
        let until = self.now + micros;
        loop {
            self.settle();
            let wake = self.ends.iter().filter_map(Session::poll_timeout).map(Instant::as_micros);
            let next = wake.chain(self.flying.iter().map(|(when, ..)| *when)).min().unwrap_or(until);
            assert!(next > self.now, "woken in a loop");
            if next > until {
                self.now = until;
                return self.settle();
            }
            self.now = next;
        }
    }

    /// Both ends play so many frames, as [`act`] says.
    pub(crate) fn play(&mut self, frames: u32) {
        for _ in 0..frames {
            for player in 0..2 {
                let input = act(player, self.ends[player].next_frame().get());
                self.ends[player].push_input(at(self.now), input).expect("room in the window");
            }
            self.run(T);
        }
    }

    pub(crate) fn begin_epoch(&mut self, number: u32) {
        for end in &mut self.ends {
            end.begin_epoch(at(self.now), Epoch::new(number)).expect("a newer epoch");
        }
    }

    /// Forgets what was told, sent and refused so far.
    pub(crate) fn forget(&mut self) {
        self.told = [Vec::new(), Vec::new()];
        self.sent = [Vec::new(), Vec::new()];
        self.refused = [Vec::new(), Vec::new()];
    }

    /// Asserts that an end was told the first `count` inputs of the other, each once and in order.
    #[track_caller]
    pub(crate) fn assert_told(&self, end: usize, count: u32) {
        let expected: Vec<_> = (0..count).map(|frame| (frame, act(1 - end, frame))).collect();
        assert_eq!(inputs(&self.told[end]), expected);
    }
}

/// What a player does in a frame: something that changes now and then.
pub(crate) fn act<const INPUT: usize>(player: usize, frame: u32) -> [u8; INPUT] {
    let mut input = [0; INPUT];
    input[0] = u8::try_from((frame / 3 * 29 + 7 * u32::try_from(player).expect("small")) % 251).expect("a byte");
    input[INPUT - 1] ^= u8::try_from(frame / 10 % 2).expect("a bit");
    input
}

/// The frame with this number.
pub(crate) fn frame(number: u32) -> Frame {
    Frame::new(number)
}

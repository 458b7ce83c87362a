//! A game of two over a bad link, drawn from a seed, with both endpoints recorded. It makes every call.

use inputwire::{
    Config, ConfigBuilder, Endpoint as _, Epoch, Event, Frame, Instant, MAX_DATAGRAM_SIZE, PeerConfig, PeerEvent,
    PeerId, PushError, Session,
};
use inputwire_record::{Keys, Recorder, Replay, Step, Stop};
use inputwire_sim::rng::Rng;

pub(crate) const KEY: [u8; 16] = *b"sixteen  letters";
pub(crate) const PAIR_KEY: [u8; 16] = *b"of one pair only";
const PEER: PeerId = PeerId::new(0);
const FRAME_US: u64 = 16_667;
/// How long a game goes on at most after its last frame.
const CLOSING_US: u64 = 600_000;

type Recorded<const INPUT_LEN: usize, const WINDOW: usize> = Recorder<Vec<u8>, 1, INPUT_LEN, WINDOW>;

pub(crate) fn settings(seed: u64, player: u16) -> ConfigBuilder {
    Config::builder().session_id(seed).local_player(player).incarnation(0x5eed_0000_0000 + u64::from(player))
}

/// Whose key the datagrams have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keyed {
    No,
    Session,
    /// With short tags.
    Pair,
}

impl Keyed {
    /// The keys with which the recordings replay.
    pub(crate) fn keys(self, peer: u16) -> Keys {
        match self {
            Self::No => Keys::new(),
            Self::Session => Keys::new().session(KEY),
            Self::Pair => Keys::new().peer(peer, PAIR_KEY),
        }
    }
}

/// What a game is drawn from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Game {
    pub(crate) seed: u64,
    pub(crate) frames: u64,
    pub(crate) keyed: Keyed,
    /// Whether player 1 is started anew in the middle of the game, without a goodbye.
    pub(crate) restart: bool,
}

struct Endpoint<const INPUT_LEN: usize, const WINDOW: usize> {
    session: Recorded<INPUT_LEN, WINDOW>,
    /// The next frame that needs a checksum.
    unhashed: u32,
    closed: bool,
}

/// Plays a number of frames, and returns the recordings of both endpoints.
pub(crate) fn play<const INPUT_LEN: usize, const WINDOW: usize>(
    seed: u64,
    frames: u64,
    keyed: bool,
    peer: fn(u16) -> PeerConfig<INPUT_LEN>,
) -> [Vec<u8>; 2] {
    let keyed = if keyed { Keyed::Session } else { Keyed::No };
    let [zero, one, ..] = play_game::<INPUT_LEN, WINDOW>(Game { seed, frames, keyed, restart: false }, peer);
    [zero, one]
}

/// Plays a game, and returns the recordings of both endpoints, and that of a session which ended by a restart.
pub(crate) fn play_game<const INPUT_LEN: usize, const WINDOW: usize>(
    game: Game,
    peer: fn(u16) -> PeerConfig<INPUT_LEN>,
) -> [Vec<u8>; 3] {
    let Game { seed, frames, keyed, restart } = game;
    let mut rng = Rng::new(seed);
    let start = rng.below(1 << 40);
    let endpoint = |player: u16, run: u64, micros: u64| {
        let settings = settings(seed, player).incarnation((0x5eed_0000_0000 + u64::from(player)) << run);
        let (settings, peer) = match keyed {
            Keyed::No => (settings, peer(1 - player)),
            Keyed::Session => (settings.key(KEY), peer(1 - player)),
            Keyed::Pair => (settings.short_tags(true), peer(1 - player).key(PAIR_KEY)),
        };
        let mut session = Recorded::<INPUT_LEN, WINDOW>::new(settings.build().expect("valid"), Vec::new());
        session.add_peer(Instant::from_micros(micros), peer).expect("room");
        session.add_peer(Instant::from_micros(micros), PeerConfig::compact(9)).expect_err("full");
        Endpoint { session, unhashed: 0, closed: false }
    };
    let mut endpoints = [endpoint(0, 0, start), endpoint(1, 0, start)];
    let mut ended = Vec::new();
    let mut flying: Vec<(u64, usize, Vec<u8>)> = Vec::new();
    let loss = rng.below(300);
    for step in 0.. {
        let micros = start + step * FRAME_US / 4;
        let now = Instant::from_micros(micros);
        if restart && step == frames * 2 {
            let former = std::mem::replace(&mut endpoints[1], endpoint(1, 1, micros));
            ended = former.session.finish().expect("a Vec takes everything");
        }
        // Player 0 ends the game, and player 1 goes on until it knows.
        if step == frames * 4 {
            endpoints[0].close(now);
        }
        let is_over = micros > start + frames * FRAME_US + CLOSING_US;
        if is_over || endpoints.iter().all(|endpoint| endpoint.session.is_closed()) {
            break;
        }
        let arrived: Vec<_> = flying.extract_if(.., |(when, ..)| *when <= micros).collect();
        for (_, to, datagram) in arrived {
            let _ = endpoints[to].session.handle_datagram(now, PEER, &datagram);
        }
        for (index, endpoint) in endpoints.iter_mut().enumerate() {
            if step % 4 == 0 && !endpoint.closed {
                endpoint.push(now, &mut rng);
            }
            if step < frames * 4 {
                endpoint.disturb(now, &mut rng);
            }
            endpoint.session.handle_timeout(now);
            endpoint.take_events(now);
            let mut buf = [0; MAX_DATAGRAM_SIZE];
            let addressed = rng.one_in(8);
            while let Some(transmit) = if addressed {
                endpoint.session.poll_transmit_to(PEER, &mut buf)
            } else {
                endpoint.session.poll_transmit(&mut buf)
            } {
                if rng.below(1_000) >= loss {
                    flying.push((micros + 20_000 + rng.below(30_000), 1 - index, transmit.datagram.to_vec()));
                }
            }
            endpoint.session.poll_timeout();
        }
    }
    let [zero, one] = endpoints.map(|endpoint| endpoint.session.finish().expect("a Vec takes everything"));
    [zero, one, ended]
}

impl<const INPUT_LEN: usize, const WINDOW: usize> Endpoint<INPUT_LEN, WINDOW> {
    fn push(&mut self, now: Instant, rng: &mut Rng) {
        let input = [0; INPUT_LEN].map(|_: u8| if rng.one_in(4) { byte(rng) } else { 0 });
        match self.session.push_input(now, input) {
            Ok(_) | Err(PushError::WindowFull(_)) => {}
            Err(error) => panic!("{error}"),
        }
        let confirmed = self.session.confirmed_frame().map_or(0, |frame| frame.get() + 1);
        while self.unhashed < confirmed.min(self.session.next_frame().get()) {
            let _ = self.session.push_checksum(now, Frame::new(self.unhashed), u64::from(self.unhashed) << 40);
            self.unhashed += 10;
        }
    }

    /// Jumps ahead, as far as the window lets it.
    fn skip(&mut self, now: Instant, rng: &mut Rng) {
        let frame = self.session.next_frame().get().saturating_add(u32::from(byte(rng)));
        self.session.skip_to(now, Frame::new(frame), [byte(rng); INPUT_LEN]).expect("frames are left");
    }

    /// Makes rare calls, and some that a game should never make.
    fn disturb(&mut self, now: Instant, rng: &mut Rng) {
        match rng.below(400) {
            0 => self.session.handle_transport_closed(now, PEER),
            1 | 2 => self.session.handle_transport_opened(now, PEER),
            3 => self.session.clear_counters(),
            14 => self.session.set_input_delay(u32::try_from(rng.below(300)).expect("few")),
            15 => self.session.disconnect_peer(now, PeerId::new(7)),
            4 => self.session.note("something looks odd"),
            5 => self.session.handle_timeout(Instant::from_micros(rng.below(1 << 20))),
            6 => drop(self.session.handle_datagram(now, PeerId::new(7), &[1, 2, 3])),
            7 => drop(self.session.push_checksum(now, Frame::new(0), 0)),
            8 => drop(self.session.begin_epoch(now, Epoch::new(0))),
            9 => self.begin(now, self.session.next_epoch()),
            10 => drop(self.session.handle_datagram(now, PEER, &vec![byte(rng); 2_000])),
            11 | 12 => self.skip(now, rng),
            13 => drop(self.session.poll_transmit_to(PeerId::new(7), &mut [0; MAX_DATAGRAM_SIZE])),
            _ => {
                let garbage = [0; 40].map(|_: u8| byte(rng));
                let len = rng.index(40);
                let _ = self.session.handle_datagram(now, PEER, &garbage[..len]);
            }
        }
    }

    fn take_events(&mut self, now: Instant) {
        while let Some(event) = self.session.poll_event() {
            match event {
                Event::Peer { event: PeerEvent::EpochAhead { epoch }, .. } => self.begin(now, Some(epoch)),
                Event::Peer { event: PeerEvent::OutOfSync | PeerEvent::Restarted, .. } => {
                    self.begin(now, self.session.next_epoch());
                }
                Event::Peer { event: PeerEvent::PeerClosed { .. }, .. } => self.close(now),
                _ => {}
            }
        }
    }

    fn begin(&mut self, now: Instant, epoch: Option<Epoch>) {
        if epoch.is_some_and(|epoch| self.session.begin_epoch(now, epoch).is_ok()) {
            self.unhashed = 0;
        }
    }

    fn close(&mut self, now: Instant) {
        self.session.close(now);
        self.closed = true;
    }
}

fn byte(rng: &mut Rng) -> u8 {
    rng.next().to_le_bytes()[0]
}

/// Replays a whole recording, and returns its steps.
pub(crate) fn replay(file: &[u8], keys: impl Into<Keys>) -> Result<Vec<Step<'_>>, Stop> {
    let mut replay = Replay::open(file, keys)?;
    let mut steps = Vec::new();
    while let Some(step) = replay.step()? {
        steps.push(step);
    }
    Ok(steps)
}

/// Returns the sizes of a session.
pub(crate) fn sizes_of<const MAX_PEERS: usize, const INPUT_LEN: usize, const WINDOW: usize>(
    _: &Session<MAX_PEERS, INPUT_LEN, WINDOW>,
) -> [usize; 3] {
    [MAX_PEERS, INPUT_LEN, WINDOW]
}

//! A game of two over a bad link, drawn from a seed, with both endpoints recorded. It makes every call.

use inputwire::{
    Config, ConfigBuilder, Endpoint as _, Epoch, Event, Frame, Instant, MAX_DATAGRAM_SIZE, PeerConfig, PeerEvent,
    PeerId, PushError, Session,
};
use inputwire_record::{Recorder, Replay, Step, Stop};
use inputwire_sim::rng::Rng;

pub(crate) const KEY: [u8; 16] = *b"sixteen  letters";
const PEER: PeerId = PeerId::new(0);
const FRAME_US: u64 = 16_667;

type Recorded<const INPUT_LEN: usize, const WINDOW: usize> = Recorder<Vec<u8>, 1, INPUT_LEN, WINDOW>;

pub(crate) fn settings(seed: u64, player: u16) -> ConfigBuilder {
    Config::builder().session_id(seed).local_player(player).incarnation(1_000 + u32::from(player))
}

struct Endpoint<const INPUT_LEN: usize, const WINDOW: usize> {
    session: Recorded<INPUT_LEN, WINDOW>,
    epoch: u32,
}

/// Plays a number of frames, and returns the recordings of both endpoints.
pub(crate) fn play<const INPUT_LEN: usize, const WINDOW: usize>(
    seed: u64,
    frames: u64,
    keyed: bool,
    peer: fn(u16) -> PeerConfig<INPUT_LEN>,
) -> [Vec<u8>; 2] {
    let mut rng = Rng::new(seed);
    let start = rng.below(1 << 40);
    let endpoint = |player: u16| {
        let settings = settings(seed, player);
        let config = if keyed { settings.key(KEY) } else { settings }.build().expect("valid");
        let mut session = Recorded::<INPUT_LEN, WINDOW>::new(config, Vec::new());
        session.add_peer(Instant::from_micros(start), peer(1 - player)).expect("room");
        session.add_peer(Instant::from_micros(start), PeerConfig::compact(9)).expect_err("full");
        Endpoint { session, epoch: 0 }
    };
    let mut endpoints = [endpoint(0), endpoint(1)];
    let mut flying: Vec<(u64, usize, Vec<u8>)> = Vec::new();
    let loss = rng.below(300);
    for step in 0..frames * 4 {
        let micros = start + step * FRAME_US / 4;
        let now = Instant::from_micros(micros);
        let arrived: Vec<_> = flying.extract_if(.., |(when, ..)| *when <= micros).collect();
        for (_, to, datagram) in arrived {
            let _ = endpoints[to].session.handle_datagram(now, PEER, &datagram);
        }
        for (index, endpoint) in endpoints.iter_mut().enumerate() {
            if step % 4 == 0 {
                endpoint.push(now, &mut rng);
            }
            endpoint.disturb(now, &mut rng);
            endpoint.session.handle_timeout(now);
            endpoint.take_events(now);
            let mut buf = [0; MAX_DATAGRAM_SIZE];
            while let Some(transmit) = endpoint.session.poll_transmit(&mut buf) {
                if rng.below(1_000) >= loss {
                    flying.push((micros + 20_000 + rng.below(30_000), 1 - index, transmit.datagram.to_vec()));
                }
            }
            endpoint.session.poll_timeout();
        }
    }
    endpoints.map(|mut endpoint| {
        endpoint.session.close(Instant::from_micros(start + frames * FRAME_US));
        endpoint.session.finish().expect("a Vec takes everything")
    })
}

impl<const INPUT_LEN: usize, const WINDOW: usize> Endpoint<INPUT_LEN, WINDOW> {
    fn push(&mut self, now: Instant, rng: &mut Rng) {
        let input = [0; INPUT_LEN].map(|_: u8| if rng.one_in(4) { byte(rng) } else { 0 });
        match self.session.push_input(now, input) {
            Ok(frame) if frame.get().is_multiple_of(10) => {
                let _ = self.session.push_checksum(now, frame, u64::from(frame.get()) << 40);
            }
            Ok(_) | Err(PushError::WindowFull(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }

    /// Makes rare calls, and some that a game should never make.
    fn disturb(&mut self, now: Instant, rng: &mut Rng) {
        match rng.below(400) {
            0 => self.session.handle_transport_closed(now, PEER),
            1 | 2 => self.session.handle_transport_opened(now, PEER),
            3 => self.session.clear_counters(),
            4 => self.session.note("something looks odd"),
            5 => self.session.handle_timeout(Instant::from_micros(rng.below(1 << 20))),
            6 => drop(self.session.handle_datagram(now, PeerId::new(7), &[1, 2, 3])),
            7 => drop(self.session.push_checksum(now, Frame::new(0), 0)),
            8 => drop(self.session.begin_epoch(now, Epoch::new(0))),
            9 => self.begin(now, self.epoch + 1),
            10 => drop(self.session.handle_datagram(now, PEER, &vec![byte(rng); 2_000])),
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
                Event::Peer { event: PeerEvent::EpochAhead { epoch }, .. } => self.begin(now, epoch.get()),
                Event::Peer { event: PeerEvent::OutOfSync, .. } => self.begin(now, self.epoch + 1),
                _ => {}
            }
        }
    }

    fn begin(&mut self, now: Instant, epoch: u32) {
        if self.session.begin_epoch(now, Epoch::new(epoch)).is_ok() {
            self.epoch = epoch;
        }
    }
}

fn byte(rng: &mut Rng) -> u8 {
    rng.next().to_le_bytes()[0]
}

/// Replays a whole recording, and returns its steps.
pub(crate) fn replay(file: &[u8], key: Option<[u8; 16]>) -> Result<Vec<Step<'_>>, Stop> {
    let mut replay = Replay::open(file, key)?;
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

//! A game of two over a bad link, from a seed, with both ends recorded, in which every call occurs.

use inputwire::{
    Config, ConfigBuilder, DATAGRAM_MAX, Epoch, Event, Frame, Instant, PeerConfig, PeerId, PushError, Session,
};
use inputwire_record::{Recorder, Replay, Step, Stop};

pub(crate) const KEY: [u8; 16] = *b"sixteen  letters";
const PEER: PeerId = PeerId::new(0);
const FRAME_US: u64 = 16_667;

pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x1405_7b7e_f767_814f)
    }

    /// A number below `limit`.
    pub(crate) fn roll(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        (self.0 >> 33) % limit.max(1)
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.roll(256)).expect("a byte")
    }
}

type Recorded<const INPUT: usize, const WINDOW: usize> = Recorder<Vec<u8>, 1, INPUT, WINDOW>;

pub(crate) fn settings(seed: u64, player: u16) -> ConfigBuilder {
    Config::builder().session(seed).player(player).incarnation(1_000 + u32::from(player))
}

struct End<const INPUT: usize, const WINDOW: usize> {
    session: Recorded<INPUT, WINDOW>,
    epoch: u32,
}

/// Plays so many frames, and gives the recordings of both ends.
pub(crate) fn play<const INPUT: usize, const WINDOW: usize>(
    seed: u64,
    frames: u64,
    keyed: bool,
    peer: fn(u16) -> PeerConfig<INPUT>,
) -> [Vec<u8>; 2] {
    let mut dice = Dice::new(seed);
    let start = dice.roll(1 << 40);
    let end = |player: u16| {
        let settings = settings(seed, player);
        let config = if keyed { settings.key(KEY) } else { settings }.build().expect("valid");
        let mut session = Recorded::<INPUT, WINDOW>::new(config, Vec::new());
        session.add_peer(Instant::from_micros(start), peer(1 - player)).expect("room");
        session.add_peer(Instant::from_micros(start), PeerConfig::compact(9)).expect_err("full");
        End { session, epoch: 0 }
    };
    let mut ends = [end(0), end(1)];
    let mut flying: Vec<(u64, usize, Vec<u8>)> = Vec::new();
    let loss = dice.roll(300);
    for step in 0..frames * 4 {
        let micros = start + step * FRAME_US / 4;
        let now = Instant::from_micros(micros);
        let arrived: Vec<_> = flying.extract_if(.., |(when, ..)| *when <= micros).collect();
        for (_, to, datagram) in arrived {
            let _ = ends[to].session.handle_datagram(now, PEER, &datagram);
        }
        for (index, end) in ends.iter_mut().enumerate() {
            if step % 4 == 0 {
                end.push(now, &mut dice);
            }
            end.disturb(now, &mut dice);
            end.session.handle_timeout(now);
            end.take_events(now);
            let mut buf = [0; DATAGRAM_MAX];
            while let Some(transmit) = end.session.poll_transmit(&mut buf) {
                if dice.roll(1_000) >= loss {
                    flying.push((micros + 20_000 + dice.roll(30_000), 1 - index, transmit.datagram.to_vec()));
                }
            }
            end.session.poll_timeout();
        }
    }
    ends.map(|mut end| {
        end.session.leave(Instant::from_micros(start + frames * FRAME_US));
        end.session.finish().expect("a Vec takes everything")
    })
}

impl<const INPUT: usize, const WINDOW: usize> End<INPUT, WINDOW> {
    fn push(&mut self, now: Instant, dice: &mut Dice) {
        let input = [0; INPUT].map(|_: u8| if dice.roll(4) == 0 { dice.byte() } else { 0 });
        match self.session.push_input(now, input) {
            Ok(frame) if frame.get().is_multiple_of(10) => {
                let _ = self.session.push_checksum(now, frame, u64::from(frame.get()) << 40);
            }
            Ok(_) | Err(PushError::WindowFull(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }

    /// Things that happen seldom, and some that never should.
    fn disturb(&mut self, now: Instant, dice: &mut Dice) {
        match dice.roll(400) {
            0 => self.session.close_peer(now, PEER),
            1 | 2 => self.session.open_peer(now, PEER),
            3 => self.session.clear_counters(),
            4 => self.session.note("something looks odd"),
            5 => self.session.handle_timeout(Instant::from_micros(dice.roll(1 << 20))),
            6 => drop(self.session.handle_datagram(now, PeerId::new(7), &[1, 2, 3])),
            7 => drop(self.session.push_checksum(now, Frame::new(0), 0)),
            8 => drop(self.session.begin_epoch(now, Epoch::new(0))),
            9 => self.begin(now, self.epoch + 1),
            10 => drop(self.session.handle_datagram(now, PEER, &vec![dice.byte(); 2_000])),
            _ => {
                let garbage = [0; 40].map(|_: u8| dice.byte());
                let len = usize::try_from(dice.roll(40)).expect("small");
                let _ = self.session.handle_datagram(now, PEER, &garbage[..len]);
            }
        }
    }

    fn take_events(&mut self, now: Instant) {
        while let Some(event) = self.session.poll_event() {
            match event {
                Event::PeerAhead { epoch, .. } => self.begin(now, epoch.get()),
                Event::OutOfStep { .. } => self.begin(now, self.epoch + 1),
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

/// Plays a whole recording, and gives its steps.
pub(crate) fn replay(file: &[u8], key: Option<[u8; 16]>) -> Result<Vec<Step<'_>>, Stop> {
    let mut replay = Replay::open(file, key)?;
    let mut steps = Vec::new();
    while let Some(step) = replay.step()? {
        steps.push(step);
    }
    Ok(steps)
}

/// A session that is recorded by hand, as a simulator may do it.
pub(crate) fn sizes_of<const PEERS: usize, const INPUT: usize, const WINDOW: usize>(
    _: &Session<PEERS, INPUT, WINDOW>,
) -> [usize; 3] {
    [PEERS, INPUT, WINDOW]
}

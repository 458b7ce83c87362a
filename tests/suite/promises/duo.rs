//! Two ends, their game loops and the network between them, in virtual time: small enough to measure exactly.

use std::time::Duration;

use inputwire::{Config, DATAGRAM_MAX, Epoch, Event, Frame, Instant, PeerConfig, PeerId, Session};

use crate::sim::network::{Faults, Network};
use crate::sim::rng::Rng;

/// A frame at 60 frames a second.
pub(crate) const FRAME_US: u64 = 16_667;
pub(crate) const MS: u64 = 1_000;
pub(crate) const SECOND: u64 = 1_000 * MS;

/// One end and what it went through.
#[derive(Debug)]
pub(crate) struct End<const INPUT: usize> {
    pub(crate) session: Session<1, INPUT>,
    pub(crate) peer: PeerId,
    /// When its next frame is due, and when its loop gets to it.
    pub(crate) frame_at: u64,
    pub(crate) tick_at: u64,
    pub(crate) pushes: bool,
    /// The input of each frame: its run of this end, its epoch, its number.
    pub(crate) play: fn(u32, u32, u32) -> [u8; INPUT],
    pub(crate) run: u32,
    /// In the present epoch: when each frame was told, and with what.
    pub(crate) told: Vec<(u64, Frame, [u8; INPUT])>,
    pub(crate) events: Vec<(u64, Event<INPUT>)>,
    /// Pushes that found the window full.
    pub(crate) full: u32,
    pub(crate) sent: Vec<usize>,
    pub(crate) connected_at: Option<u64>,
}

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Duo<const INPUT: usize> {
    pub(crate) now: u64,
    pub(crate) ends: [End<INPUT>; 2],
    pub(crate) network: Network,
    pub(crate) rng: Rng,
    /// For each datagram: who sent it, in which run and epoch, and the frame after the newest input pushed by then.
    labels: Vec<(usize, u32, u32, u32)>,
    /// By how much a loop may be late.
    pub(crate) jitter_us: u64,
    /// Datagrams that arrived without bringing what was pushed before they were sent.
    pub(crate) late: u32,
    pub(crate) arrived: u64,
}

/// The usual settings of one of two players.
pub(crate) fn config(player: u16, incarnation: u32) -> Config {
    builder(player, incarnation).build().expect("valid")
}

pub(crate) fn builder(player: u16, incarnation: u32) -> inputwire::ConfigBuilder {
    Config::builder()
        .session(0x1bad_cafe)
        .player(player)
        .incarnation(incarnation)
        .frame_interval(Duration::from_micros(FRAME_US))
}

impl<const INPUT: usize> Duo<INPUT> {
    pub(crate) fn new(seed: u64, faults: Faults) -> Self {
        Self::with(seed, faults, [config(0, 1), config(1, 1)], PeerConfig::compact)
    }

    pub(crate) fn with(
        seed: u64,
        faults: Faults,
        configs: [Config; 2],
        peer: impl Fn(u16) -> PeerConfig<INPUT>,
    ) -> Self {
        let mut network = Network::new(2, seed);
        network.set_faults(0, 1, faults);
        network.set_faults(1, 0, faults);
        let mut rng = Rng::new(seed);
        let end = |index: usize, tick_at: u64| {
            let mut session = Session::new(configs[index]);
            let peer = session.add_peer(Instant::ORIGIN, peer(u16::from(index == 0))).expect("room");
            End {
                session,
                peer,
                frame_at: tick_at,
                tick_at,
                pushes: true,
                play: |_, _, _| [0; INPUT],
                run: 0,
                told: Vec::new(),
                events: Vec::new(),
                full: 0,
                sent: Vec::new(),
                connected_at: None,
            }
        };
        let ends = [end(0, 0), end(1, rng.below(FRAME_US))];
        Self { now: 0, ends, network, rng, labels: Vec::new(), jitter_us: 0, late: 0, arrived: 0 }
    }

    /// An end starts anew.
    pub(crate) fn restart(&mut self, index: usize) {
        let end = &mut self.ends[index];
        end.run += 1;
        let config = config(u16::from(index == 1), end.run + 1);
        end.session = Session::new(config);
        let peer = PeerConfig::compact(u16::from(index == 0));
        end.peer = end.session.add_peer(Instant::from_micros(self.now), peer).expect("room");
        end.told.clear();
        end.connected_at = None;
        self.drain(index);
    }

    pub(crate) fn begin(&mut self, index: usize, epoch: u32) {
        let end = &mut self.ends[index];
        if end.session.begin_epoch(Instant::from_micros(self.now), Epoch::new(epoch)).is_ok() {
            end.told.clear();
        }
        self.drain(index);
    }

    pub(crate) fn run_until(&mut self, until: u64) {
        loop {
            let wakes = self.ends.iter().flat_map(|end| {
                let wake = end.session.poll_timeout().map_or(u64::MAX, Instant::as_micros);
                [end.tick_at, wake.max(self.now + 1)]
            });
            let next = wakes.chain(self.network.next()).min().expect("a loop goes on");
            if next > until {
                self.now = until;
                return;
            }
            self.now = self.now.max(next);
            while let Some(datagram) = self.network.deliver(self.now) {
                self.arrive(datagram.to, datagram.id, &datagram.bytes);
            }
            for index in 0..2 {
                let due = self.ends[index].session.poll_timeout().is_some_and(|at| at.as_micros() <= self.now);
                if self.ends[index].tick_at <= self.now {
                    self.tick(index);
                } else if due {
                    self.ends[index].session.handle_timeout(Instant::from_micros(self.now));
                }
                self.drain(index);
            }
        }
    }

    fn arrive(&mut self, index: usize, id: usize, bytes: &[u8]) {
        let (from, run, epoch, next) = self.labels[id];
        let sender_run = self.ends[from].run;
        let end = &mut self.ends[index];
        let handled = end.session.handle_datagram(Instant::from_micros(self.now), end.peer, bytes);
        self.drain(index);
        let end = &self.ends[index];
        if bytes[0] >= 0x80 && epoch == end.session.epoch().get() && run == sender_run {
            self.arrived += 1;
            let known = end.session.known(end.peer).map_or(0, |frame| frame.get() + 1);
            self.late += u32::from(known < next && (handled.is_ok() || end.connected_at.is_some()));
        }
    }

    fn tick(&mut self, index: usize) {
        let jitter = self.rng.below(self.jitter_us + 1);
        let end = &mut self.ends[index];
        // A loop that sleeps until its next frame is late at times, but does not drift.
        end.frame_at += FRAME_US;
        end.tick_at = end.frame_at + jitter;
        let now = Instant::from_micros(self.now);
        if end.pushes {
            let input = (end.play)(end.run, end.session.epoch().get(), end.session.next_frame().get());
            end.full += u32::from(end.session.push_input(now, input).is_err());
        } else {
            end.session.handle_timeout(now);
        }
    }

    fn drain(&mut self, index: usize) {
        let end = &mut self.ends[index];
        let mut follow = None;
        while let Some(event) = end.session.poll_event() {
            match event {
                Event::Input { frame, input, .. } => end.told.push((self.now, frame, input)),
                Event::Restarted { .. } => follow = follow.max(Some(end.session.epoch().get() + 1)),
                Event::PeerAhead { epoch, .. } => follow = follow.max(Some(epoch.get())),
                Event::Connected { .. } => end.connected_at = end.connected_at.or(Some(self.now)),
                _ => {}
            }
            end.events.push((self.now, event));
        }
        let mut buf = [0; DATAGRAM_MAX];
        while let Some(transmit) = end.session.poll_transmit(&mut buf) {
            end.sent.push(transmit.datagram.len());
            let next = end.session.next_frame().get();
            self.labels.push((index, end.run, end.session.epoch().get(), next));
            self.network.send(self.now, index, 1 - index, transmit.datagram);
        }
        if let Some(epoch) = follow {
            self.begin(index, epoch);
        }
    }
}

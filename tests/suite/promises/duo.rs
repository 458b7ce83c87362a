//! Two endpoints, their game loops and the network between them, in virtual time: small enough to measure exactly.

use std::time::Duration;

use inputwire::{
    Config, Epoch, Event, Frame, Instant, MAX_DATAGRAM_SIZE, PeerConfig, PeerEvent, PeerId, PeerRef, Session,
};
use inputwire_sim::network::{Faults, Network};
use inputwire_sim::rng::Rng;

/// A frame at 60 frames a second.
pub(crate) const FRAME_US: u64 = 16_667;
pub(crate) const MS: u64 = 1_000;
pub(crate) const SECOND: u64 = 1_000 * MS;

/// One endpoint, and the record of what happened to it.
#[derive(Debug)]
pub(crate) struct Endpoint<const INPUT_LEN: usize> {
    pub(crate) session: Session<1, INPUT_LEN>,
    pub(crate) peer: PeerId,
    /// When its next frame is due, and when its loop runs it.
    pub(crate) frame_at: u64,
    pub(crate) tick_at: u64,
    pub(crate) pushes: bool,
    /// The input of a frame, from its run, epoch and number.
    pub(crate) play: fn(u32, u32, u32) -> [u8; INPUT_LEN],
    pub(crate) run: u32,
    /// In the present epoch: when each frame was delivered, and its input.
    pub(crate) delivered: Vec<(u64, Frame, [u8; INPUT_LEN])>,
    pub(crate) events: Vec<(u64, Event<INPUT_LEN>)>,
    /// Pushes that found the window full.
    pub(crate) full: u32,
    pub(crate) sent: Vec<usize>,
    pub(crate) connected_at: Option<u64>,
}

impl<const INPUT_LEN: usize> Endpoint<INPUT_LEN> {
    /// The only peer of the session.
    pub(crate) fn peer(&self) -> PeerRef<'_, INPUT_LEN> {
        self.session.peer(self.peer).expect("a peer")
    }
}

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Duo<const INPUT_LEN: usize> {
    pub(crate) now: u64,
    pub(crate) endpoints: [Endpoint<INPUT_LEN>; 2],
    pub(crate) network: Network,
    pub(crate) rng: Rng,
    /// For each datagram: who sent it, in which run and epoch, and the frame after the newest input pushed by then.
    labels: Vec<(usize, u32, u32, u32)>,
    /// How late a loop may be.
    pub(crate) jitter_us: u64,
    /// Datagrams that arrived without all inputs pushed before they were sent.
    pub(crate) late: u32,
    pub(crate) arrived: u64,
}

/// The usual settings of one of two players.
/// The incarnation of a player in this run.
pub(crate) fn incarnation(player: u16, run: u32) -> u64 {
    u64::from(run + 1) << 32 | u64::from(player)
}

pub(crate) fn config(player: u16, run: u32) -> Config {
    builder(player, run).build().expect("valid")
}

pub(crate) fn builder(player: u16, run: u32) -> inputwire::ConfigBuilder {
    Config::builder()
        .session_id(0x1bad_cafe)
        .local_player(player)
        .incarnation(incarnation(player, run))
        .frame_interval(Duration::from_micros(FRAME_US))
}

impl<const INPUT_LEN: usize> Duo<INPUT_LEN> {
    pub(crate) fn new(seed: u64, faults: Faults) -> Self {
        Self::with(seed, faults, [config(0, 0), config(1, 0)], PeerConfig::compact)
    }

    pub(crate) fn with(
        seed: u64,
        faults: Faults,
        configs: [Config; 2],
        peer: impl Fn(u16) -> PeerConfig<INPUT_LEN>,
    ) -> Self {
        let mut network = Network::new(2, seed);
        network.set_faults(0, 1, faults);
        network.set_faults(1, 0, faults);
        let mut rng = Rng::new(seed);
        let endpoint = |index: usize, tick_at: u64| {
            let mut session = Session::new(configs[index]);
            let peer = session.add_peer(Instant::ORIGIN, peer(u16::from(index == 0))).expect("room");
            Endpoint {
                session,
                peer,
                frame_at: tick_at,
                tick_at,
                pushes: true,
                play: |_, _, _| [0; INPUT_LEN],
                run: 0,
                delivered: Vec::new(),
                events: Vec::new(),
                full: 0,
                sent: Vec::new(),
                connected_at: None,
            }
        };
        let endpoints = [endpoint(0, 0), endpoint(1, rng.below(FRAME_US))];
        Self { now: 0, endpoints, network, rng, labels: Vec::new(), jitter_us: 0, late: 0, arrived: 0 }
    }

    /// Restarts an endpoint.
    pub(crate) fn restart(&mut self, index: usize) {
        let endpoint = &mut self.endpoints[index];
        endpoint.run += 1;
        let config = config(u16::from(index == 1), endpoint.run);
        endpoint.session = Session::new(config);
        let peer = PeerConfig::compact(u16::from(index == 0));
        endpoint.peer = endpoint.session.add_peer(Instant::from_micros(self.now), peer).expect("room");
        endpoint.delivered.clear();
        endpoint.connected_at = None;
        self.drain(index);
    }

    pub(crate) fn begin(&mut self, index: usize, epoch: u32) {
        let endpoint = &mut self.endpoints[index];
        if endpoint.session.begin_epoch(Instant::from_micros(self.now), Epoch::new(epoch)).is_ok() {
            endpoint.delivered.clear();
        }
        self.drain(index);
    }

    pub(crate) fn run_until(&mut self, until: u64) {
        loop {
            let wakes = self.endpoints.iter().flat_map(|endpoint| {
                let wake = endpoint.session.poll_timeout().map_or(u64::MAX, Instant::as_micros);
                [endpoint.tick_at, wake.max(self.now + 1)]
            });
            let next = wakes.chain(self.network.next_arrival()).min().expect("a loop goes on");
            if next > until {
                self.now = until;
                return;
            }
            self.now = self.now.max(next);
            while let Some(datagram) = self.network.deliver(self.now) {
                self.arrive(datagram.to, datagram.id, &datagram.bytes);
            }
            for index in 0..2 {
                let due = self.endpoints[index].session.poll_timeout().is_some_and(|at| at.as_micros() <= self.now);
                if self.endpoints[index].tick_at <= self.now {
                    self.tick(index);
                } else if due {
                    self.endpoints[index].session.handle_timeout(Instant::from_micros(self.now));
                }
                self.drain(index);
            }
        }
    }

    fn arrive(&mut self, index: usize, id: usize, bytes: &[u8]) {
        let (from, run, epoch, next) = self.labels[id];
        let sender_run = self.endpoints[from].run;
        let endpoint = &mut self.endpoints[index];
        let handled = endpoint.session.handle_datagram(Instant::from_micros(self.now), endpoint.peer, bytes);
        self.drain(index);
        let endpoint = &self.endpoints[index];
        if bytes[0] >= 0x80 && epoch == endpoint.session.epoch().get() && run == sender_run {
            self.arrived += 1;
            let recv_next = endpoint.peer().last_frame().map_or(0, |frame| frame.get() + 1);
            self.late += u32::from(recv_next < next && (handled.is_ok() || endpoint.connected_at.is_some()));
        }
    }

    fn tick(&mut self, index: usize) {
        let jitter = self.rng.below(self.jitter_us + 1);
        let endpoint = &mut self.endpoints[index];
        // A loop that sleeps until its next frame is sometimes late, but does not drift.
        endpoint.frame_at += FRAME_US;
        endpoint.tick_at = endpoint.frame_at + jitter;
        let now = Instant::from_micros(self.now);
        if endpoint.pushes {
            let input =
                (endpoint.play)(endpoint.run, endpoint.session.epoch().get(), endpoint.session.next_frame().get());
            endpoint.full += u32::from(endpoint.session.push_input(now, input).is_err());
        } else {
            endpoint.session.handle_timeout(now);
        }
    }

    fn drain(&mut self, index: usize) {
        let endpoint = &mut self.endpoints[index];
        let mut follow = None;
        while let Some(event) = endpoint.session.poll_event() {
            match event {
                Event::Input { frame, input, .. } => endpoint.delivered.push((self.now, frame, input)),
                Event::Peer { event, .. } => match event {
                    PeerEvent::Restarted => follow = follow.max(endpoint.session.next_epoch().map(Epoch::get)),
                    PeerEvent::EpochAhead { epoch } => follow = follow.max(Some(epoch.get())),
                    PeerEvent::Connected => endpoint.connected_at = endpoint.connected_at.or(Some(self.now)),
                    _ => {}
                },
                _ => {}
            }
            endpoint.events.push((self.now, event));
        }
        let mut buf = [0; MAX_DATAGRAM_SIZE];
        while let Some(transmit) = endpoint.session.poll_transmit(&mut buf) {
            endpoint.sent.push(transmit.datagram.len());
            let next = endpoint.session.next_frame().get();
            self.labels.push((index, endpoint.run, endpoint.session.epoch().get(), next));
            self.network.send(self.now, index, 1 - index, transmit.datagram);
        }
        if let Some(epoch) = follow {
            self.begin(index, epoch);
        }
    }
}

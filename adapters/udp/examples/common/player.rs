//! A player: it pushes an input a frame, and steers so that they come to the server a frame before it needs them.

use inputwire::{Event, Frame, Instant, MAX_DATAGRAM_SIZE, PeerConfig, PeerEvent, PeerId, PeerRef, Session};
use inputwire_sim::rng::Rng;

use super::game::{INPUT, PLAYERS, SERVER, settings};

/// How many frames ahead of the server a player begins, before it knows how long its line is.
const LEAD: u32 = 4;
const PEER: PeerId = PeerId::new(0);

/// What the server did with an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    Unknown,
    Taken,
    Replaced,
}

#[derive(Debug)]
pub struct Player {
    pub number: u16,
    session: Session<1, INPUT>,
    rng: Rng,
    buttons: u8,
    /// When the next input is due, in nanoseconds, from the moment on at which the server is known.
    next_ns: Option<u64>,
    has_skipped: bool,
    /// When each frame's input was pushed, in microseconds of the caller's clock, and what became of it.
    pub pressed: Vec<u64>,
    pub uses: Vec<Use>,
    pub is_gone: bool,
}

impl Player {
    pub fn new(now: Instant, number: u16, incarnation: u64, seed: u64) -> Self {
        let config = settings(number).incarnation(incarnation | 1 << 63).build().expect("valid");
        let mut session = Session::new(config);
        session.add_peer(now, PeerConfig::compact(SERVER).target_margin(1)).expect("room");
        Self {
            number,
            session,
            rng: Rng::new(seed),
            buttons: 0,
            next_ns: None,
            has_skipped: false,
            pressed: Vec::new(),
            uses: Vec::new(),
            is_gone: false,
        }
    }

    pub fn is_playing(&self) -> bool {
        self.next_ns.is_some()
    }

    pub fn handle_datagram(&mut self, now: Instant, datagram: &[u8]) {
        let _ = self.session.handle_datagram(now, PEER, datagram);
    }

    pub fn poll_transmit<'b>(&mut self, buf: &'b mut [u8; MAX_DATAGRAM_SIZE]) -> Option<&'b [u8]> {
        self.session.poll_transmit(buf).map(|transmit| transmit.datagram)
    }

    /// Returns when to call [`turn`](Self::turn) next.
    pub fn due(&self) -> Option<Instant> {
        let next = self.next_ns.map(|next| Instant::from_micros(next.div_ceil(1_000)));
        [next, self.session.poll_timeout()].into_iter().flatten().min()
    }

    pub fn close(&mut self, now: Instant) {
        self.session.close(now);
        self.next_ns = None;
    }

    pub fn is_closed(&self) -> bool {
        self.session.is_closed() || self.is_gone
    }

    /// The margin of its inputs at the server, in thousandths of a frame.
    pub fn margin(&self) -> Option<i32> {
        self.session.peer(PEER).and_then(PeerRef::margin_millis)
    }

    /// Does what is due: simulates what the server has sent, and pushes.
    pub fn turn(&mut self, now: Instant) {
        self.session.handle_timeout(now);
        while let Some(event) = self.session.poll_event() {
            match event {
                Event::Input { frame, input, .. } => self.simulate(frame, input),
                Event::Peer { event: PeerEvent::Connected, .. } => {
                    self.next_ns = Some(now.as_micros() * 1_000);
                    self.skip(now, LEAD, [0; INPUT]);
                }
                Event::Peer { event: PeerEvent::PeerClosed { .. }, .. } => (self.is_gone, self.next_ns) = (true, None),
                _ => {}
            }
        }
        let Some(next) = self.next_ns.filter(|next| *next <= now.as_micros() * 1_000) else { return };
        // Somebody presses or releases a button eight times a second.
        if self.rng.chance(133) {
            self.buttons ^= 1 << self.rng.below(8);
        }
        let mut input = [0; INPUT];
        input[usize::from(self.number) % PLAYERS] = self.buttons;
        self.catch_up(now, input);
        if self.session.push_input(now, input).is_ok() {
            self.pressed.push(now.as_micros());
        }
        let interval = self.session.config().frame_interval();
        let pace = self.session.peer(PEER).and_then(PeerRef::pace);
        let length = pace.map_or(interval, |pace| pace.stretch(interval));
        self.next_ns = Some(next + u64::try_from(length.as_nanos()).expect("short"));
    }

    /// Skips the frames by which the first inputs came too late; from there on the pace does.
    fn catch_up(&mut self, now: Instant, input: [u8; INPUT]) {
        // After a second the margin is the least of many datagrams.
        let Some(margin) = self.margin().filter(|_| !self.has_skipped && self.pressed.len() >= 60) else { return };
        self.has_skipped = true;
        let late = u32::try_from(1 - margin / 1_000).unwrap_or(0);
        self.skip(now, late, input);
    }

    /// Pushes the same input for some frames at once.
    fn skip(&mut self, now: Instant, frames: u32, input: [u8; INPUT]) {
        let until = Frame::new(self.session.next_frame().get() + frames);
        let reached = self.session.skip_to(now, until, input).unwrap_or(until);
        self.pressed.resize(usize::try_from(reached.get()).expect("small"), now.as_micros());
    }

    /// A game would simulate the frame here.
    fn simulate(&mut self, frame: Frame, input: [u8; INPUT]) {
        let index = usize::try_from(frame.get()).expect("small");
        if self.uses.len() <= index {
            self.uses.resize(index + 1, Use::Unknown);
        }
        let is_taken = input[PLAYERS] >> (usize::from(self.number) % PLAYERS) & 1 == 1;
        self.uses[index] = if is_taken { Use::Taken } else { Use::Replaced };
    }
}

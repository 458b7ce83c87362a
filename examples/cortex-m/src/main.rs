//! Two sessions on a microcontroller without a heap: 1,000 frames each way over a channel that loses every fifth datagram.
//!
//! ```text
//! examples/cortex-m/run.sh        on an emulated board; needs qemu-system-arm
//! ```
//!
//! Time is simulated: each iteration of the loop is a millisecond. A program for a real board reads a timer and sends through a
//! radio instead of [`Channel`].

#![no_std]
#![no_main]

mod memory;

use core::hash::Hasher;
use core::panic::PanicInfo;
use core::time::Duration;

use cortex_m_rt::entry;
use cortex_m_semihosting::{debug, hprintln};
use inputwire::{Config, Event, Frame, Instant, MAX_DATAGRAM_SIZE, PeerConfig, PeerId};
use siphasher::sip::SipHasher24;

/// The largest datagram of the radio, in bytes.
const RADIO_MAX: usize = 64;
const FRAME_MS: u64 = 20;
const FRAMES: u32 = 1_000;
/// The one-way delay.
const DELAY_MS: u64 = 30;

/// One peer, inputs of four bytes, a window of 32 frames.
type Session = inputwire::Session<1, 4, 32>;

// A setting out of range does not compile.
const _: () = assert!(config(0, u64::MAX).is_some());

const fn config(player: u16, incarnation: u64) -> Option<Config> {
    let config = Config::builder()
        .session_id(0x0ddb_a110)
        .local_player(player)
        .incarnation(incarnation)
        .frame_interval(Duration::from_millis(FRAME_MS))
        .max_datagram_size(RADIO_MAX)
        .build();
    match config {
        Ok(config) => Some(config),
        Err(_) => None,
    }
}

/// The incarnation of a start. With a random number generator, 64 bits of that do.
///
/// Without one, the unique id of the chip tells boards apart, and a counter in flash, raised at each boot, the starts of one
/// board. The hash spreads both over all 64 bits.
fn incarnation(unique_id: [u8; 16], boots: u32) -> u64 {
    let mut hasher = SipHasher24::new_with_key(&unique_id);
    hasher.write_u32(boots);
    hasher.finish() | 1 << 63 // small numbers are refused: they look like counters
}

/// One endpoint, and a tally of the inputs that it received.
struct Endpoint {
    session: Session,
    peer: Option<PeerId>,
    received: u32,
    wrong: u32,
}

impl Endpoint {
    /// Starts a player in memory that stays. Out of line, so that the stack holds a session before the game only.
    #[inline(never)]
    fn start(place: &mut Option<Self>, player: u16) {
        // The board is emulated: a real one reads its own id and counter.
        let [id, _] = player.to_le_bytes();
        if let Some(config) = config(player, incarnation([id; 16], 1)) {
            *place = Some(Self { session: Session::new(config), peer: None, received: 0, wrong: 0 });
        }
    }

    fn player(&self) -> u16 {
        self.session.config().local_player()
    }

    fn step(&mut self, now: Instant, is_frame_due: bool, channel: &mut Channel) {
        if is_frame_due && self.session.next_frame() < Frame::new(FRAMES) {
            // While the window is full, the push fails and the same frame is tried again in the next step.
            let _ = self.session.push_input(now, controls(self.player(), self.session.next_frame()));
        }
        self.session.handle_timeout(now);
        while let Some(event) = self.session.poll_event() {
            if let Event::Input { frame, input, .. } = event {
                let right = frame == Frame::new(self.received) && input == controls(1 - self.player(), frame);
                self.wrong += u32::from(!right);
                self.received += 1;
            }
        }
        let mut buf = [0; MAX_DATAGRAM_SIZE];
        while let Some(transmit) = self.session.poll_transmit(&mut buf) {
            channel.send(now, 1 - self.player(), transmit.datagram);
        }
    }

    fn is_done(&self) -> bool {
        self.received == FRAMES
            && self.peer.and_then(|peer| self.session.peer(peer)).is_some_and(|peer| peer.unacked() == 0)
    }
}

/// A player's input in a frame: two sticks of a remote control, one of which moves rarely.
fn controls(player: u16, frame: Frame) -> [u8; 4] {
    let number = frame.get();
    let [low, ..] = (number.wrapping_mul(3) >> 1).to_le_bytes();
    let [slow, ..] = (number >> 6).to_le_bytes();
    let [who, _] = player.to_le_bytes();
    [low, slow, who, 0]
}

/// The lossy channel between both endpoints.
struct Channel {
    in_flight: [Option<Datagram>; 8],
    random: u32,
    sent: u32,
    lost: u32,
    longest: usize,
}

#[derive(Clone, Copy)]
struct Datagram {
    arrives_at: Instant,
    to: u16,
    len: usize,
    bytes: [u8; RADIO_MAX],
}

impl Channel {
    const fn new() -> Self {
        Self { in_flight: [None; 8], random: 1, sent: 0, lost: 0, longest: 0 }
    }

    fn send(&mut self, now: Instant, to: u16, datagram: &[u8]) {
        self.sent += 1;
        self.longest = self.longest.max(datagram.len());
        self.random = self.random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let slot = self.in_flight.iter_mut().find(|slot| slot.is_none());
        let mut bytes = [0; RADIO_MAX];
        match (slot, bytes.get_mut(..datagram.len())) {
            (Some(slot), Some(start)) if self.random >> 16 >= 0x1_0000 / 5 => {
                start.copy_from_slice(datagram);
                let arrives_at = now.saturating_add(Duration::from_millis(DELAY_MS));
                *slot = Some(Datagram { arrives_at, to, len: datagram.len(), bytes });
            }
            _ => self.lost += 1,
        }
    }

    /// Takes a datagram that has arrived.
    fn receive(&mut self, now: Instant) -> Option<Datagram> {
        let arrived = |slot: &&mut Option<Datagram>| slot.is_some_and(|datagram| datagram.arrives_at <= now);
        self.in_flight.iter_mut().find(arrived)?.take()
    }
}

#[entry]
fn main() -> ! {
    // All memory is static, so its size is known when the program is linked.
    static mut ENDPOINTS: [Option<Endpoint>; 2] = [None, None];
    static mut CHANNEL: Channel = Channel::new();

    for (player, endpoint) in (0_u16..2).zip(ENDPOINTS.iter_mut()) {
        Endpoint::start(endpoint, player);
        if let Some(Endpoint { session, peer, .. }) = endpoint {
            *peer = session.add_peer(Instant::ORIGIN, PeerConfig::compact(1 - player)).ok();
        }
    }
    let mut ms = 0;
    while ms < 60_000 && !ENDPOINTS.iter().flatten().all(Endpoint::is_done) {
        let now = Instant::from_micros(ms * 1_000);
        while let Some(datagram) = CHANNEL.receive(now) {
            for endpoint in ENDPOINTS.iter_mut().flatten().filter(|endpoint| endpoint.player() == datagram.to) {
                if let Some(peer) = endpoint.peer {
                    // A refused datagram is counted, and its inputs are sent again.
                    let _ = endpoint.session.handle_datagram(now, peer, &datagram.bytes[..datagram.len]);
                }
            }
        }
        for endpoint in ENDPOINTS.iter_mut().flatten() {
            endpoint.step(now, ms % FRAME_MS == 0, CHANNEL);
        }
        ms += 1;
    }

    for endpoint in ENDPOINTS.iter().flatten() {
        let (player, pushed) = (endpoint.player(), endpoint.session.next_frame());
        hprintln!("player {}: pushed {}, received {}, wrong {}", player, pushed, endpoint.received, endpoint.wrong);
    }
    hprintln!("channel: {} datagrams, the longest {} bytes; {} lost", CHANNEL.sent, CHANNEL.longest, CHANNEL.lost);
    hprintln!("time: {} ms, {} of them for {} frames", ms, u64::from(FRAMES) * FRAME_MS, FRAMES);
    hprintln!(
        "RAM: a session {} bytes; static {} bytes; stack {} bytes",
        size_of::<Session>(),
        memory::statics(),
        memory::stack()
    );
    hprintln!("flash: {} bytes, including this program and its texts", memory::flash());
    let is_right = |endpoint: &Endpoint| endpoint.is_done() && endpoint.wrong == 0;
    let passed = ENDPOINTS.iter().all(|endpoint| endpoint.as_ref().is_some_and(is_right)) && CHANNEL.lost > 0;
    hprintln!("{}", if passed { "passed: every input arrived, in order and unchanged" } else { "FAILED" });
    exit(passed)
}

fn exit(passed: bool) -> ! {
    loop {
        debug::exit(if passed { debug::EXIT_SUCCESS } else { debug::EXIT_FAILURE });
    }
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    hprintln!("{}", info);
    exit(false)
}

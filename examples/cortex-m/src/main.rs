//! Two sessions on a microcontroller without a heap: 1,000 frames each way through an array that loses every fifth datagram.
//!
//! ```text
//! examples/cortex-m/run.sh        on an emulated board; needs qemu-system-arm
//! ```
//!
//! Time is counted here, not read: each turn of the loop is a millisecond. A program for a real board reads a timer, and
//! hands datagrams to a radio instead of [`Air`].

#![no_std]
#![no_main]

mod memory;

use core::panic::PanicInfo;
use core::time::Duration;

use cortex_m_rt::entry;
use cortex_m_semihosting::{debug, hprintln};
use inputwire::{Config, DATAGRAM_MAX, Event, Frame, Instant, PeerConfig, PeerId, Session};

/// What the radio carries at most.
const RADIO_MAX: usize = 64;
const FRAME_MS: u64 = 20;
const FRAMES: u32 = 1_000;
/// How long a datagram flies.
const FLIGHT_MS: u64 = 30;

/// One peer, four bytes of controls, 32 frames.
type Link = Session<1, 4, 32>;

const fn config(player: u16) -> Config {
    let config = Config::builder()
        .session(0x0ddb_a110)
        .player(player)
        .frame_interval(Duration::from_millis(FRAME_MS))
        .datagram_max(RADIO_MAX)
        .build();
    match config {
        Ok(config) => config,
        Err(_) => panic!("refused when compiled"),
    }
}

/// One end, and what it was told.
struct End {
    link: Link,
    peer: Option<PeerId>,
    told: u32,
    wrong: u32,
}

impl End {
    const fn new(player: u16) -> Self {
        Self { link: Session::new(config(player)), peer: None, told: 0, wrong: 0 }
    }

    fn player(&self) -> u16 {
        self.link.config().player()
    }

    fn turn(&mut self, now: Instant, steps: bool, air: &mut Air) {
        if steps && self.link.next_frame() < Frame::new(FRAMES) {
            // The window can be full for a moment: the same frame is tried again in the next step.
            let _ = self.link.push_input(now, controls(self.player(), self.link.next_frame()));
        }
        self.link.handle_timeout(now);
        while let Some(event) = self.link.poll_event() {
            if let Event::Input { frame, input, .. } = event {
                let right = frame == Frame::new(self.told) && input == controls(1 - self.player(), frame);
                self.wrong += u32::from(!right);
                self.told += 1;
            }
        }
        let mut buf = [0; DATAGRAM_MAX];
        while let Some(transmit) = self.link.poll_transmit(&mut buf) {
            air.send(now, 1 - self.player(), transmit.datagram);
        }
    }

    fn is_done(&self) -> bool {
        self.told == FRAMES && self.peer.is_some_and(|peer| self.link.unacked(peer) == 0)
    }
}

/// What a player does in a frame: the sticks of a remote, one of them at rest for long.
fn controls(player: u16, frame: Frame) -> [u8; 4] {
    let number = frame.get();
    let [low, ..] = (number.wrapping_mul(3) >> 1).to_le_bytes();
    let [slow, ..] = (number >> 6).to_le_bytes();
    let [who, _] = player.to_le_bytes();
    [low, slow, who, 0]
}

/// The way between both: an array, and dice.
struct Air {
    flying: [Option<Datagram>; 8],
    dice: u32,
    sent: u32,
    lost: u32,
    longest: usize,
}

#[derive(Clone, Copy)]
struct Datagram {
    lands_at: Instant,
    to: u16,
    len: usize,
    bytes: [u8; RADIO_MAX],
}

impl Air {
    const fn new() -> Self {
        Self { flying: [None; 8], dice: 1, sent: 0, lost: 0, longest: 0 }
    }

    fn send(&mut self, now: Instant, to: u16, datagram: &[u8]) {
        self.sent += 1;
        self.longest = self.longest.max(datagram.len());
        self.dice = self.dice.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let place = self.flying.iter_mut().find(|place| place.is_none());
        let mut bytes = [0; RADIO_MAX];
        match (place, bytes.get_mut(..datagram.len())) {
            (Some(place), Some(start)) if self.dice >> 16 >= 0x1_0000 / 5 => {
                start.copy_from_slice(datagram);
                let lands_at = now.saturating_add(Duration::from_millis(FLIGHT_MS));
                *place = Some(Datagram { lands_at, to, len: datagram.len(), bytes });
            }
            _ => self.lost += 1,
        }
    }

    /// A datagram that lands now.
    fn receive(&mut self, now: Instant) -> Option<Datagram> {
        let landed = |place: &&mut Option<Datagram>| place.is_some_and(|datagram| datagram.lands_at <= now);
        self.flying.iter_mut().find(landed)?.take()
    }
}

#[entry]
fn main() -> ! {
    // Where everything is: two sessions and the air, known when the program is linked.
    static mut ENDS: [End; 2] = [End::new(0), End::new(1)];
    static mut AIR: Air = Air::new();

    for end in ENDS.iter_mut() {
        let peer = PeerConfig::compact(1 - end.player());
        end.peer = end.link.add_peer(Instant::ORIGIN, peer).ok();
    }
    let mut ms = 0;
    while ms < 60_000 && !ENDS.iter().all(End::is_done) {
        let now = Instant::from_micros(ms * 1_000);
        while let Some(datagram) = AIR.receive(now) {
            for end in ENDS.iter_mut().filter(|end| end.player() == datagram.to) {
                if let Some(peer) = end.peer {
                    // What is refused is counted, and comes again.
                    let _ = end.link.handle_datagram(now, peer, &datagram.bytes[..datagram.len]);
                }
            }
        }
        for end in ENDS.iter_mut() {
            end.turn(now, ms % FRAME_MS == 0, AIR);
        }
        ms += 1;
    }

    for end in ENDS.iter() {
        hprintln!("player {}: pushed {}, told {}, wrong {}", end.player(), end.link.next_frame(), end.told, end.wrong);
    }
    hprintln!("air: {} datagrams, the longest {} bytes; {} lost", AIR.sent, AIR.longest, AIR.lost);
    hprintln!("time: {} ms, of which {} are {} frames", ms, u64::from(FRAMES) * FRAME_MS, FRAMES);
    hprintln!(
        "RAM: a session {} bytes; static {} bytes; stack {} bytes",
        size_of::<Link>(),
        memory::fixed(),
        memory::stack()
    );
    hprintln!("flash: {} bytes, this program and its texts included", memory::flash());
    let right = ENDS.iter().all(|end| end.is_done() && end.wrong == 0) && AIR.lost > 0;
    hprintln!("{}", if right { "well: every input came, in order and right" } else { "FAILED" });
    leave(right)
}

fn leave(right: bool) -> ! {
    loop {
        debug::exit(if right { debug::EXIT_SUCCESS } else { debug::EXIT_FAILURE });
    }
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    hprintln!("{}", info);
    leave(false)
}

//! Any calls with any values in any order: pointers within the contract, lengths and numbers beyond it.

use inputwire_c::*;

use crate::support::{Memory, config, nowhere};

const CALLS: u64 = if cfg!(miri) { 300 } else { 60_000 };

const CANARY: [u8; 4_096] = [0xa5; 4_096];

/// `SplitMix64`.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let number = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        number ^ (number >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.roll() % end
    }

    /// Small most of the time, and now and then at an end of what there is.
    fn number(&mut self) -> u32 {
        match self.below(16) {
            0 => u32::MAX,
            1 => self.roll() as u32,
            _ => self.below(4) as u32,
        }
    }
}

/// Memory with a canary behind what a call is told of.
struct Guarded {
    bytes: Vec<u8>,
}

impl Guarded {
    fn new() -> Self {
        Self { bytes: CANARY.to_vec() }
    }

    /// A pointer to `len` bytes that may be written, or null.
    fn lend(&mut self, dice: &mut Dice) -> (*mut u8, usize) {
        let len = match dice.below(4) {
            0 => IW_DATAGRAM_MAX,
            1 => dice.below(2_000) as usize,
            _ => dice.below(40) as usize,
        };
        let at = if dice.below(50) == 0 { std::ptr::null_mut() } else { self.bytes.as_mut_ptr() };
        (at, len)
    }

    fn check(&mut self, len: usize, written: bool) {
        let kept = if written { len.min(self.bytes.len()) } else { 0 };
        // Compared in one go, which Miri does at once.
        assert!(self.bytes[kept..] == CANARY[kept..], "written beyond {len} bytes");
        self.bytes.fill(0xa5);
    }
}

#[expect(clippy::too_many_lines, reason = "one arm for each function")]
fn run(seed: u64) {
    let mut dice = Dice(seed);
    let memory = [Memory::new(), Memory::new()];
    let mut sessions = [nowhere(); 2];
    let mut now = 0;
    let mut guarded = Guarded::new();
    for _ in 0..CALLS {
        let which = dice.below(2) as usize;
        let session = sessions[which];
        now += dice.below(10_000);
        let at = if dice.below(500) == 0 { dice.roll() } else { now };
        let mut numbers = [0_u32; 4];
        let number: *mut u32 = if dice.below(40) == 0 { std::ptr::null_mut() } else { numbers.as_mut_ptr() };
        let second = if number.is_null() { number } else { number.wrapping_add(1) };
        let (one, two) = (dice.number(), dice.number());
        let (bytes, len) = guarded.lend(&mut dice);
        let mut written = false;
        // SAFETY: the pointers are null or lend what the contract asks for; the lengths are those of the memory behind
        // them, or shorter; sessions are null or were set up in memory that lives as long as this function.
        let status = unsafe {
            match dice.below(32) {
                0 if session.is_null() || dice.below(300) == 0 => {
                    let mut config = config(dice.below(2) as u32);
                    config.frame_us = if dice.below(4) == 0 { dice.roll() as u32 } else { config.frame_us };
                    config.has_key = dice.below(2) as u32;
                    config.session = 5;
                    let input = [1, 2, 4, 8, 16, 3][dice.below(6) as usize];
                    let start = memory[which].start();
                    let status =
                        iw_session_init(start, 16_384, 1 + one % 4, input, &raw const config, &raw mut sessions[which]);
                    let _ = iw_add_peer(sessions[which], at, IW_COMPACT, 1 - config.player, 0, number);
                    status
                }
                0 => iw_close_peer(session, at, one),
                1 => iw_add_peer(session, at, one, two, dice.number(), number),
                2 => iw_open_peer(session, at, one),
                3 if dice.below(20) == 0 => iw_remove_peer(session, at, one),
                4 if dice.below(20) == 0 => iw_begin_epoch(session, at, one),
                5 => iw_push_checksum(session, at, one, dice.below(2), number),
                6 if dice.below(50) == 0 => iw_leave(session, at),
                7 => iw_clear_counters(session),
                8 => {
                    guarded.bytes.fill(dice.roll() as u8);
                    let status = iw_handle_datagram(session, at, one, bytes, len);
                    guarded.bytes.fill(0xa5);
                    status
                }
                9 => iw_handle_timeout(session, at),
                10 => iw_input_size(session, number),
                11 => iw_epoch(session, number),
                12 => iw_peer_at(session, one, number),
                13 => iw_next_frame(session, number),
                14 => iw_known(session, one, number),
                15 => iw_confirmed(session, number),
                16 => iw_unacked(session, one, number),
                17 => iw_suggested_delay(session, one, number),
                18 => {
                    written = true;
                    iw_own_input(session, one, bytes, len)
                }
                19 => {
                    written = true;
                    iw_input(session, one, two, bytes, len)
                }
                20 => {
                    written = true;
                    iw_newest_input(session, one, number, bytes, len)
                }
                21 => {
                    let mut pace = IwPace { lead_millis: 0, stretch_ppm: 0 };
                    iw_peer_pace(session, one, &raw mut pace)
                }
                22 if dice.below(2_000) == 0 => iw_session_clear(session),
                23 | 24 => {
                    let mut event = std::mem::MaybeUninit::uninit();
                    iw_poll_event(session, event.as_mut_ptr())
                }
                25 => {
                    let mut stats = std::mem::MaybeUninit::uninit();
                    iw_peer_stats(session, one, stats.as_mut_ptr())
                }
                26 => iw_push_input(session, at, bytes, len, number, second),
                27 | 28 => {
                    let size = [1, 2, 4, 8, 16][dice.below(5) as usize];
                    let mut own = 0;
                    let _ = iw_input_size(session, &raw mut own);
                    let size = if own == 0 { size } else { own as usize };
                    iw_push_input(session, at, guarded.bytes.as_ptr(), size, number, std::ptr::null_mut())
                }
                29 => {
                    let mut due = 0;
                    iw_poll_timeout(session, &raw mut due)
                }
                _ => {
                    // What one says reaches the other, whole or broken.
                    written = true;
                    let (mut length, mut peer) = (0_usize, 0_u32);
                    let status = iw_poll_transmit(session, bytes, len, &raw mut length, &raw mut peer);
                    if status == IwStatus::Ok {
                        assert!((1..=IW_DATAGRAM_MAX).contains(&length));
                        if dice.below(8) == 0 {
                            *bytes.add(dice.below(length as u64) as usize) ^= dice.roll() as u8;
                        }
                        let _ = iw_handle_datagram(sessions[1 - which], at, 0, bytes, length);
                    }
                    status
                }
            }
        };
        assert!(status.code() <= 1);
        if session.is_null() {
            assert_ne!(status, IwStatus::Foreign);
        }
        guarded.check(if written { len } else { 0 }, written);
    }
}

#[test]
fn no_calls_with_any_values_do_harm() {
    // More seeds on request, for a long run.
    let seeds = std::env::var("IW_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(4);
    for seed in 0..seeds {
        run(seed);
    }
}

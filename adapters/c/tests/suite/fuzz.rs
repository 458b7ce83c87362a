//! Random calls in random order: pointers that keep the contract, lengths and numbers that need not.

use inputwire_c::*;
use inputwire_sim::rng::Rng;

use crate::support::{MEMORY, Memory, config, no_session, peer_config};

const CALLS: u64 = if cfg!(miri) { 300 } else { 60_000 };

const CANARY: [u8; 4_096] = [0xa5; 4_096];

/// A small number most of the time, else any, or the largest.
fn number(rng: &mut Rng) -> u32 {
    match rng.below(16) {
        0 => u32::MAX,
        1 => rng.next() as u32,
        _ => rng.below(4) as u32,
    }
}

/// Memory with a canary behind the bytes lent to a call.
struct Guarded {
    bytes: Vec<u8>,
}

impl Guarded {
    fn new() -> Self {
        Self { bytes: CANARY.to_vec() }
    }

    /// A pointer to as many writable bytes as the number beside it, or null.
    fn lend(&mut self, rng: &mut Rng) -> (*mut u8, usize) {
        let len = match rng.below(4) {
            0 => IW_MAX_DATAGRAM_SIZE,
            1 => rng.below(2_000) as usize,
            _ => rng.below(40) as usize,
        };
        let start = if rng.one_in(50) { std::ptr::null_mut() } else { self.bytes.as_mut_ptr() };
        (start, len)
    }

    fn check(&mut self, len: usize, written: bool) {
        let kept = if written { len.min(self.bytes.len()) } else { 0 };
        // One comparison of slices, because a loop would be slow in Miri.
        assert!(self.bytes[kept..] == CANARY[kept..], "written beyond {len} bytes");
        self.bytes.fill(0xa5);
    }
}

#[expect(clippy::too_many_lines, reason = "one arm for each function")]
fn run(seed: u64) {
    let mut rng = Rng::new(seed);
    let memory = [Memory::new(), Memory::new()];
    let mut sessions = [no_session(); 2];
    let mut now = 0;
    let mut guarded = Guarded::new();
    for _ in 0..CALLS {
        let which = rng.below(2) as usize;
        let session = sessions[which];
        now += rng.below(10_000);
        let at = if rng.one_in(500) { rng.next() } else { now };
        let mut outputs = [0_u32; 2];
        let out: *mut u32 = if rng.one_in(40) { std::ptr::null_mut() } else { outputs.as_mut_ptr() };
        let second_out = if out.is_null() { out } else { out.wrapping_add(1) };
        let (one, two) = (number(&mut rng), number(&mut rng));
        let (bytes, len) = guarded.lend(&mut rng);
        let mut written = false;
        // SAFETY: pointers are null or lend what the contract demands; lengths are at most those of the memory behind them;
        // sessions are null or were set up in memory that lives as long as this function.
        let status = unsafe {
            match rng.below(34) {
                0 if session.is_null() || rng.one_in(300) => {
                    let mut config = config(rng.below(2) as u32);
                    config.frame_us = if rng.one_in(4) { rng.next() as u32 } else { config.frame_us };
                    config.has_key = rng.below(2) as u32;
                    config.session_id = 5;
                    config.short_tags = rng.below(2) as u32;
                    config.mesh = u32::from(!rng.one_in(4));
                    config.max_lead = if rng.one_in(4) { number(&mut rng) } else { 0 };
                    config.incarnation = if rng.one_in(8) { rng.magnitude(1 << 62) } else { config.incarnation };
                    let input_len = [1, 2, 4, 8, 16, 3][rng.below(6) as usize];
                    let start = memory[which].start();
                    let status = iw_session_init(
                        start,
                        MEMORY,
                        1 + one % 4,
                        input_len,
                        &raw const config,
                        &raw mut sessions[which],
                    );
                    let _ = iw_session_add_peer(
                        sessions[which],
                        at,
                        IW_COMPACT,
                        1 - config.local_player,
                        0,
                        std::ptr::null(),
                        out,
                    );
                    status
                }
                0 => iw_session_handle_transport_closed(session, at, one),
                1 => {
                    let config = IwPeerConfig {
                        incarnation: rng.magnitude(1 << 62),
                        has_key: u32::from(rng.one_in(4)),
                        wire: one,
                        join_frame: if rng.one_in(4) { rng.magnitude(1 << 32) as u32 } else { IW_NO_FRAME },
                        target_margin: if rng.one_in(2) { number(&mut rng) } else { IW_NO_MARGIN },
                        ..peer_config(two)
                    };
                    iw_session_add_peer_with(session, at, &raw const config, out)
                }
                2 => iw_session_handle_transport_opened(session, at, one),
                3 if rng.one_in(20) => iw_session_disconnect_peer(session, at, one),
                3 if rng.one_in(20) => iw_session_remove_peer(session, at, one),
                4 if rng.one_in(20) => iw_session_begin_epoch(session, at, one),
                5 => iw_session_push_checksum(session, at, one, rng.below(2), out),
                6 if rng.one_in(50) => iw_session_close(session, at),
                7 if rng.one_in(2) => iw_session_set_input_delay(session, one),
                7 => iw_session_clear_counters(session),
                8 => {
                    guarded.bytes.fill(rng.next() as u8);
                    let mut hello = IwHello { version: 0, sender: 0, receiver: 0 };
                    let _ =
                        iw_hello_peek(bytes, len, if rng.one_in(9) { std::ptr::null_mut() } else { &raw mut hello });
                    let status = iw_session_handle_datagram(session, at, one, bytes, len);
                    guarded.bytes.fill(0xa5);
                    status
                }
                9 => iw_session_handle_timeout(session, at),
                10 => iw_session_input_len(session, out),
                11 => iw_session_epoch(session, out),
                12 => iw_session_peer_at(session, one, out),
                13 => iw_session_next_frame(session, out),
                14 => iw_peer_last_frame(session, one, out),
                15 => iw_session_confirmed_frame(session, out),
                16 => iw_peer_unacked(session, one, out),
                17 => {
                    let mut margin = 0;
                    let _ = iw_peer_margin(session, one, &raw mut margin);
                    iw_peer_suggested_delay(session, one, out)
                }
                18 => {
                    written = true;
                    iw_session_local_input(session, one, bytes, len)
                }
                19 => {
                    written = true;
                    iw_peer_remote_input(session, one, two, bytes, len)
                }
                20 => {
                    written = true;
                    iw_peer_latest_input(session, one, out, bytes, len)
                }
                21 => {
                    let mut departure = IwDeparture { kind: IwDepartureKind::Present, frame: 0 };
                    let _ = iw_peer_departure(session, one, &raw mut departure);
                    let mut pace = IwPace { lead_millis: 0, stretch_ppm: 0 };
                    iw_peer_pace(session, one, &raw mut pace)
                }
                22 if rng.one_in(2_000) => iw_session_clear(session),
                23 | 24 => {
                    let mut event = std::mem::MaybeUninit::uninit();
                    iw_session_poll_event(session, event.as_mut_ptr())
                }
                25 => {
                    let mut stats = std::mem::MaybeUninit::uninit();
                    iw_peer_stats(session, one, stats.as_mut_ptr())
                }
                26 => iw_session_push_input(session, at, bytes, len, out, second_out),
                27 | 28 => {
                    let any_len = [1, 2, 4, 8, 16][rng.below(5) as usize];
                    let mut input_len = 0;
                    let _ = iw_session_input_len(session, &raw mut input_len);
                    let len = if input_len == 0 { any_len } else { input_len as usize };
                    iw_session_push_input(session, at, guarded.bytes.as_ptr(), len, out, std::ptr::null_mut())
                }
                29 => {
                    let mut due = 0;
                    iw_session_poll_timeout(session, &raw mut due)
                }
                30 => iw_session_next_epoch(session, out),
                31 if rng.one_in(2) => iw_session_departures_settled(session, out),
                31 => iw_session_is_closed(session, out),
                32 => {
                    let mut incarnation = 0;
                    iw_session_incarnation(session, &raw mut incarnation)
                }
                _ => {
                    // The datagram reaches the other session, whole or corrupted.
                    written = true;
                    let (mut length, mut peer) = (0_usize, 0_u32);
                    let status = iw_session_poll_transmit(session, bytes, len, &raw mut length, &raw mut peer);
                    if status == IwStatus::Ok {
                        assert!((1..=IW_MAX_DATAGRAM_SIZE).contains(&length));
                        if rng.one_in(8) {
                            *bytes.add(rng.below(length as u64) as usize) ^= rng.next() as u8;
                        }
                        let settings =
                            IwConfig { session_id: 5, has_key: rng.below(2) as u32, ..config(rng.below(2) as u32) };
                        let mut hello = IwHello { version: 0, sender: 0, receiver: 0 };
                        let mut mismatch = IwMismatch { field: IwField::Other, local: 0, remote: 0 };
                        let peeked = iw_hello_peek(bytes, length, &raw mut hello);
                        let fits = iw_hello_fits(bytes, length, &raw const settings, 1 << (one % 8), &raw mut mismatch);
                        assert!(peeked == IwStatus::Ok || fits == IwStatus::None || one % 8 > 4);
                        let _ = iw_session_handle_datagram(sessions[1 - which], at, 0, bytes, length);
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
fn random_calls_never_write_out_of_bounds() {
    // More seeds for a long run.
    let seeds = std::env::var("IW_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(4);
    for seed in 0..seeds {
        run(seed);
    }
}

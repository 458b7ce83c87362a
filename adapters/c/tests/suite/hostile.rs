//! Bad pointers, and memory that is not a session.

use std::ptr::{null, null_mut};

use inputwire_c::*;

use crate::support::{Endpoint, MEMORY, Memory, config, no_session, peer_config};

/// Calls every function that takes a session and returns their statuses.
fn call_everything(session: *mut IwSession) -> Vec<IwStatus> {
    let (mut number, mut long, mut len) = (0_u32, 0_u64, 0_usize);
    let mut bytes = [0_u8; IW_MAX_DATAGRAM_SIZE];
    let buf = bytes.as_mut_ptr();
    let (mut settings, peer_settings) = (config(0), peer_config(1));
    let mut margin = 0_i32;
    let (mut event, mut stats, mut pace) =
        (std::mem::MaybeUninit::uninit(), std::mem::MaybeUninit::uninit(), std::mem::MaybeUninit::uninit());
    let mut departure = std::mem::MaybeUninit::uninit();
    unsafe {
        vec![
            iw_session_add_peer(session, 0, IW_COMPACT, 1, 0, null(), &raw mut number),
            iw_session_handle_transport_closed(session, 0, 0),
            iw_session_handle_transport_opened(session, 0, 0),
            iw_session_add_peer_with(session, 0, &raw const peer_settings, &raw mut number),
            iw_session_disconnect_peer(session, 0, 0),
            iw_session_remove_peer(session, 0, 0),
            iw_session_push_input(session, 0, buf, 1, &raw mut number, null_mut()),
            iw_session_begin_epoch(session, 0, 1),
            iw_session_push_checksum(session, 0, 0, 0, &raw mut number),
            iw_session_close(session, 0),
            iw_session_set_input_delay(session, 3),
            iw_session_clear_counters(session),
            iw_session_handle_datagram(session, 0, 0, buf, 3),
            iw_session_handle_timeout(session, 0),
            iw_session_poll_transmit(session, buf, IW_MAX_DATAGRAM_SIZE, &raw mut len, &raw mut number),
            iw_session_poll_event(session, event.as_mut_ptr()),
            iw_session_poll_timeout(session, &raw mut long),
            iw_session_config(session, &raw mut settings),
            iw_session_input_len(session, &raw mut number),
            iw_session_epoch(session, &raw mut number),
            iw_session_next_epoch(session, &raw mut number),
            iw_session_incarnation(session, &raw mut long),
            iw_session_departures_settled(session, &raw mut number),
            iw_session_is_closed(session, &raw mut number),
            iw_session_peer_at(session, 0, &raw mut number),
            iw_session_next_frame(session, &raw mut number),
            iw_peer_last_frame(session, 0, &raw mut number),
            iw_session_confirmed_frame(session, &raw mut number),
            iw_peer_unacked(session, 0, &raw mut number),
            iw_peer_suggested_delay(session, 0, &raw mut number),
            iw_peer_pace(session, 0, pace.as_mut_ptr()),
            iw_peer_margin(session, 0, &raw mut margin),
            iw_peer_departure(session, 0, departure.as_mut_ptr()),
            iw_peer_stats(session, 0, stats.as_mut_ptr()),
            iw_session_local_input(session, 0, buf, 16),
            iw_peer_remote_input(session, 0, 0, buf, 16),
            iw_peer_latest_input(session, 0, &raw mut number, buf, 16),
            iw_session_clear(session),
        ]
    }
}

fn all_refuse(session: *mut IwSession, status: IwStatus) {
    for (index, returned) in call_everything(session).into_iter().enumerate() {
        assert_eq!(returned, status, "function {index}");
    }
}

#[test]
fn null_is_refused_everywhere() {
    all_refuse(no_session(), IwStatus::Null);
}

#[test]
fn misaligned_memory_is_refused_everywhere() {
    let memory = Memory::new();
    for offset in 1..16 {
        all_refuse(memory.start().wrapping_add(offset).cast(), IwStatus::Misaligned);
    }
}

#[test]
fn foreign_memory_is_refused_everywhere() {
    for byte in [0, 0xff, 0x5a] {
        let memory = Memory::new();
        memory.fill(byte);
        all_refuse(memory.start().cast(), IwStatus::Foreign);
    }
}

#[test]
fn a_session_that_was_moved_or_cleared_is_foreign() {
    let memory = Memory::new();
    let mut session = null_mut();
    let size = iw_session_size(3, 16);
    let status = unsafe { iw_session_init(memory.start(), size, 3, 16, &config(0), &raw mut session) };
    assert_eq!(status, IwStatus::Ok);
    let moved = memory.clone();
    all_refuse(moved.start().cast(), IwStatus::Foreign);
    let session: *mut IwSession = memory.start().cast();
    assert_eq!(unsafe { iw_session_clear(session) }, IwStatus::Ok);
    assert!(memory.is_zero(), "all of it is overwritten, the key included");
    all_refuse(memory.start().cast(), IwStatus::Foreign);
}

#[test]
fn any_flipped_bit_of_magic_or_address_makes_it_foreign() {
    let memory = Memory::new();
    let mut session = null_mut();
    let start = memory.start();
    unsafe { iw_session_init(start, iw_session_size(1, 1), 1, 1, &config(0), &raw mut session) };
    for bit in 0..128 {
        let byte = start.wrapping_add(bit / 8);
        unsafe { *byte ^= 1 << (bit % 8) };
        let mut number = 0;
        assert_eq!(unsafe { iw_session_next_frame(session, &raw mut number) }, IwStatus::Foreign, "bit {bit}");
        unsafe { *byte ^= 1 << (bit % 8) };
        assert_eq!(unsafe { iw_session_next_frame(session, &raw mut number) }, IwStatus::Ok);
    }
}

#[test]
fn init_refuses_bad_arguments() {
    let memory = Memory::new();
    let start = memory.start();
    let size = iw_session_size(1, 1);
    let settings = config(0);
    let mut session = null_mut();
    let mut init = |memory, len, max_peers, input_len, config: *const IwConfig| unsafe {
        iw_session_init(memory, len, max_peers, input_len, config, &raw mut session)
    };
    assert_eq!(init(null_mut(), size, 1, 1, &raw const settings), IwStatus::Null);
    assert_eq!(init(start, size, 1, 1, null()), IwStatus::Null);
    assert_eq!(init(start.wrapping_add(8), size, 1, 1, &raw const settings), IwStatus::Misaligned);
    let odd = (&raw const settings).cast::<u8>().wrapping_add(1).cast();
    assert_eq!(init(start, size, 1, 1, odd), IwStatus::Misaligned);
    for len in (0..size).step_by(if cfg!(miri) { 199 } else { 1 }) {
        assert_eq!(init(start, len, 1, 1, &raw const settings), IwStatus::Short);
    }
    for (max_peers, input_len) in [(0, 1), (4, 1), (1, 0), (1, 3), (1, 5), (1, 17), (u32::MAX, u32::MAX), (1, 255)] {
        assert_eq!(init(start, MEMORY, max_peers, input_len, &raw const settings), IwStatus::NoSuchSize);
        assert_eq!(iw_session_size(max_peers, input_len), 0);
    }
    assert!(memory.is_zero(), "nothing was written");
    let status = unsafe { iw_session_init(memory.start(), size, 1, 1, &raw const settings, null_mut()) };
    assert_eq!(status, IwStatus::Null);
}

#[test]
fn bad_output_pointers_are_refused_before_the_call_has_an_effect() {
    let endpoint = Endpoint::new(1, 1, 0);
    unsafe {
        assert_eq!(iw_session_add_peer(endpoint.session, 0, IW_COMPACT, 1, 0, null(), null_mut()), IwStatus::Null);
        let (settings, mut number) = (peer_config(1), 0);
        assert_eq!(iw_session_add_peer_with(endpoint.session, 0, null(), &raw mut number), IwStatus::Null);
        assert_eq!(iw_session_add_peer_with(endpoint.session, 0, &raw const settings, null_mut()), IwStatus::Null);
        assert_eq!(endpoint.add(0, IW_COMPACT, 1), Ok(0), "the refused calls added nothing");
        assert_eq!(iw_peer_margin(endpoint.session, 0, null_mut()), IwStatus::Null);
        // One byte more than is ever read of an overlong input or datagram.
        let input = [1; IW_MAX_DATAGRAM_SIZE + 1];
        let mut words = [0_u32; 2];
        let odd: *mut u32 = (&raw mut words).cast::<u8>().wrapping_add(1).cast();
        assert_eq!(
            iw_session_push_input(endpoint.session, 0, input.as_ptr(), 1, odd, null_mut()),
            IwStatus::Misaligned
        );
        assert_eq!(iw_session_push_input(endpoint.session, 0, null(), 1, null_mut(), null_mut()), IwStatus::Null);
        assert_eq!(
            iw_session_push_input(endpoint.session, 0, input.as_ptr(), 0, null_mut(), null_mut()),
            IwStatus::WrongInputLen
        );
        assert_eq!(
            iw_session_push_input(endpoint.session, 0, input.as_ptr(), usize::MAX, null_mut(), null_mut()),
            IwStatus::WrongInputLen
        );
        assert_eq!(endpoint.get(iw_session_next_frame), Some(0));

        let (mut buf, mut len, mut peer) = ([0; IW_MAX_DATAGRAM_SIZE], 0, 0);
        let poll = |buf, capacity, len, peer| iw_session_poll_transmit(endpoint.session, buf, capacity, len, peer);
        let start = buf.as_mut_ptr();
        assert_eq!(poll(null_mut(), IW_MAX_DATAGRAM_SIZE, &raw mut len, &raw mut peer), IwStatus::Null);
        assert_eq!(poll(start, IW_MAX_DATAGRAM_SIZE - 1, &raw mut len, &raw mut peer), IwStatus::Short);
        assert_eq!(poll(start, IW_MAX_DATAGRAM_SIZE, null_mut(), &raw mut peer), IwStatus::Null);
        assert_eq!(poll(start, IW_MAX_DATAGRAM_SIZE, &raw mut len, null_mut()), IwStatus::Null);
        assert_eq!(
            poll(start, IW_MAX_DATAGRAM_SIZE, &raw mut len, &raw mut peer),
            IwStatus::Ok,
            "the refused calls lost nothing"
        );
        assert_eq!(iw_session_poll_event(endpoint.session, null_mut()), IwStatus::Null);
        assert_eq!(iw_session_handle_datagram(endpoint.session, 0, 0, null(), 5), IwStatus::Null);
        assert_eq!(iw_session_handle_datagram(endpoint.session, 0, 0, null(), 0), IwStatus::Truncated);
        assert_eq!(iw_session_handle_datagram(endpoint.session, 0, 0, input.as_ptr(), usize::MAX), IwStatus::TooLong);
        assert_eq!(endpoint.push(0, &[7]), Ok(0));
        assert_eq!(iw_session_local_input(endpoint.session, 0, start, 0), IwStatus::Short);
        assert_eq!(iw_session_local_input(endpoint.session, 0, null_mut(), 1), IwStatus::Null);
        assert_eq!(iw_session_local_input(endpoint.session, 0, start, 1), IwStatus::Ok);
        assert_eq!(buf[0], 7);
    }
}

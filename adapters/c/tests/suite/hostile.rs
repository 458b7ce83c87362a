//! Pointers that are none, and memory that is no session.

use std::ptr::{null, null_mut};

use inputwire_c::*;

use crate::support::{End, Memory, config, nowhere};

/// What every function with a session answers, given this one.
fn every_answer(session: *mut IwSession) -> Vec<IwStatus> {
    let (mut number, mut long, mut len) = (0_u32, 0_u64, 0_usize);
    let mut handle_buffer = [0_u8; IW_DATAGRAM_MAX];
    let buffer = handle_buffer.as_mut_ptr();
    let mut settings = config(0);
    let (mut event, mut stats, mut pace) =
        (std::mem::MaybeUninit::uninit(), std::mem::MaybeUninit::uninit(), std::mem::MaybeUninit::uninit());
    unsafe {
        vec![
            iw_add_peer(session, 0, IW_COMPACT, 1, 0, &raw mut number),
            iw_close_peer(session, 0, 0),
            iw_open_peer(session, 0, 0),
            iw_remove_peer(session, 0, 0),
            iw_push_input(session, 0, buffer, 1, &raw mut number, null_mut()),
            iw_begin_epoch(session, 0, 1),
            iw_push_checksum(session, 0, 0, 0, &raw mut number),
            iw_leave(session, 0),
            iw_clear_counters(session),
            iw_handle_datagram(session, 0, 0, buffer, 3),
            iw_handle_timeout(session, 0),
            iw_poll_transmit(session, buffer, IW_DATAGRAM_MAX, &raw mut len, &raw mut number),
            iw_poll_event(session, event.as_mut_ptr()),
            iw_poll_timeout(session, &raw mut long),
            iw_session_config(session, &raw mut settings),
            iw_input_size(session, &raw mut number),
            iw_epoch(session, &raw mut number),
            iw_peer_at(session, 0, &raw mut number),
            iw_next_frame(session, &raw mut number),
            iw_known(session, 0, &raw mut number),
            iw_confirmed(session, &raw mut number),
            iw_unacked(session, 0, &raw mut number),
            iw_suggested_delay(session, 0, &raw mut number),
            iw_peer_pace(session, 0, pace.as_mut_ptr()),
            iw_peer_stats(session, 0, stats.as_mut_ptr()),
            iw_own_input(session, 0, buffer, 16),
            iw_input(session, 0, 0, buffer, 16),
            iw_newest_input(session, 0, &raw mut number, buffer, 16),
            iw_session_clear(session),
        ]
    }
}

fn all_refuse(session: *mut IwSession, status: IwStatus) {
    for (place, answer) in every_answer(session).into_iter().enumerate() {
        assert_eq!(answer, status, "function {place}");
    }
}

#[test]
fn null_is_refused_everywhere() {
    all_refuse(nowhere(), IwStatus::Null);
}

#[test]
fn misaligned_memory_is_refused_everywhere() {
    let memory = Memory::new();
    for off in 1..16 {
        all_refuse(memory.start().wrapping_add(off).cast(), IwStatus::Misaligned);
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
    assert!(memory.is_zero(), "nothing is left, no key either");
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
        assert_eq!(unsafe { iw_next_frame(session, &raw mut number) }, IwStatus::Foreign, "bit {bit}");
        unsafe { *byte ^= 1 << (bit % 8) };
        assert_eq!(unsafe { iw_next_frame(session, &raw mut number) }, IwStatus::Ok);
    }
}

#[test]
fn init_refuses_what_it_cannot_use() {
    let memory = Memory::new();
    let start = memory.start();
    let size = iw_session_size(1, 1);
    let settings = config(0);
    let mut session = null_mut();
    let mut init = |memory, len, peers, input, config: *const IwConfig| unsafe {
        iw_session_init(memory, len, peers, input, config, &raw mut session)
    };
    assert_eq!(init(null_mut(), size, 1, 1, &raw const settings), IwStatus::Null);
    assert_eq!(init(start, size, 1, 1, null()), IwStatus::Null);
    assert_eq!(init(start.wrapping_add(8), size, 1, 1, &raw const settings), IwStatus::Misaligned);
    let odd = (&raw const settings).cast::<u8>().wrapping_add(1).cast();
    assert_eq!(init(start, size, 1, 1, odd), IwStatus::Misaligned);
    for len in (0..size).step_by(if cfg!(miri) { 199 } else { 1 }) {
        assert_eq!(init(start, len, 1, 1, &raw const settings), IwStatus::Short);
    }
    for (peers, input) in [(0, 1), (4, 1), (1, 0), (1, 3), (1, 5), (1, 17), (u32::MAX, u32::MAX), (1, 255)] {
        assert_eq!(init(start, 16_384, peers, input, &raw const settings), IwStatus::NoSuchSize);
        assert_eq!(iw_session_size(peers, input), 0);
    }
    assert!(memory.is_zero(), "nothing was written");
    let status = unsafe { iw_session_init(memory.start(), size, 1, 1, &raw const settings, null_mut()) };
    assert_eq!(status, IwStatus::Null);
}

#[test]
fn what_cannot_be_written_to_is_refused_before_anything_is_done() {
    let end = End::new(1, 1, 0);
    unsafe {
        assert_eq!(iw_add_peer(end.session, 0, IW_COMPACT, 1, 0, null_mut()), IwStatus::Null);
        assert_eq!(end.add(0, IW_COMPACT, 1), Ok(0), "it was not added before");
        // As long as what is looked at of an input or a datagram that is far too long.
        let input = [1; IW_DATAGRAM_MAX + 1];
        let mut words = [0_u32; 2];
        let odd: *mut u32 = (&raw mut words).cast::<u8>().wrapping_add(1).cast();
        assert_eq!(iw_push_input(end.session, 0, input.as_ptr(), 1, odd, null_mut()), IwStatus::Misaligned);
        assert_eq!(iw_push_input(end.session, 0, null(), 1, null_mut(), null_mut()), IwStatus::Null);
        assert_eq!(iw_push_input(end.session, 0, input.as_ptr(), 0, null_mut(), null_mut()), IwStatus::InputLength);
        assert_eq!(
            iw_push_input(end.session, 0, input.as_ptr(), usize::MAX, null_mut(), null_mut()),
            IwStatus::InputLength
        );
        assert_eq!(end.figure(iw_next_frame), Some(0));

        let (mut buffer, mut len, mut peer) = ([0; IW_DATAGRAM_MAX], 0, 0);
        let poll = |buffer, capacity, len, peer| iw_poll_transmit(end.session, buffer, capacity, len, peer);
        let start = buffer.as_mut_ptr();
        assert_eq!(poll(null_mut(), IW_DATAGRAM_MAX, &raw mut len, &raw mut peer), IwStatus::Null);
        assert_eq!(poll(start, IW_DATAGRAM_MAX - 1, &raw mut len, &raw mut peer), IwStatus::Short);
        assert_eq!(poll(start, IW_DATAGRAM_MAX, null_mut(), &raw mut peer), IwStatus::Null);
        assert_eq!(poll(start, IW_DATAGRAM_MAX, &raw mut len, null_mut()), IwStatus::Null);
        assert_eq!(poll(start, IW_DATAGRAM_MAX, &raw mut len, &raw mut peer), IwStatus::Ok, "nothing was lost");
        assert_eq!(iw_poll_event(end.session, null_mut()), IwStatus::Null);
        assert_eq!(iw_handle_datagram(end.session, 0, 0, null(), 5), IwStatus::Null);
        assert_eq!(iw_handle_datagram(end.session, 0, 0, null(), 0), IwStatus::Truncated);
        assert_eq!(iw_handle_datagram(end.session, 0, 0, input.as_ptr(), usize::MAX), IwStatus::TooLong);
        assert_eq!(end.push(0, &[7]), Ok(0));
        assert_eq!(iw_own_input(end.session, 0, start, 0), IwStatus::Short);
        assert_eq!(iw_own_input(end.session, 0, null_mut(), 1), IwStatus::Null);
        assert_eq!(iw_own_input(end.session, 0, start, 1), IwStatus::Ok);
        assert_eq!(buffer[0], 7);
    }
}

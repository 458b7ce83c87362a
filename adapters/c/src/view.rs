//! The functions that ask what a session knows, and change nothing. `IW_STATUS_NONE` says that it does not know.
//!
//! What their pointers must be is said in `session.rs`.

use inputwire::{Frame, PeerId};

#[cfg(one_size)]
use crate::machine::Machine;
use crate::memory::{IwSession, Out, open, put_input};
use crate::session::answer;
use crate::stats::{IwPace, IwStats};
use crate::status::IwStatus;
use crate::types::IwConfig;

/// The settings of a session, all but the key.
///
/// # Safety
///
/// `session` as in `iw_session_clear`; `config` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_session_config(session: *const IwSession, config: *mut IwConfig) -> IwStatus {
    answer(|| {
        // SAFETY: handed on with the caller's promise.
        let (session, config) = unsafe { (open(session)?, Out::new(config)?) };
        config.put(session.config());
        Ok(())
    })
}

/// How many bytes an input of this session has.
///
/// # Safety
///
/// `session` as in `iw_session_clear`; `bytes` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_input_size(session: *const IwSession, bytes: *mut u32) -> IwStatus {
    answer(|| {
        // SAFETY: handed on with the caller's promise.
        let (session, bytes) = unsafe { (open(session)?, Out::new(bytes)?) };
        bytes.put(session.input_size());
        Ok(())
    })
}

/// The present epoch.
///
/// # Safety
///
/// `session` as in `iw_session_clear`; `epoch` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_epoch(session: *const IwSession, epoch: *mut u32) -> IwStatus {
    answer(|| {
        // SAFETY: handed on with the caller's promise.
        let (session, epoch) = unsafe { (open(session)?, Out::new(epoch)?) };
        epoch.put(session.epoch().get());
        Ok(())
    })
}

/// The peer at a place, counted from 0, in the order in which they were added; `IW_STATUS_NONE` after the last.
///
/// # Safety
///
/// `session` as in `iw_session_clear`; `peer` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_peer_at(session: *const IwSession, index: u32, peer: *mut u32) -> IwStatus {
    answer(|| {
        // SAFETY: handed on with the caller's promise.
        let (session, peer) = unsafe { (open(session)?, Out::new(peer)?) };
        peer.put(session.peer(index).ok_or(IwStatus::None)?.get());
        Ok(())
    })
}

/// The frame that the next push gets.
///
/// # Safety
///
/// `session` as in `iw_session_clear`; `frame` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_next_frame(session: *const IwSession, frame: *mut u32) -> IwStatus {
    answer(|| {
        // SAFETY: handed on with the caller's promise.
        let (session, frame) = unsafe { (open(session)?, Out::new(frame)?) };
        frame.put(session.next_frame().get());
        Ok(())
    })
}

/// The newest frame of a peer without a hole below it.
///
/// # Safety
///
/// `session` as in `iw_session_clear`; `frame` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_known(session: *const IwSession, peer: u32, frame: *mut u32) -> IwStatus {
    answer(|| {
        // SAFETY: handed on with the caller's promise.
        let (session, frame) = unsafe { (open(session)?, Out::new(frame)?) };
        frame.put(session.known(PeerId::new(peer)).ok_or(IwStatus::None)?.get());
        Ok(())
    })
}

/// The newest frame known from everybody.
///
/// # Safety
///
/// `session` as in `iw_session_clear`; `frame` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_confirmed(session: *const IwSession, frame: *mut u32) -> IwStatus {
    answer(|| {
        // SAFETY: handed on with the caller's promise.
        let (session, frame) = unsafe { (open(session)?, Out::new(frame)?) };
        frame.put(session.confirmed().ok_or(IwStatus::None)?.get());
        Ok(())
    })
}

/// How many of our inputs a peer has not acknowledged; 0 on the classic wire.
///
/// # Safety
///
/// `session` as in `iw_session_clear`; `inputs` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_unacked(session: *const IwSession, peer: u32, inputs: *mut u32) -> IwStatus {
    answer(|| {
        // SAFETY: handed on with the caller's promise.
        let (session, inputs) = unsafe { (open(session)?, Out::new(inputs)?) };
        inputs.put(session.unacked(PeerId::new(peer)));
        Ok(())
    })
}

/// How many frames of input delay would hide latency and jitter of a peer, once that is known.
///
/// # Safety
///
/// `session` as in `iw_session_clear`; `frames` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_suggested_delay(session: *const IwSession, peer: u32, frames: *mut u32) -> IwStatus {
    answer(|| {
        // SAFETY: handed on with the caller's promise.
        let (session, frames) = unsafe { (open(session)?, Out::new(frames)?) };
        frames.put(session.suggested_delay(PeerId::new(peer)).ok_or(IwStatus::None)?);
        Ok(())
    })
}

/// How far ahead of a peer we play, and what to do about it, once that is known.
///
/// # Safety
///
/// `session` as in `iw_session_clear`; `pace` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_peer_pace(session: *const IwSession, peer: u32, pace: *mut IwPace) -> IwStatus {
    answer(|| {
        // SAFETY: handed on with the caller's promise.
        let (session, pace) = unsafe { (open(session)?, Out::new(pace)?) };
        pace.put(IwPace::of(session.pace(PeerId::new(peer)).ok_or(IwStatus::None)?));
        Ok(())
    })
}

/// Everything known of a peer, in figures.
///
/// # Safety
///
/// `session` as in `iw_session_clear`; `stats` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_peer_stats(session: *const IwSession, peer: u32, stats: *mut IwStats) -> IwStatus {
    answer(|| {
        // SAFETY: handed on with the caller's promise.
        let (session, stats) = unsafe { (open(session)?, Out::new(stats)?) };
        stats.put(IwStats::of(&session.stats(PeerId::new(peer)).ok_or(IwStatus::None)?));
        Ok(())
    })
}

/// Our input of a frame, while it is in the window: as many bytes at `input` as an input has, of `capacity` or fewer.
///
/// # Safety
///
/// `session` as in `iw_session_clear`; `input` is null or `capacity` bytes that may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_own_input(
    session: *const IwSession,
    frame: u32,
    input: *mut u8,
    capacity: usize,
) -> IwStatus {
    answer(|| {
        // SAFETY: handed on with the caller's promise.
        let session = unsafe { open(session)? };
        let own = session.own_input(Frame::new(frame)).ok_or(IwStatus::None)?;
        // SAFETY: handed on with the caller's promise.
        unsafe { put_input(input, capacity, own.as_slice()) }
    })
}

/// A peer's input of a frame, while it is in the window: as many bytes at `input` as an input has, of `capacity` or fewer.
///
/// # Safety
///
/// `session` as in `iw_session_clear`; `input` is null or `capacity` bytes that may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_input(
    session: *const IwSession,
    peer: u32,
    frame: u32,
    input: *mut u8,
    capacity: usize,
) -> IwStatus {
    answer(|| {
        // SAFETY: handed on with the caller's promise.
        let session = unsafe { open(session)? };
        let theirs = session.input(PeerId::new(peer), Frame::new(frame)).ok_or(IwStatus::None)?;
        // SAFETY: handed on with the caller's promise.
        unsafe { put_input(input, capacity, theirs.as_slice()) }
    })
}

/// The newest frame known of a peer in this epoch, and its input: what a game predicts from.
///
/// # Safety
///
/// `session` as in `iw_session_clear`; `frame` is null or may be written, `input` is null or `capacity` bytes that may.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_newest_input(
    session: *const IwSession,
    peer: u32,
    frame: *mut u32,
    input: *mut u8,
    capacity: usize,
) -> IwStatus {
    answer(|| {
        // SAFETY: handed on with the caller's promise.
        let (session, frame) = unsafe { (open(session)?, Out::new(frame)?) };
        let (newest, theirs) = session.newest_input(PeerId::new(peer)).ok_or(IwStatus::None)?;
        // SAFETY: handed on with the caller's promise.
        unsafe { put_input(input, capacity, theirs.as_slice())? };
        frame.put(newest.get());
        Ok(())
    })
}

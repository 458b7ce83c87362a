//! The functions that only read a session: `iw_session_x` is `Session::x` in Rust, `iw_peer_x` is `PeerRef::x`.
//!
//! `IW_STATUS_NONE` means that there is no such peer, or no such value yet. For the rules on pointers see `session.rs`.

use inputwire::{Frame, PeerId};

#[cfg(one_size)]
use crate::any_session::AnySession;
use crate::memory::{IwSession, Out, open, put_input};
use crate::session::status;
use crate::stats::{IwPace, IwStats};
use crate::status::IwStatus;
use crate::types::{IwConfig, IwDeparture};

/// Stores the settings of a session, without the key.
///
/// # Safety
///
/// `session` as in `iw_session_clear`; `config` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_session_config(session: *const IwSession, config: *mut IwConfig) -> IwStatus {
    status(|| {
        // SAFETY: passed on with the caller's promise.
        let (session, config) = unsafe { (open(session)?, Out::new(config)?) };
        config.put(session.config());
        Ok(())
    })
}

/// Stores the length in bytes of the session's inputs.
///
/// # Safety
///
/// `session` as in `iw_session_clear`; `bytes` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_session_input_len(session: *const IwSession, bytes: *mut u32) -> IwStatus {
    status(|| {
        // SAFETY: passed on with the caller's promise.
        let (session, bytes) = unsafe { (open(session)?, Out::new(bytes)?) };
        bytes.put(session.input_len());
        Ok(())
    })
}

/// Stores the current epoch.
///
/// # Safety
///
/// `session` as in `iw_session_clear`; `epoch` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_session_epoch(session: *const IwSession, epoch: *mut u32) -> IwStatus {
    status(|| {
        // SAFETY: passed on with the caller's promise.
        let (session, epoch) = unsafe { (open(session)?, Out::new(epoch)?) };
        epoch.put(session.epoch().get());
        Ok(())
    })
}

/// Stores the epoch to begin next: later than the present one and than that of every peer. `IW_STATUS_NONE` when none is left.
///
/// # Safety
///
/// `session` as in `iw_session_clear`; `epoch` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_session_next_epoch(session: *const IwSession, epoch: *mut u32) -> IwStatus {
    status(|| {
        // SAFETY: passed on with the caller's promise.
        let (session, epoch) = unsafe { (open(session)?, Out::new(epoch)?) };
        epoch.put(session.next_epoch().ok_or(IwStatus::None)?.get());
        Ok(())
    })
}

/// Stores the incarnation that this endpoint has for the peer that is added next, for signalling: that of the settings, and
/// one more for each peer removed. `IW_STATUS_NONE` if the settings have none.
///
/// # Safety
///
/// `session` as in `iw_session_clear`; `incarnation` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_session_incarnation(session: *const IwSession, incarnation: *mut u64) -> IwStatus {
    status(|| {
        // SAFETY: passed on with the caller's promise.
        let (session, incarnation) = unsafe { (open(session)?, Out::new(incarnation)?) };
        incarnation.put(session.incarnation().ok_or(IwStatus::None)?);
        Ok(())
    })
}

/// Stores 1 if every peer that left has departed, and every survivor knows what this endpoint knows of it, else 0. Once it is 1 at
/// all endpoints, they may remove those peers.
///
/// # Safety
///
/// `session` as in `iw_session_clear`; `is_settled` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_session_departures_settled(session: *const IwSession, is_settled: *mut u32) -> IwStatus {
    status(|| {
        // SAFETY: passed on with the caller's promise.
        let (session, is_settled) = unsafe { (open(session)?, Out::new(is_settled)?) };
        is_settled.put(session.departures_settled().into());
        Ok(())
    })
}

/// Stores 1 if the session was closed and nothing is left to send, else 0.
///
/// # Safety
///
/// `session` as in `iw_session_clear`; `is_closed` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_session_is_closed(session: *const IwSession, is_closed: *mut u32) -> IwStatus {
    status(|| {
        // SAFETY: passed on with the caller's promise.
        let (session, is_closed) = unsafe { (open(session)?, Out::new(is_closed)?) };
        is_closed.put(session.is_closed().into());
        Ok(())
    })
}

/// Stores the frame that the next push gets.
///
/// # Safety
///
/// `session` as in `iw_session_clear`; `frame` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_session_next_frame(session: *const IwSession, frame: *mut u32) -> IwStatus {
    status(|| {
        // SAFETY: passed on with the caller's promise.
        let (session, frame) = unsafe { (open(session)?, Out::new(frame)?) };
        frame.put(session.next_frame().get());
        Ok(())
    })
}

/// Stores the last frame up to which the inputs of every player that has not departed are known.
///
/// # Safety
///
/// `session` as in `iw_session_clear`; `frame` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_session_confirmed_frame(session: *const IwSession, frame: *mut u32) -> IwStatus {
    status(|| {
        // SAFETY: passed on with the caller's promise.
        let (session, frame) = unsafe { (open(session)?, Out::new(frame)?) };
        frame.put(session.confirmed_frame().ok_or(IwStatus::None)?.get());
        Ok(())
    })
}

/// Stores the local input of a frame in the window. The buffer has `capacity` bytes, at least the length of an input.
///
/// # Safety
///
/// `session` as in `iw_session_clear`; `input` is null or `capacity` bytes that may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_session_local_input(
    session: *const IwSession,
    frame: u32,
    input: *mut u8,
    capacity: usize,
) -> IwStatus {
    status(|| {
        // SAFETY: passed on with the caller's promise.
        let session = unsafe { open(session)? };
        let local = session.local_input(Frame::new(frame)).ok_or(IwStatus::None)?;
        // SAFETY: passed on with the caller's promise.
        unsafe { put_input(input, capacity, local.as_slice()) }
    })
}

/// Stores the number of the peer at `index` in the order of adding, counted from 0; `IW_STATUS_NONE` past the last one.
///
/// # Safety
///
/// `session` as in `iw_session_clear`; `peer` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_session_peer_at(session: *const IwSession, index: u32, peer: *mut u32) -> IwStatus {
    status(|| {
        // SAFETY: passed on with the caller's promise.
        let (session, peer) = unsafe { (open(session)?, Out::new(peer)?) };
        peer.put(session.peer_at(index).ok_or(IwStatus::None)?.get());
        Ok(())
    })
}

/// Stores whether a peer still plays, and how far its departure has come.
///
/// # Safety
///
/// `session` as in `iw_session_clear`; `departure` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_peer_departure(
    session: *const IwSession,
    peer: u32,
    departure: *mut IwDeparture,
) -> IwStatus {
    status(|| {
        // SAFETY: passed on with the caller's promise.
        let (session, departure) = unsafe { (open(session)?, Out::new(departure)?) };
        departure.put(IwDeparture::new(session.departure(PeerId::new(peer)).ok_or(IwStatus::None)?));
        Ok(())
    })
}

/// Stores the last frame up to which all of a peer's inputs are known.
///
/// # Safety
///
/// `session` as in `iw_session_clear`; `frame` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_peer_last_frame(session: *const IwSession, peer: u32, frame: *mut u32) -> IwStatus {
    status(|| {
        // SAFETY: passed on with the caller's promise.
        let (session, frame) = unsafe { (open(session)?, Out::new(frame)?) };
        frame.put(session.last_frame(PeerId::new(peer)).ok_or(IwStatus::None)?.get());
        Ok(())
    })
}

/// Stores a peer's input of a frame in the window. The buffer has `capacity` bytes, at least the length of an input.
///
/// # Safety
///
/// `session` as in `iw_session_clear`; `input` is null or `capacity` bytes that may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_peer_remote_input(
    session: *const IwSession,
    peer: u32,
    frame: u32,
    input: *mut u8,
    capacity: usize,
) -> IwStatus {
    status(|| {
        // SAFETY: passed on with the caller's promise.
        let session = unsafe { open(session)? };
        let remote = session.remote_input(PeerId::new(peer), Frame::new(frame)).ok_or(IwStatus::None)?;
        // SAFETY: passed on with the caller's promise.
        unsafe { put_input(input, capacity, remote.as_slice()) }
    })
}

/// Stores the latest frame of this epoch that is known of a peer, and its input, to predict from.
///
/// # Safety
///
/// `session` as in `iw_session_clear`; `frame` is null or may be written, `input` is null or `capacity` bytes that may.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_peer_latest_input(
    session: *const IwSession,
    peer: u32,
    frame: *mut u32,
    input: *mut u8,
    capacity: usize,
) -> IwStatus {
    status(|| {
        // SAFETY: passed on with the caller's promise.
        let (session, frame) = unsafe { (open(session)?, Out::new(frame)?) };
        let (latest, remote) = session.latest_input(PeerId::new(peer)).ok_or(IwStatus::None)?;
        // SAFETY: passed on with the caller's promise.
        unsafe { put_input(input, capacity, remote.as_slice())? };
        frame.put(latest.get());
        Ok(())
    })
}

/// Stores how many local inputs a peer has not acknowledged; 0 on the classic wire.
///
/// # Safety
///
/// `session` as in `iw_session_clear`; `inputs` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_peer_unacked(session: *const IwSession, peer: u32, inputs: *mut u32) -> IwStatus {
    status(|| {
        // SAFETY: passed on with the caller's promise.
        let (session, inputs) = unsafe { (open(session)?, Out::new(inputs)?) };
        inputs.put(session.unacked(PeerId::new(peer)).ok_or(IwStatus::None)?);
        Ok(())
    })
}

/// Stores how far the local game is ahead of a peer's, and how to correct it; with
/// `iw_peer_config.target_margin`, how to keep that margin.
///
/// # Safety
///
/// `session` as in `iw_session_clear`; `pace` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_peer_pace(session: *const IwSession, peer: u32, pace: *mut IwPace) -> IwStatus {
    status(|| {
        // SAFETY: passed on with the caller's promise.
        let (session, pace) = unsafe { (open(session)?, Out::new(pace)?) };
        pace.put(IwPace::new(session.pace(PeerId::new(peer)).ok_or(IwStatus::None)?));
        Ok(())
    })
}

/// Stores how early local inputs arrive at a peer that does not wait for them, such as a server, in thousandths of a frame: the least that
/// its latest 32 to 64 datagrams with new inputs told, from -128,000 to 127,000. At 0 and above, it had each input when it pushed its
/// own of the same frame; below, some came later. `IW_STATUS_NONE` until both play, and on the classic wire.
///
/// # Safety
///
/// `session` as in `iw_session_clear`; `margin_millis` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_peer_margin(session: *const IwSession, peer: u32, margin_millis: *mut i32) -> IwStatus {
    status(|| {
        // SAFETY: passed on with the caller's promise.
        let (session, margin_millis) = unsafe { (open(session)?, Out::new(margin_millis)?) };
        margin_millis.put(session.margin(PeerId::new(peer)).ok_or(IwStatus::None)?);
        Ok(())
    })
}

/// Stores the input delay, in frames, that would hide a peer's latency and jitter.
///
/// # Safety
///
/// `session` as in `iw_session_clear`; `frames` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_peer_suggested_delay(session: *const IwSession, peer: u32, frames: *mut u32) -> IwStatus {
    status(|| {
        // SAFETY: passed on with the caller's promise.
        let (session, frames) = unsafe { (open(session)?, Out::new(frames)?) };
        frames.put(session.suggested_delay(PeerId::new(peer)).ok_or(IwStatus::None)?);
        Ok(())
    })
}

/// Stores a snapshot of a peer's statistics.
///
/// # Safety
///
/// `session` as in `iw_session_clear`; `stats` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_peer_stats(session: *const IwSession, peer: u32, stats: *mut IwStats) -> IwStatus {
    status(|| {
        // SAFETY: passed on with the caller's promise.
        let (session, stats) = unsafe { (open(session)?, Out::new(stats)?) };
        stats.put(IwStats::new(&session.stats(PeerId::new(peer)).ok_or(IwStatus::None)?));
        Ok(())
    })
}

//! The functions that set a session up, tell it what happened and take what it says.
//!
//! # Safety
//!
//! Each is safe to call if what its pointers point to is as the header says: null or misaligned ones are refused, the
//! others belong to the caller, do not overlap, and are used by nobody else during the call.

use inputwire::{ChecksumError, Epoch, Frame, Instant, PeerId, PushError};

#[cfg(one_size)]
use crate::machine::Machine;
use crate::memory::{self, ALIGN, IwSession, Out, buffer, bytes, open};
use crate::status::IwStatus;
use crate::types::{IW_ABI_VERSION, IwConfig, IwEvent};

/// Turns what `?` gives back into a status.
pub(crate) fn answer(act: impl FnOnce() -> Result<(), IwStatus>) -> IwStatus {
    act().map_or_else(|status| status, |()| IwStatus::Ok)
}

/// The `IW_ABI_VERSION` of this library, to be compared with that of the header.
#[unsafe(no_mangle)]
pub extern "C" fn iw_abi_version() -> u32 {
    IW_ABI_VERSION
}

/// How many bytes a session takes with room for at least `peers` (1 to 3) and inputs of `input` bytes (1, 2, 4, 8 or
/// 16); 0 if this library was not built with such a size.
#[unsafe(no_mangle)]
pub extern "C" fn iw_session_size(peers: u32, input: u32) -> usize {
    #[cfg(feature = "planted")]
    crate::last::planted(peers);
    memory::size(peers, input).unwrap_or(0)
}

/// What the address of a session must be divisible by.
#[unsafe(no_mangle)]
pub extern "C" fn iw_session_align() -> usize {
    ALIGN
}

/// Fills in the defaults: 60 frames a second, session 0, player 0, no key.
///
/// # Safety
///
/// `config` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_config_default(config: *mut IwConfig) -> IwStatus {
    answer(|| {
        // SAFETY: handed on with the caller's promise.
        let config = unsafe { Out::new(config)? };
        config.put(IwConfig::DEFAULT);
        Ok(())
    })
}

/// Sets up a session in `len` bytes at `memory` and gives the pointer for all other calls in `*session`. The memory stays
/// the caller's, must not be moved, and can be given up at any time: there is nothing to be released.
///
/// # Safety
///
/// `memory` is null or `len` bytes that may be written; `config` is null or may be read; `session` is null or may be
/// written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_session_init(
    memory: *mut u8,
    len: usize,
    peers: u32,
    input: u32,
    config: *const IwConfig,
    session: *mut *mut IwSession,
) -> IwStatus {
    answer(|| {
        // SAFETY: handed on with the caller's promise.
        let (config, session) = unsafe { (memory::read(config)?.build()?, Out::new(session)?) };
        // SAFETY: the same.
        session.put(unsafe { memory::init(memory, len, peers, input, config)? });
        Ok(())
    })
}

/// Fills a session's memory with zeros, its key included: from now on it is refused as foreign.
///
/// # Safety
///
/// `session` is null, a session, or other memory of 32 readable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_session_clear(session: *mut IwSession) -> IwStatus {
    // SAFETY: handed on with the caller's promise.
    answer(|| unsafe { memory::clear(session) })
}

// What we do.

/// Adds a peer whose transport is open: `wire` is `IW_COMPACT` or `IW_CLASSIC`, `incarnation` the peer's, where
/// signalling carried it, or 0. Its number is given in `*peer`: 0, 1, 2 and so on, never one twice.
///
/// # Safety
///
/// `session` as in `iw_session_clear`; `peer` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_add_peer(
    session: *mut IwSession,
    now_us: u64,
    wire: u32,
    player: u32,
    incarnation: u32,
    peer: *mut u32,
) -> IwStatus {
    answer(|| {
        // SAFETY: handed on with the caller's promise.
        let (session, peer) = unsafe { (open(session)?, Out::new(peer)?) };
        peer.put(session.add_peer(Instant::from_micros(now_us), wire, player, incarnation)?.get());
        Ok(())
    })
}

/// The transport to a peer is closed: its state is kept, nothing is sent to it, and it counts as disconnected.
///
/// # Safety
///
/// `session` as in `iw_session_clear`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_close_peer(session: *mut IwSession, now_us: u64, peer: u32) -> IwStatus {
    answer(|| {
        // SAFETY: handed on with the caller's promise.
        let session = unsafe { open(session)? };
        session.close_peer(Instant::from_micros(now_us), PeerId::new(peer));
        Ok(())
    })
}

/// The transport to a closed peer is open again: what is unacknowledged goes out.
///
/// # Safety
///
/// `session` as in `iw_session_clear`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_open_peer(session: *mut IwSession, now_us: u64, peer: u32) -> IwStatus {
    answer(|| {
        // SAFETY: handed on with the caller's promise.
        let session = unsafe { open(session)? };
        session.open_peer(Instant::from_micros(now_us), PeerId::new(peer));
        Ok(())
    })
}

/// Forgets a peer. It no longer holds the window.
///
/// # Safety
///
/// `session` as in `iw_session_clear`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_remove_peer(session: *mut IwSession, now_us: u64, peer: u32) -> IwStatus {
    answer(|| {
        // SAFETY: handed on with the caller's promise.
        let session = unsafe { open(session)? };
        session.remove_peer(Instant::from_micros(now_us), PeerId::new(peer));
        Ok(())
    })
}

/// Records our input of the next frame, `len` bytes, and gives that frame in `*frame`. If the window is full, the peer
/// that it waits for is given in `*waiting_for`. Both may be null.
///
/// # Safety
///
/// `session` as in `iw_session_clear`; `input` is null or `len` readable bytes; the others are null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_push_input(
    session: *mut IwSession,
    now_us: u64,
    input: *const u8,
    len: usize,
    frame: *mut u32,
    waiting_for: *mut u32,
) -> IwStatus {
    answer(|| {
        // SAFETY: handed on with the caller's promise.
        let (session, input) = unsafe { (open(session)?, bytes(input, len)?) };
        // SAFETY: the same.
        let (frame, waiting_for) = unsafe { (Out::optional(frame)?, Out::optional(waiting_for)?) };
        let pushed = session.push_input(Instant::from_micros(now_us), input).ok_or(IwStatus::InputLength)?;
        match (pushed, frame, waiting_for) {
            (Ok(pushed), Some(frame), _) => frame.put(pushed.get()),
            (Err(PushError::WindowFull(peer)), _, Some(waiting_for)) => waiting_for.put(peer.get()),
            _ => {}
        }
        Ok(pushed.map(|_| ())?)
    })
}

/// Begins a later run of frames: windows are emptied, peers stay.
///
/// # Safety
///
/// `session` as in `iw_session_clear`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_begin_epoch(session: *mut IwSession, now_us: u64, epoch: u32) -> IwStatus {
    answer(|| {
        // SAFETY: handed on with the caller's promise.
        let session = unsafe { open(session)? };
        Ok(session.begin_epoch(Instant::from_micros(now_us), Epoch::new(epoch))?)
    })
}

/// Records a hash of our game's state after a frame, to be compared with every peer's on the compact wire. If there is no
/// room, the peer that it waits for is given in `*waiting_for`, which may be null.
///
/// # Safety
///
/// `session` as in `iw_session_clear`; `waiting_for` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_push_checksum(
    session: *mut IwSession,
    now_us: u64,
    frame: u32,
    hash: u64,
    waiting_for: *mut u32,
) -> IwStatus {
    answer(|| {
        // SAFETY: handed on with the caller's promise.
        let (session, waiting_for) = unsafe { (open(session)?, Out::optional(waiting_for)?) };
        let pushed = session.push_checksum(Instant::from_micros(now_us), Frame::new(frame), hash);
        if let (Err(ChecksumError::Full(peer)), Some(waiting_for)) = (pushed, waiting_for) {
            waiting_for.put(peer.get());
        }
        Ok(pushed?)
    })
}

/// Says goodbye to every open peer, where its wire has a word for it, and closes them all.
///
/// # Safety
///
/// `session` as in `iw_session_clear`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_leave(session: *mut IwSession, now_us: u64) -> IwStatus {
    answer(|| {
        // SAFETY: handed on with the caller's promise.
        let session = unsafe { open(session)? };
        session.leave(Instant::from_micros(now_us));
        Ok(())
    })
}

/// Sets every counter in `iw_stats` to zero.
///
/// # Safety
///
/// `session` as in `iw_session_clear`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_clear_counters(session: *mut IwSession) -> IwStatus {
    answer(|| {
        // SAFETY: handed on with the caller's promise.
        let session = unsafe { open(session)? };
        session.clear_counters();
        Ok(())
    })
}

// What happens to us.

/// Takes a datagram that came from a peer. A refused one changes nothing but a counter, and needs no attention;
/// `IW_STATUS_GAME_MESSAGE` is for the game.
///
/// # Safety
///
/// `session` as in `iw_session_clear`; `datagram` is null or `len` readable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_handle_datagram(
    session: *mut IwSession,
    now_us: u64,
    from: u32,
    datagram: *const u8,
    len: usize,
) -> IwStatus {
    answer(|| {
        // SAFETY: handed on with the caller's promise.
        let (session, datagram) = unsafe { (open(session)?, bytes(datagram, len)?) };
        Ok(session.handle_datagram(Instant::from_micros(now_us), PeerId::new(from), datagram)?)
    })
}

/// Takes note that time has passed, when `iw_poll_timeout` said so or at any other moment.
///
/// # Safety
///
/// `session` as in `iw_session_clear`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_handle_timeout(session: *mut IwSession, now_us: u64) -> IwStatus {
    answer(|| {
        // SAFETY: handed on with the caller's promise.
        let session = unsafe { open(session)? };
        session.handle_timeout(Instant::from_micros(now_us));
        Ok(())
    })
}

// What we say.

/// The next datagram to send, `*len` bytes at `datagram`, to `*peer`; `IW_STATUS_NONE` when everything is said. There is room
/// for `capacity` bytes, `IW_DATAGRAM_MAX` or more.
///
/// # Safety
///
/// `session` as in `iw_session_clear`; the others are null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_poll_transmit(
    session: *mut IwSession,
    datagram: *mut u8,
    capacity: usize,
    len: *mut usize,
    peer: *mut u32,
) -> IwStatus {
    answer(|| {
        // SAFETY: handed on with the caller's promise.
        let (session, buffer) = unsafe { (open(session)?, buffer(datagram, capacity)?) };
        // SAFETY: the same.
        let (len, peer) = unsafe { (Out::new(len)?, Out::new(peer)?) };
        let transmit = session.poll_transmit(buffer).ok_or(IwStatus::None)?;
        len.put(transmit.datagram.len());
        peer.put(transmit.peer.get());
        Ok(())
    })
}

/// The next thing to tell; `IW_STATUS_NONE` when everything is told. Inputs that are not taken are not acknowledged.
///
/// # Safety
///
/// `session` as in `iw_session_clear`; `event` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_poll_event(session: *mut IwSession, event: *mut IwEvent) -> IwStatus {
    answer(|| {
        // SAFETY: handed on with the caller's promise.
        let (session, event) = unsafe { (open(session)?, Out::new(event)?) };
        event.put(session.poll_event().ok_or(IwStatus::None)?);
        Ok(())
    })
}

/// When to call `iw_handle_timeout` next; `IW_STATUS_NONE` if nothing will be due.
///
/// # Safety
///
/// `session` as in `iw_session_clear`; `at_us` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_poll_timeout(session: *const IwSession, at_us: *mut u64) -> IwStatus {
    answer(|| {
        // SAFETY: handed on with the caller's promise.
        let (session, at_us) = unsafe { (open(session)?, Out::new(at_us)?) };
        at_us.put(session.poll_timeout().ok_or(IwStatus::None)?.as_micros());
        Ok(())
    })
}

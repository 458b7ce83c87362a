//! The functions that change a session: `iw_session_x` is `Session::x` in Rust.
//!
//! # Safety
//!
//! Each function is safe to call if its pointers are as its documentation demands. Null and misaligned pointers are
//! refused. The memory behind all others belongs to the caller, does not overlap, and is used by nothing else during the
//! call.

use inputwire::{ChecksumError, Epoch, Frame, Instant, PeerId, PushError};

#[cfg(one_size)]
use crate::any_session::AnySession;
use crate::memory::{self, ALIGN, IwSession, Out, bytes, datagram_buf, open, optional_key};
use crate::status::IwStatus;
use crate::types::{IW_ABI_VERSION, IwConfig, IwEvent, IwPeerConfig};

/// Runs the body of an exported function and turns its result into a status.
pub(crate) fn status(body: impl FnOnce() -> Result<(), IwStatus>) -> IwStatus {
    body().map_or_else(|status| status, |()| IwStatus::Ok)
}

/// Returns the `IW_ABI_VERSION` of this library. Compare it with that of the header.
#[unsafe(no_mangle)]
pub extern "C" fn iw_abi_version() -> u32 {
    IW_ABI_VERSION
}

/// Returns the size in bytes of a session for up to `max_peers` peers (1 to 3) and inputs of `input_len` bytes (1, 2, 4,
/// 8 or 16); 0 if this library was built without that size.
#[unsafe(no_mangle)]
pub extern "C" fn iw_session_size(max_peers: u32, input_len: u32) -> usize {
    #[cfg(feature = "planted")]
    crate::panic::planted(max_peers);
    memory::size(max_peers, input_len).unwrap_or(0)
}

/// Returns the alignment of a session, `IW_SESSION_ALIGN`.
#[unsafe(no_mangle)]
pub extern "C" fn iw_session_align() -> usize {
    ALIGN
}

/// Fills in the defaults: 60 frames a second, session id 0, player 0, no key, no incarnation.
///
/// # Safety
///
/// `config` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_config_default(config: *mut IwConfig) -> IwStatus {
    status(|| {
        // SAFETY: passed on with the caller's promise.
        let config = unsafe { Out::new(config)? };
        config.put(IwConfig::DEFAULT);
        Ok(())
    })
}

/// Sets up a session in the `len` bytes at `memory` and stores in `*session` the pointer for all other calls. The memory
/// must not be moved. Nothing needs to be released: it can be reused or freed at any time.
///
/// # Safety
///
/// `memory` is null or `len` bytes that may be written; `config` is null or may be read; `session` is null or may be
/// written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_session_init(
    memory: *mut u8,
    len: usize,
    max_peers: u32,
    input_len: u32,
    config: *const IwConfig,
    session: *mut *mut IwSession,
) -> IwStatus {
    status(|| {
        // SAFETY: passed on with the caller's promise.
        let (config, session) = unsafe { (memory::read(config)?.build()?, Out::new(session)?) };
        // SAFETY: the same.
        session.put(unsafe { memory::init(memory, len, max_peers, input_len, config)? });
        Ok(())
    })
}

/// Fills a session's memory with zeros, its key included. From then on it is refused as `IW_STATUS_FOREIGN`.
///
/// # Safety
///
/// `session` is null, a session, or other memory of 32 readable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_session_clear(session: *mut IwSession) -> IwStatus {
    // SAFETY: passed on with the caller's promise.
    status(|| unsafe { memory::clear(session) })
}

// Actions: the application did it.

/// Adds a peer whose transport is open, and stores its number in `*peer`: 0, 1, 2 and so on, each used once. `wire` is
/// `IW_COMPACT` or `IW_CLASSIC`; `incarnation` is the peer's, if signalling carried it, else 0; `key` is null, or the 16 bytes
/// of a secret of this pair alone, instead of the session's.
///
/// # Safety
///
/// `session` as in `iw_session_clear`; `key` is null or 16 readable bytes; `peer` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_session_add_peer(
    session: *mut IwSession,
    now_us: u64,
    wire: u32,
    player: u32,
    incarnation: u64,
    key: *const u8,
    peer: *mut u32,
) -> IwStatus {
    status(|| {
        // SAFETY: passed on with the caller's promise.
        let (session, key, peer) = unsafe { (open(session)?, optional_key(key), Out::new(peer)?) };
        let has_key = key.is_some().into();
        let key = key.unwrap_or_default();
        let config = IwPeerConfig { incarnation, key, has_key, player, wire, ..IwPeerConfig::DEFAULT };
        peer.put(session.add_peer(Instant::from_micros(now_us), &config)?.get());
        Ok(())
    })
}

/// Fills in the defaults: the compact wire, player 0, from the first frame, no key, no incarnation, no target margin.
///
/// # Safety
///
/// `config` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_peer_config_default(config: *mut IwPeerConfig) -> IwStatus {
    status(|| {
        // SAFETY: passed on with the caller's promise.
        let config = unsafe { Out::new(config)? };
        config.put(IwPeerConfig::DEFAULT);
        Ok(())
    })
}

/// Adds a peer as `iw_session_add_peer` does, with all of its settings: a player that joins late or comes back, or a server that does
/// not wait for its clients.
///
/// # Safety
///
/// `session` as in `iw_session_clear`; `config` is null or may be read; `peer` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_session_add_peer_with(
    session: *mut IwSession,
    now_us: u64,
    config: *const IwPeerConfig,
    peer: *mut u32,
) -> IwStatus {
    status(|| {
        // SAFETY: passed on with the caller's promise.
        let (session, config, peer) = unsafe { (open(session)?, memory::read(config)?, Out::new(peer)?) };
        peer.put(session.add_peer(Instant::from_micros(now_us), &config)?.get());
        Ok(())
    })
}

/// Takes nothing more of a peer. All survivors of a mesh agree on its last input, and each gets every input that one of them has;
/// then `IW_EVENT_KIND_DEPARTED` follows. Until then it holds the window where it does. Where only two play, and without
/// `iw_config.mesh`, it has departed at once.
///
/// If it plays on, it gets `IW_EVENT_KIND_DROPPED`. So that two who lose each other do not both go, the one with the greater player
/// number waits 200 ms longer before this call.
///
/// # Safety
///
/// `session` as in `iw_session_clear`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_session_disconnect_peer(session: *mut IwSession, now_us: u64, peer: u32) -> IwStatus {
    status(|| {
        // SAFETY: passed on with the caller's promise.
        let session = unsafe { open(session)? };
        session.disconnect_peer(Instant::from_micros(now_us), PeerId::new(peer));
        Ok(())
    })
}

/// Removes a peer. It no longer holds the window. A peer that is added later meets a new run of this endpoint.
///
/// In a game of three and more, `iw_session_disconnect_peer` comes first, and this once `iw_session_departures_settled` stores 1,
/// at every endpoint: what others lack of the peer goes with it.
///
/// # Safety
///
/// `session` as in `iw_session_clear`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_session_remove_peer(session: *mut IwSession, now_us: u64, peer: u32) -> IwStatus {
    status(|| {
        // SAFETY: passed on with the caller's promise.
        let session = unsafe { open(session)? };
        session.remove_peer(Instant::from_micros(now_us), PeerId::new(peer));
        Ok(())
    })
}

/// Records the local input of the next frame, `len` bytes, and stores that frame in `*frame`. On
/// `IW_STATUS_WINDOW_FULL`, stores in `*waiting_for` the peer whose acknowledgement is missing; on `IW_STATUS_TOO_FAR_AHEAD` the
/// one whose inputs are. Both may be null.
///
/// # Safety
///
/// `session` as in `iw_session_clear`; `input` is null or `len` readable bytes; the others are null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_session_push_input(
    session: *mut IwSession,
    now_us: u64,
    input: *const u8,
    len: usize,
    frame: *mut u32,
    waiting_for: *mut u32,
) -> IwStatus {
    status(|| {
        // SAFETY: passed on with the caller's promise.
        let (session, input) = unsafe { (open(session)?, bytes(input, len)?) };
        // SAFETY: the same.
        let (frame, waiting_for) = unsafe { (Out::optional(frame)?, Out::optional(waiting_for)?) };
        let pushed = session.push_input(Instant::from_micros(now_us), input).ok_or(IwStatus::WrongInputLen)?;
        match (pushed, frame, waiting_for) {
            (Ok(pushed), Some(frame), _) => frame.put(pushed.get()),
            (Err(PushError::WindowFull(peer) | PushError::TooFarAhead(peer)), _, Some(waiting_for)) => {
                waiting_for.put(peer.get());
            }
            _ => {}
        }
        Ok(pushed.map(|_| ())?)
    })
}

/// Pushes the input, `len` bytes, for every frame before `frame`, for a game that jumps ahead after a pause, and stores in
/// `*reached` the frame that the next push gets. If that is less than `frame`, poll and send, then call it again: it stops
/// where the next input has to wait for an acknowledgement or for a datagram.
///
/// # Safety
///
/// `session` as in `iw_session_clear`; `input` is null or `len` readable bytes; `reached` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_session_skip_to(
    session: *mut IwSession,
    now_us: u64,
    frame: u32,
    input: *const u8,
    len: usize,
    reached: *mut u32,
) -> IwStatus {
    status(|| {
        // SAFETY: passed on with the caller's promise.
        let (session, input) = unsafe { (open(session)?, bytes(input, len)?) };
        // SAFETY: the same.
        let reached = unsafe { Out::new(reached)? };
        let skipped = session.skip_to(Instant::from_micros(now_us), Frame::new(frame), input);
        reached.put(skipped.ok_or(IwStatus::WrongInputLen)??.get());
        Ok(())
    })
}

/// Begins a later epoch: windows are emptied, frames count anew, peers stay.
///
/// # Safety
///
/// `session` as in `iw_session_clear`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_session_begin_epoch(session: *mut IwSession, now_us: u64, epoch: u32) -> IwStatus {
    status(|| {
        // SAFETY: passed on with the caller's promise.
        let session = unsafe { open(session)? };
        Ok(session.begin_epoch(Instant::from_micros(now_us), Epoch::new(epoch))?)
    })
}

/// Records a hash of the local game's state after a frame, to be compared with every peer's on the compact wire, once
/// `iw_session_confirmed_frame` has reached that frame. On `IW_STATUS_CHECKSUMS_FULL`, stores in `*waiting_for`, which may be null, the peer whose acknowledgement is missing.
///
/// # Safety
///
/// `session` as in `iw_session_clear`; `waiting_for` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_session_push_checksum(
    session: *mut IwSession,
    now_us: u64,
    frame: u32,
    hash: u64,
    waiting_for: *mut u32,
) -> IwStatus {
    status(|| {
        // SAFETY: passed on with the caller's promise.
        let (session, waiting_for) = unsafe { (open(session)?, Out::optional(waiting_for)?) };
        let pushed = session.push_checksum(Instant::from_micros(now_us), Frame::new(frame), hash);
        if let (Err(ChecksumError::Full(peer)), Some(waiting_for)) = (pushed, waiting_for) {
            waiting_for.put(peer.get());
        }
        Ok(pushed?)
    })
}

/// Closes the session for good: nothing can be pushed any more. On the compact wire, go on draining until
/// `iw_session_is_closed` stores 1: what is unacknowledged is delivered, for 2 s at most, and three goodbyes are sent, a frame
/// apart.
///
/// # Safety
///
/// `session` as in `iw_session_clear`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_session_close(session: *mut IwSession, now_us: u64) -> IwStatus {
    status(|| {
        // SAFETY: passed on with the caller's promise.
        let session = unsafe { open(session)? };
        session.close(Instant::from_micros(now_us));
        Ok(())
    })
}

/// Tells for how many frames the game holds local inputs back, at the start and whenever that changes: a delay is no lead, so
/// the lead that `iw_peer_pace` shows takes it out. More than 255 count as 255.
///
/// # Safety
///
/// `session` as in `iw_session_clear`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_session_set_input_delay(session: *mut IwSession, frames: u32) -> IwStatus {
    status(|| {
        // SAFETY: passed on with the caller's promise.
        let session = unsafe { open(session)? };
        session.set_input_delay(frames);
        Ok(())
    })
}

/// Sets every counter in `iw_stats` to zero.
///
/// # Safety
///
/// `session` as in `iw_session_clear`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_session_clear_counters(session: *mut IwSession) -> IwStatus {
    status(|| {
        // SAFETY: passed on with the caller's promise.
        let session = unsafe { open(session)? };
        session.clear_counters();
        Ok(())
    })
}

// Handlers: the world did it.

/// Handles a datagram received from a peer. A refused one changes nothing but a counter, and its status can be ignored,
/// except `IW_STATUS_GAME_MESSAGE`: pass that datagram to the game.
///
/// # Safety
///
/// `session` as in `iw_session_clear`; `datagram` is null or `len` readable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_session_handle_datagram(
    session: *mut IwSession,
    now_us: u64,
    from: u32,
    datagram: *const u8,
    len: usize,
) -> IwStatus {
    status(|| {
        // SAFETY: passed on with the caller's promise.
        let (session, datagram) = unsafe { (open(session)?, bytes(datagram, len)?) };
        Ok(session.handle_datagram(Instant::from_micros(now_us), PeerId::new(from), datagram)?)
    })
}

/// Advances the clock, when `iw_session_poll_timeout` asked for it or at any other time.
///
/// # Safety
///
/// `session` as in `iw_session_clear`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_session_handle_timeout(session: *mut IwSession, now_us: u64) -> IwStatus {
    status(|| {
        // SAFETY: passed on with the caller's promise.
        let session = unsafe { open(session)? };
        session.handle_timeout(Instant::from_micros(now_us));
        Ok(())
    })
}

/// Handles the loss of the transport to a peer: its state is kept, nothing is sent to it, and it counts as disconnected.
///
/// # Safety
///
/// `session` as in `iw_session_clear`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_session_handle_transport_closed(
    session: *mut IwSession,
    now_us: u64,
    peer: u32,
) -> IwStatus {
    status(|| {
        // SAFETY: passed on with the caller's promise.
        let session = unsafe { open(session)? };
        session.handle_transport_closed(Instant::from_micros(now_us), PeerId::new(peer));
        Ok(())
    })
}

/// Handles a new transport to a closed peer: unacknowledged inputs are sent again.
///
/// # Safety
///
/// `session` as in `iw_session_clear`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_session_handle_transport_opened(
    session: *mut IwSession,
    now_us: u64,
    peer: u32,
) -> IwStatus {
    status(|| {
        // SAFETY: passed on with the caller's promise.
        let session = unsafe { open(session)? };
        session.handle_transport_opened(Instant::from_micros(now_us), PeerId::new(peer));
        Ok(())
    })
}

// Polls: what is new. Drain events, then transmits, then sleep until the timeout.

/// Stores the next event in `*event`; `IW_STATUS_NONE` if there is none. Inputs are acknowledged once they are polled.
///
/// # Safety
///
/// `session` as in `iw_session_clear`; `event` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_session_poll_event(session: *mut IwSession, event: *mut IwEvent) -> IwStatus {
    status(|| {
        // SAFETY: passed on with the caller's promise.
        let (session, event) = unsafe { (open(session)?, Out::new(event)?) };
        event.put(session.poll_event().ok_or(IwStatus::None)?);
        Ok(())
    })
}

/// Stores the next datagram to send, `*len` bytes at `datagram`, and its receiver in `*peer`; `IW_STATUS_NONE` if there is
/// none. The buffer has `capacity` bytes, at least `IW_MAX_DATAGRAM_SIZE`.
///
/// # Safety
///
/// `session` as in `iw_session_clear`; the others are null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_session_poll_transmit(
    session: *mut IwSession,
    datagram: *mut u8,
    capacity: usize,
    len: *mut usize,
    peer: *mut u32,
) -> IwStatus {
    status(|| {
        // SAFETY: passed on with the caller's promise.
        let (session, buf) = unsafe { (open(session)?, datagram_buf(datagram, capacity)?) };
        // SAFETY: the same.
        let (len, peer) = unsafe { (Out::new(len)?, Out::new(peer)?) };
        let transmit = session.poll_transmit(buf).ok_or(IwStatus::None)?;
        len.put(transmit.datagram.len());
        peer.put(transmit.peer.get());
        Ok(())
    })
}

/// Stores the next datagram to one peer, `*len` bytes at `datagram`; `IW_STATUS_NONE` if there is none. For peers on
/// channels of their own: one whose channel is congested is not polled, and the others do not wait. The buffer has
/// `capacity` bytes, at least `IW_MAX_DATAGRAM_SIZE`.
///
/// # Safety
///
/// As for `iw_session_poll_transmit`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_session_poll_transmit_to(
    session: *mut IwSession,
    peer: u32,
    datagram: *mut u8,
    capacity: usize,
    len: *mut usize,
) -> IwStatus {
    status(|| {
        // SAFETY: passed on with the caller's promise.
        let (session, buf) = unsafe { (open(session)?, datagram_buf(datagram, capacity)?) };
        // SAFETY: the same.
        let len = unsafe { Out::new(len)? };
        let transmit = session.poll_transmit_to(PeerId::new(peer), buf).ok_or(IwStatus::None)?;
        len.put(transmit.datagram.len());
        Ok(())
    })
}

/// Stores the time of the next `iw_session_handle_timeout`; `IW_STATUS_NONE` if nothing will be due.
///
/// # Safety
///
/// `session` as in `iw_session_clear`; `at_us` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_session_poll_timeout(session: *const IwSession, at_us: *mut u64) -> IwStatus {
    status(|| {
        // SAFETY: passed on with the caller's promise.
        let (session, at_us) = unsafe { (open(session)?, Out::new(at_us)?) };
        at_us.put(session.poll_timeout().ok_or(IwStatus::None)?.as_micros());
        Ok(())
    })
}

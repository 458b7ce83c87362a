//! A session in memory of its own.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ptr::{null, null_mut};

use inputwire_c::*;

/// The size in bytes of every test's memory: enough for the largest session.
pub(crate) const MEMORY: usize = 16_384;

/// Zeroed memory from the heap.
pub(crate) struct Memory(*mut u8);

impl Memory {
    const LAYOUT: Layout = match Layout::from_size_align(MEMORY, IW_SESSION_ALIGN) {
        Ok(layout) => layout,
        Err(_) => unreachable!(),
    };

    pub(crate) fn new() -> Self {
        // SAFETY: the layout is not empty.
        Self(unsafe { alloc_zeroed(Self::LAYOUT) })
    }

    pub(crate) fn start(&self) -> *mut u8 {
        self.0
    }

    pub(crate) fn fill(&self, byte: u8) {
        // SAFETY: memory of `self`.
        unsafe { self.0.write_bytes(byte, MEMORY) };
    }

    pub(crate) fn is_zero(&self) -> bool {
        // SAFETY: memory of `self`.
        unsafe { std::slice::from_raw_parts(self.0, MEMORY) }.iter().all(|byte| *byte == 0)
    }
}

impl Clone for Memory {
    fn clone(&self) -> Self {
        let copy = Self::new();
        // SAFETY: two separate allocations of this size.
        unsafe { copy.0.copy_from_nonoverlapping(self.0, MEMORY) };
        copy
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout in `new`.
        unsafe { dealloc(self.0, Self::LAYOUT) };
    }
}

/// The default settings for a player, with an incarnation.
pub(crate) fn config(player: u32) -> IwConfig {
    let mut config = std::mem::MaybeUninit::uninit();
    // SAFETY: initialized by the first call.
    let mut config: IwConfig = unsafe {
        assert_eq!(iw_config_default(config.as_mut_ptr()), IwStatus::Ok);
        config.assume_init()
    };
    config.local_player = player;
    config.incarnation = (1 << 40) + u64::from(player);
    config
}

/// The default settings of a peer with a player number.
pub(crate) fn peer_config(player: u32) -> IwPeerConfig {
    let mut config = std::mem::MaybeUninit::uninit();
    // SAFETY: initialized by the first call.
    let config: IwPeerConfig = unsafe {
        assert_eq!(iw_peer_config_default(config.as_mut_ptr()), IwStatus::Ok);
        config.assume_init()
    };
    IwPeerConfig { player, ..config }
}

/// A session with its memory.
pub(crate) struct Endpoint {
    _memory: Memory,
    pub(crate) session: *mut IwSession,
    pub(crate) input_len: usize,
}

impl Endpoint {
    pub(crate) fn new(max_peers: u32, input_len: u32, player: u32) -> Self {
        Self::with(max_peers, input_len, &config(player))
    }

    pub(crate) fn with(max_peers: u32, input_len: u32, config: &IwConfig) -> Self {
        let memory = Memory::new();
        let mut session = null_mut();
        let size = iw_session_size(max_peers, input_len);
        let status = unsafe { iw_session_init(memory.start(), size, max_peers, input_len, config, &raw mut session) };
        assert_eq!(status, IwStatus::Ok);
        Self { _memory: memory, session, input_len: usize::try_from(input_len).unwrap() }
    }

    pub(crate) fn add(&self, now: u64, wire: u32, player: u32) -> Result<u32, IwStatus> {
        self.add_with_key(now, wire, player, None)
    }

    pub(crate) fn add_with_key(
        &self,
        now: u64,
        wire: u32,
        player: u32,
        key: Option<[u8; 16]>,
    ) -> Result<u32, IwStatus> {
        let mut peer = IW_NO_PEER;
        let key = key.as_ref().map_or(null(), |key| key.as_ptr());
        match unsafe { iw_session_add_peer(self.session, now, wire, player, 0, key, &raw mut peer) } {
            IwStatus::Ok => Ok(peer),
            status => Err(status),
        }
    }

    /// Adds a player that takes part from a later frame.
    pub(crate) fn add_from(&self, now: u64, player: u32, from: u32) -> Result<u32, IwStatus> {
        self.add_as(now, &IwPeerConfig { join_frame: from, ..peer_config(player) })
    }

    pub(crate) fn add_as(&self, now: u64, config: &IwPeerConfig) -> Result<u32, IwStatus> {
        let mut peer = IW_NO_PEER;
        match unsafe { iw_session_add_peer_with(self.session, now, config, &raw mut peer) } {
            IwStatus::Ok => Ok(peer),
            status => Err(status),
        }
    }

    pub(crate) fn push(&self, now: u64, input: &[u8]) -> Result<u32, IwStatus> {
        let mut frame = IW_NO_PEER;
        match unsafe {
            iw_session_push_input(self.session, now, input.as_ptr(), input.len(), &raw mut frame, null_mut())
        } {
            IwStatus::Ok => Ok(frame),
            status => Err(status),
        }
    }

    pub(crate) fn handle(&self, now: u64, from: u32, datagram: &[u8]) -> IwStatus {
        unsafe { iw_session_handle_datagram(self.session, now, from, datagram.as_ptr(), datagram.len()) }
    }

    pub(crate) fn event(&self) -> Option<IwEvent> {
        let mut event = std::mem::MaybeUninit::uninit();
        match unsafe { iw_session_poll_event(self.session, event.as_mut_ptr()) } {
            // SAFETY: initialized by the call.
            IwStatus::Ok => Some(unsafe { event.assume_init() }),
            status => {
                assert_eq!(status, IwStatus::None);
                None
            }
        }
    }

    pub(crate) fn transmit(&self) -> Option<(u32, Vec<u8>)> {
        let (mut buf, mut len, mut peer) = ([0; IW_MAX_DATAGRAM_SIZE], 0, 0);
        let status =
            unsafe { iw_session_poll_transmit(self.session, buf.as_mut_ptr(), buf.len(), &raw mut len, &raw mut peer) };
        match status {
            IwStatus::Ok => Some((peer, buf[..len].to_vec())),
            status => {
                assert_eq!(status, IwStatus::None);
                None
            }
        }
    }

    /// Calls a getter of the session that stores a `u32`.
    pub(crate) fn get(&self, getter: unsafe extern "C" fn(*const IwSession, *mut u32) -> IwStatus) -> Option<u32> {
        let mut value = 0;
        match unsafe { getter(self.session, &raw mut value) } {
            IwStatus::Ok => Some(value),
            status => {
                assert_eq!(status, IwStatus::None);
                None
            }
        }
    }

    /// Calls a getter of a peer that stores a `u32`.
    pub(crate) fn get_of(
        &self,
        peer: u32,
        getter: unsafe extern "C" fn(*const IwSession, u32, *mut u32) -> IwStatus,
    ) -> Option<u32> {
        let mut value = 0;
        match unsafe { getter(self.session, peer, &raw mut value) } {
            IwStatus::Ok => Some(value),
            status => {
                assert_eq!(status, IwStatus::None);
                None
            }
        }
    }

    pub(crate) fn stats(&self, peer: u32) -> Option<IwStats> {
        let mut stats = std::mem::MaybeUninit::uninit();
        match unsafe { iw_peer_stats(self.session, peer, stats.as_mut_ptr()) } {
            // SAFETY: initialized by the call.
            IwStatus::Ok => Some(unsafe { stats.assume_init() }),
            _ => None,
        }
    }
}

/// The null session.
pub(crate) fn no_session() -> *mut IwSession {
    null_mut()
}

//! Everything that touches a pointer: which pointers are refused, and how memory behind the others is read and written.

use core::mem::offset_of;

use inputwire::{Config, Hello, HelloError, MAX_DATAGRAM_SIZE, PeerConfig, Session};

use crate::any_session::Wires;
use crate::status::IwStatus;
use crate::types::{IW_MAX_INPUT_LEN, IW_SESSION_ALIGN};

/// A session in memory that the caller owns: `iw_session_size` bytes, which must not be moved.
#[repr(C)]
#[derive(Debug)]
pub struct IwSession {
    header: Header,
}

/// The start of every session, by which it is recognized.
#[repr(C, align(16))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Header {
    magic: u64,
    /// The address of this header, so that a moved or copied session is recognized as foreign.
    address: u64,
    max_peers: u32,
    input_len: u32,
    reserved: u64,
}

/// The last byte is the version of the interface.
const MAGIC: u64 = u64::from_le_bytes(*b"inputw\x00\x01");

/// The default of `Session`, `IW_WINDOW`.
const WINDOW: usize = 120;

/// The alignment of a session and its header, on every target.
pub(crate) const ALIGN: usize = IW_SESSION_ALIGN;

/// A session with its header, as it lies in memory.
#[repr(C)]
pub(crate) struct Slot<const MAX_PEERS: usize, const INPUT_LEN: usize> {
    header: Header,
    pub(crate) session: Session<MAX_PEERS, INPUT_LEN, WINDOW>,
}

/// An open session of any size that is built in.
#[cfg(not(one_size))]
pub(crate) type Opened = dyn crate::any_session::AnySession;
/// An open session of the only size that is built in: without a vtable the linker can drop what is never called.
#[cfg(one_size)]
pub(crate) type Opened = Slot<
    { first_enabled([cfg!(feature = "peers-1"), cfg!(feature = "peers-2"), true, true, true]) },
    {
        let inputs = [
            cfg!(feature = "input-1"),
            cfg!(feature = "input-2"),
            cfg!(feature = "input-4"),
            cfg!(feature = "input-8"),
            true,
        ];
        1 << (first_enabled(inputs) - 1)
    },
>;

/// The number of the first enabled feature, counted from 1.
#[cfg(one_size)]
const fn first_enabled(features: [bool; 5]) -> usize {
    let [one, two, three, four, _] = features;
    if one {
        1
    } else if two {
        2
    } else if three {
        3
    } else if four {
        4
    } else {
        5
    }
}

impl<const MAX_PEERS: usize, const INPUT_LEN: usize> Slot<MAX_PEERS, INPUT_LEN> {
    const ALIGNED: () = assert!(align_of::<Self>() == ALIGN && offset_of!(Self, header) == 0);
}

/// An operation that is generic over the size of a session.
trait Visit {
    type Output;
    fn visit<const MAX_PEERS: usize, const INPUT_LEN: usize>(self) -> Self::Output
    where
        PeerConfig<INPUT_LEN>: Wires;
}

/// Runs an operation for sessions of exactly this size, if it is built in.
fn visit<V: Visit>(max_peers: u32, input_len: u32, operation: V) -> Result<V::Output, IwStatus> {
    fn with_peers<const MAX_PEERS: usize, V: Visit>(input_len: u32, operation: V) -> Result<V::Output, IwStatus> {
        match input_len {
            #[cfg(feature = "input-1")]
            1 => Ok(operation.visit::<MAX_PEERS, 1>()),
            #[cfg(feature = "input-2")]
            2 => Ok(operation.visit::<MAX_PEERS, 2>()),
            #[cfg(feature = "input-4")]
            4 => Ok(operation.visit::<MAX_PEERS, 4>()),
            #[cfg(feature = "input-8")]
            8 => Ok(operation.visit::<MAX_PEERS, 8>()),
            #[cfg(feature = "input-16")]
            16 => Ok(operation.visit::<MAX_PEERS, 16>()),
            _ => Err(IwStatus::NoSuchSize),
        }
    }
    match max_peers {
        #[cfg(feature = "peers-1")]
        1 => with_peers::<1, V>(input_len, operation),
        #[cfg(feature = "peers-2")]
        2 => with_peers::<2, V>(input_len, operation),
        #[cfg(feature = "peers-3")]
        3 => with_peers::<3, V>(input_len, operation),
        _ => Err(IwStatus::NoSuchSize),
    }
}

/// The smallest `MAX_PEERS` built in that fits `peers`.
fn built_in_max_peers(peers: u32) -> Result<u32, IwStatus> {
    match peers {
        1 if cfg!(feature = "peers-1") => Ok(1),
        1 | 2 if cfg!(feature = "peers-2") => Ok(2),
        1..=3 if cfg!(feature = "peers-3") => Ok(3),
        _ => Err(IwStatus::NoSuchSize),
    }
}

/// The size in bytes of a session with its header.
pub(crate) fn size(max_peers: u32, input_len: u32) -> Result<usize, IwStatus> {
    struct Size;
    impl Visit for Size {
        type Output = usize;
        fn visit<const MAX_PEERS: usize, const INPUT_LEN: usize>(self) -> usize {
            const { Slot::<MAX_PEERS, INPUT_LEN>::ALIGNED };
            size_of::<Slot<MAX_PEERS, INPUT_LEN>>()
        }
    }
    visit(built_in_max_peers(max_peers)?, input_len, Size)
}

/// Whether a session with inputs of this length could play with the sender of a hello.
pub(crate) fn fits(hello: &Hello<'_>, config: &Config, input_len: u32) -> Result<Result<(), HelloError>, IwStatus> {
    struct Fits<'a>(&'a Hello<'a>, &'a Config);
    impl Visit for Fits<'_> {
        type Output = Result<(), HelloError>;
        fn visit<const MAX_PEERS: usize, const INPUT_LEN: usize>(self) -> Self::Output {
            self.0.fits::<INPUT_LEN, WINDOW>(self.1)
        }
    }
    visit(built_in_max_peers(1)?, input_len, Fits(hello, config))
}

/// Sets up a session in the caller's memory.
///
/// # Safety
///
/// `memory` is null, or `len` bytes at it may be written and nothing else uses them.
pub(crate) unsafe fn init(
    memory: *mut u8,
    len: usize,
    max_peers: u32,
    input_len: u32,
    config: Config,
) -> Result<*mut IwSession, IwStatus> {
    struct Init {
        memory: *mut u8,
        header: Header,
        config: Config,
    }
    impl Visit for Init {
        type Output = ();
        fn visit<const MAX_PEERS: usize, const INPUT_LEN: usize>(self) {
            let slot = Slot::<MAX_PEERS, INPUT_LEN> { header: self.header, session: Session::new(self.config) };
            // SAFETY: `init` has checked that the memory is aligned and long enough for this slot, and the caller has
            // promised that it may be written.
            unsafe { self.memory.cast::<Slot<MAX_PEERS, INPUT_LEN>>().write(slot) }
        }
    }
    let size = size(max_peers, input_len)?;
    check(memory, ALIGN)?;
    if len < size {
        return Err(IwStatus::Short);
    }
    let max_peers = built_in_max_peers(max_peers)?;
    let header = Header { magic: MAGIC, address: address(memory), max_peers, input_len, reserved: 0 };
    visit(max_peers, input_len, Init { memory, header, config })?;
    Ok(memory.cast())
}

/// Returns the session that `init` has set up.
///
/// # Safety
///
/// `session` is null, or the bytes of a header at it may be read. If they are what `init` has written there, the whole
/// session may be read and written, and nothing else uses it while the result is borrowed.
#[inline(never)]
pub(crate) unsafe fn open<'a>(session: *const IwSession) -> Result<&'a mut Opened, IwStatus> {
    struct Open(*mut IwSession);
    impl Visit for Open {
        type Output = *mut Opened;
        fn visit<const MAX_PEERS: usize, const INPUT_LEN: usize>(self) -> *mut Opened
        where
            PeerConfig<INPUT_LEN>: Wires,
        {
            #[cfg(not(one_size))]
            return self.0.cast::<Slot<MAX_PEERS, INPUT_LEN>>();
            #[cfg(one_size)]
            return self.0.cast();
        }
    }
    // SAFETY: as the caller has promised.
    let header = unsafe { header(session)? };
    let slot = visit(header.max_peers, header.input_len, Open(session.cast_mut())).map_err(|_| IwStatus::Foreign)?;
    // SAFETY: by its header, `init` has set up a slot of this size at this address, and only these functions have written
    // to it since; the caller has promised that nothing else uses it now.
    Ok(unsafe { &mut *slot })
}

/// Overwrites a session, its key included, so that its memory is foreign from now on.
///
/// # Safety
///
/// As for [`open`].
pub(crate) unsafe fn clear(session: *mut IwSession) -> Result<(), IwStatus> {
    // SAFETY: as the caller has promised.
    let header = unsafe { header(session)? };
    let size = size(header.max_peers, header.input_len).map_err(|_| IwStatus::Foreign)?;
    // SAFETY: by its header, the session is `size` bytes, and the caller has promised that they may be written. Nothing in
    // a session needs to be dropped.
    unsafe { session.cast::<u8>().write_bytes(0, size) };
    Ok(())
}

/// Returns the header of a session, or why there is none.
///
/// # Safety
///
/// As for [`open`].
unsafe fn header(session: *const IwSession) -> Result<Header, IwStatus> {
    check(session, ALIGN)?;
    // SAFETY: not null, aligned, and the caller has promised that a header's bytes may be read. Any bytes are a valid
    // `Header`.
    let header = unsafe { (*session).header };
    if header.magic != MAGIC || header.address != address(session) {
        return Err(IwStatus::Foreign);
    }
    Ok(header)
}

/// An output parameter: not null, aligned, and writable by the caller's promise.
pub(crate) struct Out<T>(*mut T);

impl<T> Out<T> {
    /// Checks the pointer, so that a bad one is refused before the call has any effect.
    ///
    /// # Safety
    ///
    /// `to` is null, or misaligned, or may be written, by nothing else, while the result exists.
    pub(crate) unsafe fn new(to: *mut T) -> Result<Self, IwStatus> {
        check(to, align_of::<T>())?;
        Ok(Self(to))
    }

    /// Like [`new`](Self::new), for an output that the caller may leave out by passing null.
    ///
    /// # Safety
    ///
    /// As for [`new`](Self::new).
    pub(crate) unsafe fn optional(to: *mut T) -> Result<Option<Self>, IwStatus> {
        if to.is_null() {
            return Ok(None);
        }
        // SAFETY: as the caller has promised.
        unsafe { Self::new(to) }.map(Some)
    }

    pub(crate) fn put(self, value: T) {
        // SAFETY: not null, aligned, and the caller of `new` has promised that it may be written.
        unsafe { self.0.write(value) }
    }
}

/// Returns the bytes that the caller lends, cut to one more than the longest datagram.
///
/// # Safety
///
/// `from` is null or `len` bytes at it may be read, and nothing writes them while the result is borrowed.
// As `put_input`.
#[inline(never)]
pub(crate) unsafe fn bytes<'a>(from: *const u8, len: usize) -> Result<&'a [u8], IwStatus> {
    if len == 0 {
        return Ok(&[]);
    }
    check(from, 1)?;
    // Anything longer than a datagram is refused for its length, so the rest is never read.
    let len = len.min(MAX_DATAGRAM_SIZE.saturating_add(1));
    // SAFETY: not null, and the caller has promised that so many bytes may be read.
    Ok(unsafe { core::slice::from_raw_parts(from, len) })
}

/// Returns the key that the caller lends, if there is one.
///
/// # Safety
///
/// `key` is null or 16 bytes at it may be read.
pub(crate) unsafe fn optional_key(key: *const u8) -> Option<[u8; 16]> {
    // SAFETY: not null, bytes are always aligned, and the caller has promised that so many may be read.
    (!key.is_null()).then(|| unsafe { key.cast::<[u8; 16]>().read() })
}

/// Returns the caller's buffer for a datagram.
///
/// # Safety
///
/// `buf` is null or `len` bytes at it may be written, and nothing else uses them while the result is borrowed.
pub(crate) unsafe fn datagram_buf<'a>(buf: *mut u8, len: usize) -> Result<&'a mut [u8; MAX_DATAGRAM_SIZE], IwStatus> {
    check(buf, 1)?;
    if len < MAX_DATAGRAM_SIZE {
        return Err(IwStatus::Short);
    }
    // SAFETY: not null, long enough, and the caller has promised that it may be written. It is filled first because it may
    // be uninitialized.
    unsafe {
        buf.write_bytes(0, MAX_DATAGRAM_SIZE);
        Ok(&mut *buf.cast())
    }
}

/// Copies an input to the caller's buffer, which must be at least as long.
///
/// # Safety
///
/// As for [`datagram_buf`].
// Out of line: several calls share it, and modules for the browser are small.
#[inline(never)]
pub(crate) unsafe fn put_input(to: *mut u8, len: usize, input: &[u8]) -> Result<(), IwStatus> {
    check(to, 1)?;
    if len < input.len() || input.len() > IW_MAX_INPUT_LEN {
        return Err(IwStatus::Short);
    }
    // SAFETY: not null, long enough, and the caller has promised that it may be written. It cannot overlap `input`, a
    // copy on this library's stack.
    unsafe { to.copy_from_nonoverlapping(input.as_ptr(), input.len()) };
    Ok(())
}

/// Out of line, since every pointer of every call is checked.
#[inline(never)]
pub(crate) fn check<T>(pointer: *const T, align: usize) -> Result<(), IwStatus> {
    if pointer.is_null() {
        Err(IwStatus::Null)
    } else if pointer.addr() & align.saturating_sub(1) != 0 {
        Err(IwStatus::Misaligned)
    } else {
        Ok(())
    }
}

pub(crate) fn address<T>(pointer: *const T) -> u64 {
    // No target has addresses of more than 64 bits.
    u64::try_from(pointer.addr()).unwrap_or(u64::MAX)
}

/// Copies a value that the caller has set up.
///
/// # Safety
///
/// `from` is null, or misaligned, or may be read and is a `T`.
pub(crate) unsafe fn read<T: Copy>(from: *const T) -> Result<T, IwStatus> {
    check(from, align_of::<T>())?;
    // SAFETY: not null, aligned, and the caller has promised that it may be read.
    Ok(unsafe { from.read() })
}

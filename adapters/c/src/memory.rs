//! What the functions know of pointers: which they refuse, and how they read and write through the others.

use core::mem::offset_of;

use inputwire::{Config, DATAGRAM_MAX, PeerConfig, Session};

use crate::machine::Wires;
use crate::status::IwStatus;
use crate::types::{INPUT_MAX, IW_SESSION_ALIGN};

/// A session in memory that the caller owns. Its size is what `iw_session_size` says; it must not be moved.
#[repr(C)]
#[derive(Debug)]
pub struct IwSession {
    header: Header,
}

/// Stands before every session, and tells it from other memory.
#[repr(C, align(16))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Header {
    magic: u64,
    /// Where this header is: bytes that were copied from elsewhere are no session.
    address: u64,
    /// For how many peers there is room, and the bytes of an input.
    peers: u32,
    input: u32,
    reserved: u64,
}

/// "inputwire" would not fit; the last byte is the version of the interface.
const MAGIC: u64 = u64::from_le_bytes(*b"inputw\x00\x01");

/// Of a session and its header, on every machine.
pub(crate) const ALIGN: usize = IW_SESSION_ALIGN;

/// A session as it lies in memory.
#[repr(C)]
pub(crate) struct Slot<const PEERS: usize, const INPUT: usize> {
    header: Header,
    pub(crate) session: Session<PEERS, INPUT>,
}

/// The session of any size that is built in.
#[cfg(not(one_size))]
pub(crate) type Any = dyn crate::machine::Machine;
/// Where only one is, it is known which, and what nobody calls is not linked.
#[cfg(one_size)]
pub(crate) type Any = Slot<
    { of_feature([cfg!(feature = "peers-1"), cfg!(feature = "peers-2"), true, true, true]) },
    {
        let inputs = [
            cfg!(feature = "input-1"),
            cfg!(feature = "input-2"),
            cfg!(feature = "input-4"),
            cfg!(feature = "input-8"),
            true,
        ];
        1 << (of_feature(inputs) - 1)
    },
>;

/// The number, from 1, of the first feature that is on.
#[cfg(one_size)]
const fn of_feature(on: [bool; 5]) -> usize {
    let [one, two, three, four, _] = on;
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

impl<const PEERS: usize, const INPUT: usize> Slot<PEERS, INPUT> {
    const ALIGNED: () = assert!(align_of::<Self>() == ALIGN && offset_of!(Self, header) == 0);
}

/// Something to be done with the session of one size.
trait Visit {
    type Answer;
    fn visit<const PEERS: usize, const INPUT: usize>(self) -> Self::Answer
    where
        PeerConfig<INPUT>: Wires;
}

/// Visits the session with room for exactly so many peers, if it is built in.
fn at<V: Visit>(peers: u32, input: u32, visit: V) -> Result<V::Answer, IwStatus> {
    fn of<const PEERS: usize, V: Visit>(input: u32, visit: V) -> Result<V::Answer, IwStatus> {
        match input {
            #[cfg(feature = "input-1")]
            1 => Ok(visit.visit::<PEERS, 1>()),
            #[cfg(feature = "input-2")]
            2 => Ok(visit.visit::<PEERS, 2>()),
            #[cfg(feature = "input-4")]
            4 => Ok(visit.visit::<PEERS, 4>()),
            #[cfg(feature = "input-8")]
            8 => Ok(visit.visit::<PEERS, 8>()),
            #[cfg(feature = "input-16")]
            16 => Ok(visit.visit::<PEERS, 16>()),
            _ => Err(IwStatus::NoSuchSize),
        }
    }
    match peers {
        #[cfg(feature = "peers-1")]
        1 => of::<1, V>(input, visit),
        #[cfg(feature = "peers-2")]
        2 => of::<2, V>(input, visit),
        #[cfg(feature = "peers-3")]
        3 => of::<3, V>(input, visit),
        _ => Err(IwStatus::NoSuchSize),
    }
}

/// The smallest room built in that so many peers fit in.
fn room(peers: u32) -> Result<u32, IwStatus> {
    match peers {
        1 if cfg!(feature = "peers-1") => Ok(1),
        1 | 2 if cfg!(feature = "peers-2") => Ok(2),
        1..=3 if cfg!(feature = "peers-3") => Ok(3),
        _ => Err(IwStatus::NoSuchSize),
    }
}

/// The bytes of a session and its header.
pub(crate) fn size(peers: u32, input: u32) -> Result<usize, IwStatus> {
    struct Size;
    impl Visit for Size {
        type Answer = usize;
        fn visit<const PEERS: usize, const INPUT: usize>(self) -> usize {
            const { Slot::<PEERS, INPUT>::ALIGNED };
            size_of::<Slot<PEERS, INPUT>>()
        }
    }
    at(room(peers)?, input, Size)
}

/// Sets up a session in the caller's memory.
///
/// # Safety
///
/// `memory` is null, or `len` bytes at it may be written and nobody else uses them.
pub(crate) unsafe fn init(
    memory: *mut u8,
    len: usize,
    peers: u32,
    input: u32,
    config: Config,
) -> Result<*mut IwSession, IwStatus> {
    struct Init {
        at: *mut u8,
        header: Header,
        config: Config,
    }
    impl Visit for Init {
        type Answer = ();
        fn visit<const PEERS: usize, const INPUT: usize>(self) {
            let slot = Slot::<PEERS, INPUT> { header: self.header, session: Session::new(self.config) };
            // SAFETY: `init` has seen that the memory is aligned and long enough for this slot, and the caller has
            // promised that it may be written.
            unsafe { self.at.cast::<Slot<PEERS, INPUT>>().write(slot) }
        }
    }
    let size = size(peers, input)?;
    check(memory, ALIGN)?;
    if len < size {
        return Err(IwStatus::Short);
    }
    let peers = room(peers)?;
    let header = Header { magic: MAGIC, address: address(memory), peers, input, reserved: 0 };
    at(peers, input, Init { at: memory, header, config })?;
    Ok(memory.cast())
}

/// The session in memory that `init` has set up.
///
/// # Safety
///
/// `session` is null, or the bytes of a header at it may be read; if they are what `init` has written there, the whole
/// session may be read and written, and nobody else uses it while the answer lives.
#[inline(never)]
pub(crate) unsafe fn open<'a>(session: *const IwSession) -> Result<&'a mut Any, IwStatus> {
    struct Open(*mut IwSession);
    impl Visit for Open {
        type Answer = *mut Any;
        fn visit<const PEERS: usize, const INPUT: usize>(self) -> *mut Any
        where
            PeerConfig<INPUT>: Wires,
        {
            #[cfg(not(one_size))]
            return self.0.cast::<Slot<PEERS, INPUT>>();
            #[cfg(one_size)]
            return self.0.cast();
        }
    }
    // SAFETY: as the caller has promised.
    let header = unsafe { header(session)? };
    let slot = at(header.peers, header.input, Open(session.cast_mut())).map_err(|_| IwStatus::Foreign)?;
    // SAFETY: the header says that `init` has set up a slot of this size exactly here, and nobody but these functions has
    // written to it since; the caller has promised that nobody else uses it now.
    Ok(unsafe { &mut *slot })
}

/// Makes the memory of a session other memory, and forgets its key.
///
/// # Safety
///
/// As for [`open`].
pub(crate) unsafe fn clear(session: *mut IwSession) -> Result<(), IwStatus> {
    // SAFETY: as the caller has promised.
    let header = unsafe { header(session)? };
    let size = size(header.peers, header.input).map_err(|_| IwStatus::Foreign)?;
    // SAFETY: the header says that so many bytes are a session, and the caller has promised that they may be written.
    // Nothing in a session needs to be dropped.
    unsafe { session.cast::<u8>().write_bytes(0, size) };
    Ok(())
}

/// The header of a session, if it is one.
///
/// # Safety
///
/// As for [`open`].
unsafe fn header(session: *const IwSession) -> Result<Header, IwStatus> {
    check(session, ALIGN)?;
    // SAFETY: not null, aligned, and the caller has promised that a header's bytes may be read. Any bytes are a header.
    let header = unsafe { (*session).header };
    if header.magic != MAGIC || header.address != address(session) {
        return Err(IwStatus::Foreign);
    }
    Ok(header)
}

/// Where the caller wants something to be written.
pub(crate) struct Out<T>(*mut T);

impl<T> Out<T> {
    /// Refuses what cannot be written to, before anything is done.
    ///
    /// # Safety
    ///
    /// `to` is null, or misaligned, or may be written, by nobody else, while the answer lives.
    pub(crate) unsafe fn new(to: *mut T) -> Result<Self, IwStatus> {
        check(to, align_of::<T>())?;
        Ok(Self(to))
    }

    /// The same for what the caller may not care for, and then passes null.
    ///
    /// # Safety
    ///
    /// As for [`Self::new`].
    pub(crate) unsafe fn optional(to: *mut T) -> Result<Option<Self>, IwStatus> {
        if to.is_null() {
            return Ok(None);
        }
        // SAFETY: as the caller has promised.
        unsafe { Self::new(to) }.map(Some)
    }

    pub(crate) fn put(self, value: T) {
        // SAFETY: not null, aligned, and whoever called `new` has promised that it may be written.
        unsafe { self.0.write(value) }
    }
}

/// The bytes that the caller lends.
///
/// # Safety
///
/// `from` is null or `len` bytes at it may be read, and nobody writes them while the answer lives.
pub(crate) unsafe fn bytes<'a>(from: *const u8, len: usize) -> Result<&'a [u8], IwStatus> {
    if len == 0 {
        return Ok(&[]);
    }
    check(from, 1)?;
    // What is longer than any datagram is refused for that alone, so the rest need not be looked at, however long it is.
    let len = len.min(DATAGRAM_MAX.saturating_add(1));
    // SAFETY: not null, and the caller has promised that so many bytes may be read.
    Ok(unsafe { core::slice::from_raw_parts(from, len) })
}

/// The caller's buffer for a datagram.
///
/// # Safety
///
/// `buffer` is null or `len` bytes at it may be written, and nobody else uses them while the answer lives.
pub(crate) unsafe fn buffer<'a>(buffer: *mut u8, len: usize) -> Result<&'a mut [u8; DATAGRAM_MAX], IwStatus> {
    check(buffer, 1)?;
    if len < DATAGRAM_MAX {
        return Err(IwStatus::Short);
    }
    // SAFETY: not null, long enough, and the caller has promised that it may be written. It is filled first, since
    // nobody has promised that anything was ever written there.
    unsafe {
        buffer.write_bytes(0, DATAGRAM_MAX);
        Ok(&mut *buffer.cast())
    }
}

/// The caller's buffer for an input: as long as an input of the session, or longer.
///
/// # Safety
///
/// As for [`buffer`].
pub(crate) unsafe fn put_input(to: *mut u8, len: usize, input: &[u8]) -> Result<(), IwStatus> {
    check(to, 1)?;
    if len < input.len() || input.len() > INPUT_MAX {
        return Err(IwStatus::Short);
    }
    // SAFETY: not null, long enough, and the caller has promised that it may be written; it is not our input's memory,
    // which is in our own frame.
    unsafe { to.copy_from_nonoverlapping(input.as_ptr(), input.len()) };
    Ok(())
}

fn check<T>(pointer: *const T, align: usize) -> Result<(), IwStatus> {
    if pointer.is_null() {
        Err(IwStatus::Null)
    } else if pointer.addr() & align.saturating_sub(1) != 0 {
        Err(IwStatus::Misaligned)
    } else {
        Ok(())
    }
}

fn address<T>(pointer: *const T) -> u64 {
    // No machine has longer addresses; there, all sessions would have one.
    u64::try_from(pointer.addr()).unwrap_or(u64::MAX)
}

/// What the caller has set up for us.
///
/// # Safety
///
/// `from` is null, or misaligned, or may be read and is a `T`.
pub(crate) unsafe fn read<T: Copy>(from: *const T) -> Result<T, IwStatus> {
    check(from, align_of::<T>())?;
    // SAFETY: not null, aligned, and the caller has promised that it may be read.
    Ok(unsafe { from.read() })
}

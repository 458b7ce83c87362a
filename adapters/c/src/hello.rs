//! Whose hello a datagram is, for a server that has no session for its sender yet: `iw_hello_x` is `Hello::x` in Rust.

use inputwire::{Hello, HelloError};

use crate::memory::{self, Out, bytes};
use crate::session::status;
use crate::status::IwStatus;
use crate::types::{IwConfig, IwField};

/// The hello in a datagram of the compact wire. Nothing is verified: any bytes may look like one.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IwHello {
    /// The version of the compact wire that its sender speaks; this library speaks 1.
    pub version: u32,
    /// The player number of its sender.
    pub sender: u32,
    /// The player number of whom it is for.
    pub receiver: u32,
}

/// A setting of the sender of a hello that differs.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IwMismatch {
    /// What differs.
    pub field: IwField,
    /// The local value.
    pub local: u32,
    /// The sender's value.
    pub remote: u32,
}

/// Stores what the hello in a datagram says, before there is a session for its sender; `IW_STATUS_NONE` if the datagram is something
/// else. A server on one socket learns from it who wants to play. Without a key anybody can write a hello, and under one anybody can
/// repeat it: it does not prove that this player sent it.
///
/// # Safety
///
/// `datagram` is null or `len` readable bytes; `hello` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_hello_peek(datagram: *const u8, len: usize, hello: *mut IwHello) -> IwStatus {
    status(|| {
        // SAFETY: passed on with the caller's promise.
        let (datagram, hello) = unsafe { (bytes(datagram, len)?, Out::new(hello)?) };
        let found = Hello::peek(datagram).ok_or(IwStatus::None)?;
        hello.put(IwHello {
            version: found.version().into(),
            sender: found.sender().into(),
            receiver: found.receiver().into(),
        });
        Ok(())
    })
}

/// Returns whether a session with these settings and inputs of `input_len` bytes could play with the sender of the hello in a datagram:
/// `IW_STATUS_OK`; `IW_STATUS_NONE` if it is no hello; why a session would refuse it, such as `IW_STATUS_BAD_TAG` for another session id
/// or key; `IW_STATUS_HELLO_OTHER_PLAYER`; or `IW_STATUS_HELLO_MISMATCH`, and stores in `*mismatch` the setting that differs.
///
/// Where each pair has a key of its own, look it up by the sender that `iw_hello_peek` stores, and set `config->key`.
///
/// # Safety
///
/// `datagram` is null or `len` readable bytes; `config` is null or may be read; `mismatch` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn iw_hello_fits(
    datagram: *const u8,
    len: usize,
    config: *const IwConfig,
    input_len: u32,
    mismatch: *mut IwMismatch,
) -> IwStatus {
    status(|| {
        // SAFETY: passed on with the caller's promise.
        let (datagram, config) = unsafe { (bytes(datagram, len)?, memory::read(config)?.build()?) };
        // SAFETY: the same.
        let mismatch = unsafe { Out::new(mismatch)? };
        let hello = Hello::peek(datagram).ok_or(IwStatus::None)?;
        let fits = memory::fits(&hello, &config, input_len)?;
        if let Err(HelloError::Mismatch { field, local, remote }) = fits {
            mismatch.put(IwMismatch { field: IwField::new(field), local, remote });
        }
        Ok(fits?)
    })
}

// Callers without a C compiler rely on fixed offsets, the same on every target.
const _: () = assert!(size_of::<IwHello>() == 12 && size_of::<IwMismatch>() == 12);

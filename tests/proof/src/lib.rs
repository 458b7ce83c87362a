//! No panic is reachable from any public function of `inputwire`: this library links, though its panic handler calls a
//! function that does not exist. `run.sh` builds it, and proves that a single planted panic makes it fail.
//!
//! The tables below hold a pointer to every public function. The linker knows nothing about who will call them with
//! what, so every argument and every state that the types allow is covered. There is no allocator, either.

#![no_std]

mod doors;

use core::panic::PanicInfo;

use doors::Doors;

unsafe extern "C" {
    /// Defined nowhere.
    fn a_panic_is_reachable() -> !;
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    // SAFETY: never linked, so never called.
    unsafe { a_panic_is_reachable() }
}

#[unsafe(no_mangle)]
static PROOF_SHARED: Doors = doors::SHARED;

#[unsafe(no_mangle)]
static PROOF_1: Doors = doors::session::<1, 120>();

#[unsafe(no_mangle)]
static PROOF_1_SMALL: Doors = doors::session::<1, 2>();

#[unsafe(no_mangle)]
static PROOF_4: Doors = doors::session::<4, 120>();

#[unsafe(no_mangle)]
static PROOF_16: Doors = doors::session::<16, 120>();

#[unsafe(no_mangle)]
static PROOF_255: Doors = doors::session::<255, 127>();

//! Proves that no public function of `inputwire`, `inputwire_failover` and `inputwire_rollback` can panic or allocate: this library links,
//! although its panic handler calls a function that does not exist and there is no allocator. `run.sh` builds it, and
//! shows that a single planted panic makes the link fail.
//!
//! The tables hold a pointer to every public function. The linker does not know who will call them with which arguments,
//! so the proof covers every argument and every state that the types allow.

#![no_std]

mod functions;

use core::panic::PanicInfo;

use functions::Table;

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
static PROOF_SHARED: Table = functions::SHARED;

#[unsafe(no_mangle)]
static PROOF_1: Table = functions::session::<1, 120>();

#[unsafe(no_mangle)]
static PROOF_1_SMALL: Table = functions::session::<1, 2>();

#[unsafe(no_mangle)]
static PROOF_4: Table = functions::session::<4, 120>();

#[unsafe(no_mangle)]
static PROOF_16: Table = functions::session::<16, 120>();

#[unsafe(no_mangle)]
static PROOF_255: Table = functions::session::<255, 127>();

#[unsafe(no_mangle)]
static PROOF_ROLLBACK: Table = functions::rollback::<1, 10>();

#[unsafe(no_mangle)]
static PROOF_LOCKSTEP: Table = functions::rollback::<4, 2>();

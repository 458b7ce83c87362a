//! The panic handler for builds without the standard library. The link proof shows that it is never called.

use core::panic::PanicInfo;

#[cfg(not(feature = "proof"))]
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    #[cfg(target_family = "wasm")]
    core::arch::wasm32::unreachable();
    #[cfg(not(target_family = "wasm"))]
    loop {
        core::hint::spin_loop();
    }
}

#[cfg(feature = "proof")]
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    unsafe extern "C" {
        /// Defined nowhere.
        fn a_panic_is_reachable() -> !;
    }
    // SAFETY: never linked, so never called.
    unsafe { a_panic_is_reachable() }
}

/// Panics for large numbers of peers, so that the proof can be tested.
#[cfg(feature = "planted")]
pub(crate) fn planted(peers: u32) {
    assert!(peers < 100, "planted");
}

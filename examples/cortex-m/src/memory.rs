//! Measures the memory use of the program: statics and flash from linker symbols, the stack from its paint.

unsafe extern "C" {
    // Symbols of the linker script of `cortex-m-rt`. Only their addresses have a meaning.
    static __sidata: u32;
    static __sdata: u32;
    static __edata: u32;
    static __ebss: u32;
    static __euninit: u32;
    static _stack_start: u32;
}

/// The pattern with which `cortex-m-rt` fills the stack before `main`.
const PAINT: u32 = 0xcccc_cccc;

fn address(symbol: *const u32) -> usize {
    symbol.addr()
}

/// Returns the size of all statics in RAM, in bytes.
pub(crate) fn statics() -> usize {
    address(&raw const __ebss) - address(&raw const __sdata)
}

/// Returns the size of vectors, code, constants and initial values in flash, in bytes.
pub(crate) fn flash() -> usize {
    address(&raw const __sidata) + address(&raw const __edata) - address(&raw const __sdata)
}

/// Returns the peak use of the stack so far, in bytes.
pub(crate) fn stack() -> usize {
    let top = address(&raw const _stack_start);
    let mut bottom = &raw const __euninit;
    // SAFETY: everything from the end of the statics to the top of the stack is RAM, aligned, and initialized by the
    // paint.
    while bottom.addr() < top && unsafe { bottom.read_volatile() } == PAINT {
        bottom = bottom.wrapping_add(1);
    }
    top - bottom.addr()
}

//! What the program takes, as the linker and the stack tell it.

unsafe extern "C" {
    // Names that the linker script of `cortex-m-rt` gives. Only their addresses mean something.
    static __sidata: u32;
    static __sdata: u32;
    static __edata: u32;
    static __ebss: u32;
    static __euninit: u32;
    static _stack_start: u32;
}

/// What `cortex-m-rt` paints the stack with before anything runs.
const PAINT: u32 = 0xcccc_cccc;

fn address(symbol: *const u32) -> usize {
    symbol.addr()
}

/// Bytes of RAM that are in use for good: statics, with or without an initial value.
pub(crate) fn fixed() -> usize {
    address(&raw const __ebss) - address(&raw const __sdata)
}

/// Bytes of flash from its beginning: vectors, code, constants and the initial values of statics.
pub(crate) fn flash() -> usize {
    address(&raw const __sidata) + address(&raw const __edata) - address(&raw const __sdata)
}

/// The most bytes of stack that were in use so far.
pub(crate) fn stack() -> usize {
    let top = address(&raw const _stack_start);
    let mut bottom = &raw const __euninit;
    // SAFETY: from the end of the statics to the top of the stack everything is RAM, aligned, and written once by the
    // paint at least; reading it changes nothing.
    while bottom.addr() < top && unsafe { bottom.read_volatile() } == PAINT {
        bottom = bottom.wrapping_add(1);
    }
    top - bottom.addr()
}

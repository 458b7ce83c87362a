//! What the linker needs to know, for each target.

use std::env::var;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux") {
        // memcpy and the like come from the C library; nothing else may be left open, as it may by default.
        println!("cargo::rustc-cdylib-link-arg=-lc");
        println!("cargo::rustc-cdylib-link-arg=-Wl,-z,defs");
    }
    if var("CARGO_CFG_TARGET_FAMILY").is_ok_and(|family| family == "wasm") {
        // No function here needs more than a few KiB, and a page should not pay for a megabyte.
        println!("cargo::rustc-cdylib-link-arg=-zstack-size=65536");
    }
}

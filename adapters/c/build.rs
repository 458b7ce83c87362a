//! What the linker needs to know, for each target.

use std::env::var;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(one_size)");
    let on = |name: &str| var(format!("CARGO_FEATURE_{name}")).is_ok();
    let peers = ["PEERS_1", "PEERS_2", "PEERS_3"].into_iter().filter(|name| on(name)).count();
    let inputs = ["INPUT_1", "INPUT_2", "INPUT_4", "INPUT_8", "INPUT_16"].into_iter().filter(|name| on(name)).count();
    if peers == 1 && inputs == 1 {
        println!("cargo::rustc-cfg=one_size");
    }
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

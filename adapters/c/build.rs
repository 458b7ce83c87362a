//! Linker arguments for each target.

use std::env::var;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(one_size)");
    let enabled = |name: &str| var(format!("CARGO_FEATURE_{name}")).is_ok();
    let peers = ["PEERS_1", "PEERS_2", "PEERS_3"].into_iter().filter(|name| enabled(name)).count();
    let inputs =
        ["INPUT_1", "INPUT_2", "INPUT_4", "INPUT_8", "INPUT_16"].into_iter().filter(|name| enabled(name)).count();
    if peers == 1 && inputs == 1 {
        println!("cargo::rustc-cfg=one_size");
    }
    if var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux") {
        // `memcpy` and its like come from the C library. No other symbol may stay undefined, which is allowed by default.
        println!("cargo::rustc-cdylib-link-arg=-lc");
        println!("cargo::rustc-cdylib-link-arg=-Wl,-z,defs");
    }
    if var("CARGO_CFG_TARGET_FAMILY").is_ok_and(|family| family == "wasm") {
        // No function needs more than a few KiB of stack; the default is 1 MiB.
        println!("cargo::rustc-cdylib-link-arg=-zstack-size=65536");
    }
}

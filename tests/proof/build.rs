//! What the linker needs to know, for each target.

fn main() {
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux") {
        // memcpy and the like come from the C library; nothing else may be left open, as it may by default.
        println!("cargo::rustc-cdylib-link-arg=-lc");
        println!("cargo::rustc-cdylib-link-arg=-Wl,-z,defs");
    }
}

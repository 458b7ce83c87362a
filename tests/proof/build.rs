//! Linker arguments for each target.

fn main() {
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux") {
        // `memcpy` and its like come from the C library. No other symbol may stay undefined, which is allowed by default.
        println!("cargo::rustc-cdylib-link-arg=-lc");
        println!("cargo::rustc-cdylib-link-arg=-Wl,-z,defs");
    }
}

//! The fuzz targets. Their code is in tests/suite/fuzz, where `cargo test` replays the corpus with it.

#[path = "../../tests/suite/fuzz/mod.rs"]
mod targets;

pub use targets::*;

//! The fuzz targets. Their code lies beside the tests, which replay the corpus with it.

#[path = "../../tests/suite/fuzz/mod.rs"]
mod targets;

pub use targets::*;

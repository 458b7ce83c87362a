#![no_main]

// Its body stands with the tests of the crate, which replay the corpus.
#[path = "../../crates/rollback/tests/suite/fuzz.rs"]
mod driver;

libfuzzer_sys::fuzz_target!(|data: &[u8]| driver::run(data));

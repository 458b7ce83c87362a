#![no_main]

// Its body stands with the tests of the crate, which replay the corpus.
#[path = "../../crates/feed/tests/suite/fuzz.rs"]
mod feed;

libfuzzer_sys::fuzz_target!(|data: &[u8]| feed::run(data));

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| inputwire_fuzz::word::run(data));

//! Hostile and broken input: at least one test for each row of the table in `hostile/README.md`, with its id in the name.
//!
//! *Refused* always means an error with the exact reason, and no change except one counter: `support::refuse` proves it.

mod bytes;
mod flips;
mod frames;
mod full;
mod hello;
mod identity;
mod silence;
mod time;
mod words;

use std::fs;
use std::path::Path;

/// The rows of the table: bytes, frames, identity, polling and time, and words.
const ROWS: [(char, u32); 5] = [('b', 10), ('f', 12), ('i', 10), ('p', 12), ('w', 9)];

#[test]
fn every_row_of_the_table_has_a_test_named_after_it() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/hostile");
    let files = fs::read_dir(folder).expect("the folder of these tests");
    let sources: String =
        files.map(|file| fs::read_to_string(file.expect("a file").path()).expect("a source")).collect();
    let missing = |row: &String| !sources.contains(&format!("#[test]\nfn {row}_"));
    let rows = ROWS.into_iter().flat_map(|(letter, last)| (1..=last).map(move |number| format!("{letter}{number}")));
    let missing: Vec<_> = rows.filter(missing).collect();
    assert!(missing.is_empty(), "no test for {missing:?}");
}

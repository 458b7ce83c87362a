//! Everything that can come in wrong, and what becomes of it: a test for each row of the list, its id in the name.
//!
//! *Refused* always means an error with the exact reason, and no change but one counter: `support::refuse` proves it.

mod bytes;
mod flips;
mod frames;
mod full;
mod greeting;
mod identity;
mod silence;
mod time;

use std::fs;
use std::path::Path;

/// The rows of the list: bytes, frames, identity, polling and time.
const ROWS: [(char, u32); 4] = [('b', 10), ('f', 12), ('i', 10), ('p', 12)];

#[test]
fn every_row_of_the_list_has_a_test_named_after_it() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/hostile");
    let files = fs::read_dir(folder).expect("the folder of these tests");
    let sources: String =
        files.map(|file| fs::read_to_string(file.expect("a file").path()).expect("a source")).collect();
    let missing = |row: &String| !sources.contains(&format!("#[test]\nfn {row}_"));
    let rows = ROWS.into_iter().flat_map(|(letter, last)| (1..=last).map(move |number| format!("{letter}{number}")));
    let missing: Vec<_> = rows.filter(missing).collect();
    assert!(missing.is_empty(), "no test for {missing:?}");
}

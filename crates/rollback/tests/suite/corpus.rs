//! Replays the corpus of the fuzz target `driver`.

use std::fs;
use std::path::Path;

use crate::fuzz;

#[test]
fn the_corpus_of_the_fuzz_target_passes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/driver");
    let mut count = 0;
    for file in fs::read_dir(&folder).expect("the corpus") {
        let path = file.expect("a file").path();
        let data = fs::read(&path).expect("a file that can be read");
        let outcome = std::panic::catch_unwind(|| fuzz::run(&data));
        assert!(outcome.is_ok(), "fails with {}", path.display());
        count += 1;
    }
    assert!(count > 0, "the corpus is empty");
}

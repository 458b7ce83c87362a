//! The planted bugs: whoever moves or renames their places sees it here, before the hunt (`tests/planted/run.sh`).

use std::path::Path;

#[path = "../planted/src/bugs.rs"]
mod bugs;

#[test]
fn every_planted_bug_has_its_place() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let bugs = bugs::read(root).expect("the list can be read");
    assert!(!bugs.is_empty());
    let lost: Vec<String> = bugs.iter().filter_map(|bug| bug.plant(root).err()).collect();
    assert!(lost.is_empty(), "{}", lost.join("\n"));
}

//! docs/MIGRATING.md names the test that executes each row of its table of differences.

use std::fs;
use std::path::Path;

fn sources(folder: &Path) -> String {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries
        .map(|path| if path.is_dir() { sources(&path) } else { fs::read_to_string(path).unwrap_or_default() })
        .collect()
}

#[test]
fn every_difference_from_the_original_names_a_test_that_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/MIGRATING.md")).expect("the page");
    let tests = sources(&root.join("tests/suite"));
    let (_, section) = page.split_once("## What behaves differently").expect("the section");
    let (section, _) = section.split_once("\n## ").expect("another section");
    let rows: Vec<&str> = section.lines().filter(|line| line.starts_with('|')).skip(2).collect();
    assert!(rows.len() > 15, "{} rows", rows.len());
    for row in rows {
        let test = row.trim_end_matches(" |").rsplit("| ").next().expect("a column").trim_matches('`');
        assert!(tests.contains(&format!("fn {test}(")), "{test} is not there: {row}");
    }
}

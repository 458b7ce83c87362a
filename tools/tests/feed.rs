//! The commands about feeds, run on the vectors.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::{env, fs};

/// A feed of `tests/vectors/feed.json`, and a place for it.
fn feed(field: &str, name: &str) -> PathBuf {
    let vectors =
        fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/feed.json")).expect("vectors");
    let of = |field: &str| {
        let start = vectors.find(&format!("\"{field}\":")).expect("a field") + field.len() + 3;
        let end = if field == "chunks" { ']' } else { ',' };
        let digits = vectors[start..].split(end).next().expect("a value");
        let digits: Vec<u8> = digits.bytes().filter(u8::is_ascii_hexdigit).collect();
        let pairs = digits.chunks(2).map(|pair| std::str::from_utf8(pair).expect("digits"));
        pairs.map(|pair| u8::from_str_radix(pair, 16).expect("digits")).collect::<Vec<u8>>()
    };
    let bytes = if field == "packed" { of("packed") } else { [of("header"), of("chunks")].concat() };
    let path = env::temp_dir().join(format!("inputwire-tools-{}-{name}", std::process::id()));
    fs::write(&path, bytes).expect("a file");
    path
}

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_inputwire")).args(arguments).output().expect("the program runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_whole_feed_is_shown_and_verified_in_both_forms() {
    let (live, packed, again) = (feed("chunks", "live"), feed("packed", "packed"), feed("packed", "again"));
    let [live, packed, again] = [&live, &packed, &again].map(|path| path.to_str().expect("a path"));
    let rows = text(&run(&["feed", "cat", live]).stdout);
    assert_eq!(rows.lines().count(), 100);
    assert!(rows.starts_with("0 0 "));
    assert_eq!(rows, text(&run(&["feed", "cat", packed]).stdout));
    let verified = run(&["feed", "verify", live]);
    assert_eq!((verified.status.code(), text(&verified.stdout)), (Some(0), "whole: 100 rows\n".to_owned()));
    let info = text(&run(&["feed", "info", packed]).stdout);
    assert!(info.contains("players [0, 1]") && info.contains("100 rows, 2 checksums"), "{info}");
    assert_eq!(run(&["feed", "pack", live, again]).status.code(), Some(0));
    assert_eq!(fs::read(again).expect("a file"), fs::read(packed).expect("a file"));
    for path in [live, packed, again] {
        fs::remove_file(path).expect("a file");
    }
}

#[test]
fn a_feed_that_is_not_whole_is_told_with_what_is_missing() {
    let path = feed("chunks", "cut");
    let file = path.to_str().expect("a path");
    let bytes = fs::read(&path).expect("a file");
    fs::write(&path, &bytes[..bytes.len() - 3]).expect("a file");
    let verified = run(&["feed", "verify", file]);
    assert_eq!(verified.status.code(), Some(1));
    let told = text(&verified.stdout);
    assert!(told.contains("end within a record") && told.contains("stop before frame 60"), "{told}");
    fs::write(&path, b"no feed").expect("a file");
    let verified = run(&["feed", "verify", file]);
    assert_eq!((verified.status.code(), text(&verified.stderr).contains("not a feed")), (Some(2), true));
    fs::remove_file(&path).expect("a file");
    assert_eq!(run(&["feed"]).status.code(), Some(2));
}

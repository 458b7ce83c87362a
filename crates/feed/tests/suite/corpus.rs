//! Replays the corpus of the fuzz target `feed`.

use std::fs;
use std::path::Path;

use crate::fuzz;
use crate::support::play;

/// Fields of records, as the fuzz target takes them.
fn seed(number: u64) -> Vec<u8> {
    let played = play(number);
    let records = played.chunks.iter().filter(|chunk| chunk.len() < 200).take(20);
    let fields = records.map(|chunk| &chunk[..chunk.len() - 4]);
    let seats = played.rows.first().map_or(1, |row| row.inputs.len());
    let len = played.rows.iter().flat_map(|row| &row.inputs).flatten().next().map_or(1, Vec::len);
    let kind = u8::try_from((seats - 1) & 3 | (len - 1) << 2).expect("a byte");
    let records =
        fields.flat_map(|fields| [vec![u8::try_from(fields.len()).expect("short")], fields.to_vec()].concat());
    std::iter::once(kind).chain(records).collect()
}

#[test]
fn the_corpus_of_the_fuzz_target_passes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/feed");
    if std::env::var_os("FEED_REWRITE").is_some() {
        fs::create_dir_all(&folder).expect("a folder");
        for number in 0..12 {
            fs::write(folder.join(format!("play-{number}")), seed(number)).expect("a file");
        }
    }
    let mut count = 0;
    for file in fs::read_dir(&folder).expect("the corpus") {
        fuzz::run(&fs::read(file.expect("a file").path()).expect("a file that can be read"));
        count += 1;
    }
    assert!(count > 0);
}

//! Measures the coder: bytes of live chunks and of the packed form, beside xz, zstd and the entropy.
//!
//! ```text
//! cargo run --release -p inputwire-feed --example figures               the random processes of tests/bench
//! cargo run --release -p inputwire-feed --example figures -- FOLDER     and recorded inputs: NAME.SIZE.p0, NAME.SIZE.p1
//! ```
//!
//! The commands `xz` and `zstd` are asked for the other columns, where they are installed. Both get the rows, each byte as the
//! xor or the difference with the row before, whichever is shorter.

#[allow(clippy::pedantic, dead_code, unreachable_pub, reason = "the source of the benchmark")]
#[path = "../../../tests/bench/src/inputs.rs"]
mod inputs;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Instant;

use inputwire_feed::{FeedReader, FeedWriter, Settings, pack};

const FRAMES: usize = 36_000;
const FRAMES_PER_SECOND: usize = 60;
/// A checksum every ten seconds.
const CHECKSUM_EVERY: u32 = 600;

/// The inputs of two players.
struct Match {
    name: String,
    input_len: usize,
    players: [Vec<u8>; 2],
    /// In bytes, where it is known.
    entropy: Option<f64>,
}

fn main() {
    println!("two players at 60 Hz, a checksum every {CHECKSUM_EVERY} frames; bytes, headers and checksums included");
    println!(
        "{:<16} {:>6} {:>8} {:>8} {:>8} {:>8} {:>8} {:>9} {:>9} {:>8} {:>8}",
        "inputs",
        "frames",
        "entropy",
        "packed",
        "a minute",
        "xz -9e",
        "zstd -19",
        "live",
        "live B/s",
        "pack us",
        "read us"
    );
    let mut matches = vec![random::<1>("buttons"), random::<8>("pads")];
    if let Some(folder) = std::env::args().nth(1) {
        matches.extend(recorded(Path::new(&folder)));
    }
    for played in matches {
        measure(&played);
    }
    println!("pack us, read us: microseconds to write the packed form, and to read it, for each 60 frames");
}

/// A match of ten minutes of the benchmark's players, with the seeds 1 and 2.
fn random<const N: usize>(name: &str) -> Match {
    let play = |seed| {
        let mut player = inputs::Player::<N>::new(seed);
        (0..FRAMES).flat_map(|_| player.play()).collect()
    };
    #[allow(clippy::cast_precision_loss)]
    let entropy = inputs::entropy::<N>() * (2 * FRAMES) as f64 / 8.0;
    Match { name: format!("{name}, {N} B"), input_len: N, players: [play(1), play(2)], entropy: Some(entropy) }
}

fn recorded(folder: &Path) -> Vec<Match> {
    let mut names: Vec<_> =
        fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    names.sort();
    let firsts = names.iter().filter(|name| name.extension().is_some_and(|end| end == "p0"));
    firsts
        .map(|first| {
            let stem = first.file_stem().expect("a name").to_string_lossy();
            let (name, size) = stem.rsplit_once('.').expect("NAME.SIZE.p0");
            let players = ["p0", "p1"].map(|player| fs::read(first.with_extension(player)).expect("inputs"));
            Match { name: name.to_owned(), input_len: size.parse().expect("a size"), players, entropy: None }
        })
        .collect()
}

fn measure(played: &Match) {
    let Match { name, input_len, players: [one, other], entropy } = played;
    let len = u8::try_from(*input_len).expect("a size");
    let settings = Settings::new(1, [0, 1], len).checksum_every(CHECKSUM_EVERY);
    let mut writer = FeedWriter::new(settings).expect("settings");
    let mut live = writer.header().to_vec();
    let mut frames = 0;
    for (one, other) in one.chunks_exact(*input_len).zip(other.chunks_exact(*input_len)) {
        let frame = writer.next_frame();
        writer.push_row(frame, &[Some(one), Some(other)]).expect("a row");
        if writer.due_checksum() == Some(frame) {
            // As random as a hash.
            let hash = u64::from(frame.get() + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            writer.push_checksum(frame, hash ^ hash >> 29).expect("a checksum");
        }
        live.extend(writer.poll_chunk().unwrap_or_default());
        frames += 1;
    }
    writer.finish();
    while let Some(chunk) = writer.poll_chunk() {
        live.extend(chunk);
    }
    let (mut reader, rest) = FeedReader::open_file(&live).expect("a feed");
    rest.expect("the whole feed");
    let started = Instant::now();
    let packed = pack(&mut reader);
    let both = started.elapsed();
    let (mut reader, rest) = FeedReader::open_file(&packed).expect("a feed");
    rest.expect("the whole feed");
    let started = Instant::now();
    let rows: Vec<u8> = std::iter::from_fn(|| {
        reader.next_row().map(|row| row.inputs().flatten().flatten().copied().collect::<Vec<_>>())
    })
    .flatten()
    .collect();
    let read = started.elapsed();
    assert!(reader.is_complete());
    let expected = one.chunks_exact(*input_len).zip(other.chunks_exact(*input_len));
    assert!(expected.flat_map(|(one, other)| [one, other]).flatten().eq(&rows), "the rows are those that were written");

    let seconds = frames / FRAMES_PER_SECOND;
    let shortest = |command: &[&str]| {
        let sizes = [delta(&rows, 2 * input_len, |a, b| a ^ b), delta(&rows, 2 * input_len, u8::wrapping_sub)];
        sizes.iter().filter_map(|bytes| compressed(command, bytes)).min()
    };
    let text = |size: Option<usize>| size.map_or("-".to_owned(), |size| size.to_string());
    let tenths = |size: usize, count: usize| format!("{}.{}", size / count, size * 10 / count % 10);
    println!(
        "{:<16} {:>6} {:>8} {:>8} {:>8} {:>8} {:>8} {:>9} {:>9} {:>8} {:>8}",
        name,
        frames,
        entropy.map_or("-".to_owned(), |entropy| format!("{entropy:.0}")),
        packed.len(),
        packed.len() * 60 / seconds,
        text(shortest(&["xz", "-9e", "-c"])),
        text(shortest(&["zstd", "-19", "-c", "-q"])),
        live.len(),
        tenths(live.len(), seconds),
        both.saturating_sub(read).as_micros() / u128::try_from(seconds).expect("seconds"),
        read.as_micros() / u128::try_from(seconds).expect("seconds"),
    );
}

/// Each byte against the one in the row before.
fn delta(rows: &[u8], width: usize, difference: fn(u8, u8) -> u8) -> Vec<u8> {
    let before = std::iter::repeat_n(&0, width).chain(rows);
    rows.iter().zip(before).map(|(byte, before)| difference(*byte, *before)).collect()
}

/// How many bytes a command makes of these; `None` without the command.
fn compressed(command: &[&str], bytes: &[u8]) -> Option<usize> {
    let (program, arguments) = command.split_first()?;
    let mut child = Command::new(program).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().ok()?;
    let mut stdin = child.stdin.take()?;
    thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(bytes));
        child.wait_with_output().ok().map(|output| output.stdout.len())
    })
}

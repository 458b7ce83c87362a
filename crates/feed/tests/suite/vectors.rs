//! The vectors of docs/FEED.md. `FEED_REWRITE=1 cargo test -p inputwire-feed vectors` writes them anew, after an intended change.

use std::fs;
use std::path::PathBuf;

use inputwire::Frame;
use inputwire_feed::{FeedReader, FeedWriter, Header, Settings, pack};
use inputwire_sim::rng::Rng;
use serde_json::{Value, json};

use crate::support::{Known, Match, Player, chunks, hash, parse, play, simple, take, write};

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/feed.json")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |digits, byte| digits + &format!("{byte:02x}"))
}

fn bytes(hex: &Value) -> Vec<u8> {
    let text = hex.as_str().expect("hexadecimal digits");
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("two digits")).collect()
}

/// Two axes and buttons in many bytes, for two players.
fn pads() -> Match {
    let settings = Settings::new(0x0123_4567_89ab_cdef, [4, 9], 18).chunk_rows(40).game(b"pads");
    let mut writer = FeedWriter::new(settings).expect("settings");
    let (mut rng, mut rows, mut records) = (Rng::new(1), Vec::new(), Vec::new());
    let mut input = [0_u8; 18];
    let mut buttons = Player::new(18);
    for _ in 0..100 {
        for axis in &mut input[2..8] {
            if rng.chance(500) {
                *axis = axis.wrapping_add(u8::try_from(rng.below(17)).expect("a step")).wrapping_sub(8);
            }
        }
        let inputs = vec![Some(input.to_vec()), buttons.play(&mut rng)];
        let frame = writer.next_frame();
        write(&mut writer, frame, &inputs);
        rows.push(Known { epoch: 0, frame: frame.get(), inputs, checksum: None });
        records.extend(chunks(&mut writer));
    }
    writer.finish();
    records.extend(chunks(&mut writer));
    Match { header: writer.header().to_vec(), rows, chunks: records }
}

/// Two players with buttons, as docs/FEED.md would have it in a real match.
fn buttons() -> Match {
    let mut writer = simple(100, |settings| settings.checksum_every(50).game(b"buttons"));
    for frame in [0, 50] {
        writer.push_checksum(Frame::new(frame), hash(0, frame)).expect("due");
    }
    writer.finish();
    let records = chunks(&mut writer);
    let mut reader = FeedReader::open(writer.header()).expect("a header");
    for record in &records {
        reader.insert(record).expect("a chunk");
    }
    Match { header: writer.header().to_vec(), rows: take(&mut reader), chunks: records }
}

fn packed(played: &Match) -> Vec<u8> {
    let mut reader = FeedReader::open(&played.header).expect("a header");
    for chunk in &played.chunks {
        reader.insert(chunk).expect("a chunk");
    }
    pack(&mut reader)
}

fn row(row: &Known) -> Value {
    let inputs: Vec<_> = row.inputs.iter().map(|input| input.as_ref().map(|input| hex(input))).collect();
    json!([row.epoch, row.frame, inputs, row.checksum.map(|hash| format!("{hash:016x}"))])
}

fn feed(name: &str, played: &Match) -> Value {
    let (header, _) = Header::parse(&played.header).expect("a header");
    json!({
        "name": name,
        "feed_id": format!("{:016x}", header.feed_id()),
        "players": header.players().collect::<Vec<_>>(),
        "input_len": header.input_len(),
        "frame_interval_us": u64::try_from(header.frame_interval().as_micros()).expect("a short time"),
        "first_epoch": header.first_epoch().get(),
        "first_frame": header.first_frame().get(),
        "chunk_rows": header.chunk_rows(),
        "checksum_every": header.checksum_every(),
        "game": hex(header.game()),
        "header": hex(&played.header),
        "chunks": played.chunks.iter().map(|chunk| hex(chunk)).collect::<Vec<_>>(),
        "packed": hex(&packed(played)),
        "rows": played.rows.iter().map(row).collect::<Vec<_>>(),
    })
}

#[test]
fn the_vectors_are_written_and_read_as_they_stand() {
    let mut feeds = vec![feed("buttons", &buttons()), feed("pads", &pads())];
    // Absent players, several epochs, late first frames, every sizes.
    feeds.extend([3, 11, 17, 23].map(|seed| feed(&format!("random {seed}"), &play(seed))));
    if std::env::var_os("FEED_REWRITE").is_some() {
        let lines: Vec<String> = feeds.iter().map(Value::to_string).collect();
        fs::write(path(), format!("[\n{}\n]\n", lines.join(",\n"))).expect("a file");
    }
    let stored: Vec<Value> = serde_json::from_slice(&fs::read(path()).expect("vectors")).expect("JSON");
    assert!(stored == feeds, "a writer writes other bytes than tests/vectors/feed.json: readers of older feeds break");
    for feed in stored {
        let rows: Vec<Value> = feed["rows"].as_array().expect("rows").clone();
        let mut reader = FeedReader::open(&bytes(&feed["header"])).expect("a header");
        for chunk in feed["chunks"].as_array().expect("chunks").iter().rev() {
            reader.insert(&bytes(chunk)).expect("a chunk");
        }
        assert_eq!(take(&mut reader).iter().map(row).collect::<Vec<_>>(), rows, "{}", feed["name"]);
        let (mut reader, rest) = FeedReader::open_file(&bytes(&feed["packed"])).expect("a feed");
        rest.expect("a whole one");
        assert_eq!(take(&mut reader).iter().map(row).collect::<Vec<_>>(), rows, "{}", feed["name"]);
    }
}

/// Long enough that contexts share slots, and that the counts of differences are halved.
#[test]
fn the_bytes_of_a_long_chunk_stay_what_they_are() {
    let mut writer = FeedWriter::new(Settings::new(1, 0..3, 4).chunk_rows(600)).expect("settings");
    let mut rng = Rng::new(3);
    for row in 0..600_u32 {
        let [low, high, ..] = row.to_le_bytes();
        let inputs = [0, 1, 2].map(|player: u8| {
            let [one, other, ..] = rng.next().to_le_bytes();
            Some(vec![
                low.wrapping_mul(3).wrapping_add(player),
                if rng.one_in(3) { high } else { low },
                one,
                other & 15,
            ])
        });
        write(&mut writer, Frame::new(row), &inputs);
    }
    let chunk = writer.poll_chunk().expect("a whole chunk");
    assert_eq!(parse(writer.header(), &chunk).id().to_string(), "0-0-600-b62e6e76");
}

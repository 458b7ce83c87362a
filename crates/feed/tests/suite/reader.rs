//! What readers make of chunks that overlap, contradict each other, or are too many.

use inputwire::{Epoch, Frame};
use inputwire_feed::{FeedReader, FeedWriter, Header, InsertError, Inserted, RecordError, Settings, pack};

use crate::support::{chunks, extend, parse, play, simple, take};

#[test]
fn a_publisher_that_leaves_early_and_one_that_stays_are_one_feed() {
    let mut leaver = simple(100, |settings| settings);
    let mut stayer = simple(130, |settings| settings);
    assert_eq!(leaver.partial_chunk(), None); // a whole chunk comes first
    let mut reader = FeedReader::open(leaver.header()).expect("a header");
    reader.insert(&chunks(&mut leaver)[0]).expect("a chunk");
    reader.insert(&leaver.partial_chunk().expect("rows")).expect("a chunk");
    assert_eq!(take(&mut reader).len(), 100);
    for chunk in chunks(&mut stayer) {
        reader.insert(&chunk).expect("a chunk");
    }
    stayer.finish();
    reader.insert(&chunks(&mut stayer)[0]).expect("a chunk");
    let rest = take(&mut reader);
    assert_eq!((rest.first().map(|row| row.frame), rest.len()), (Some(100), 30));
    assert!(reader.is_complete());
}

#[test]
fn an_epoch_ends_at_the_greatest_end_that_a_writer_told() {
    let mut short = simple(100, |settings| settings);
    let mut long = simple(103, |settings| settings);
    for writer in [&mut short, &mut long] {
        writer.begin_epoch(Epoch::new(1)).expect("later");
        extend(writer, 60);
    }
    let mut reader = FeedReader::open(short.header()).expect("a header");
    for chunk in chunks(&mut short).into_iter().chain(chunks(&mut long)) {
        reader.insert(&chunk).expect("a chunk");
    }
    let rows = take(&mut reader);
    assert_eq!(rows.iter().filter(|row| row.epoch == 0).count(), 103);
    assert_eq!(rows.len(), 163);
}

#[test]
fn two_publishers_that_disagree_are_named_with_the_frame() {
    let mut one = simple(10, |settings| settings.checksum_every(10));
    let mut other = one.clone();
    one.push_checksum(Frame::new(0), 5).expect("due");
    other.push_checksum(Frame::new(0), 5).expect("due");
    one.push_row(Frame::new(10), &[Some(&[1]), Some(&[1])]).expect("a row");
    other.push_row(Frame::new(10), &[Some(&[1]), Some(&[2])]).expect("a row");
    let sum = |writer: &mut FeedWriter, hash| {
        writer.push_checksum(Frame::new(10), hash).expect("due");
        writer.partial_chunk().expect("rows")
    };
    let mut reader = FeedReader::open(one.header()).expect("a header");
    reader.insert(&sum(&mut one.clone(), 1)).expect("a chunk");
    let conflict = Err(InsertError::Conflict { epoch: Epoch::new(0), frame: Frame::new(10) });
    assert_eq!(reader.insert(&sum(&mut other, 1)), conflict); // an input
    assert_eq!(reader.insert(&sum(&mut one, 2)), conflict); // a checksum
    assert_eq!(take(&mut reader).len(), 11);
}

#[test]
fn a_reader_continues_at_a_snapshot_or_after_a_loss() {
    let mut writer = simple(180, |settings| settings);
    let chunks = chunks(&mut writer);
    let mut reader = FeedReader::open(writer.header()).expect("a header");
    reader.skip_to(Epoch::new(0), Frame::new(70));
    reader.insert(&chunks[1]).expect("a chunk");
    reader.insert(&chunks[2]).expect("a chunk");
    reader.skip_to(Epoch::new(0), Frame::new(3)); // never back
    let rows = take(&mut reader);
    assert_eq!((rows[0].frame, rows.len()), (70, 110));
    assert_eq!(reader.insert(&chunks[0]), Ok(Inserted::Known));
}

#[test]
fn chunks_of_another_feed_are_refused() {
    let mut other = FeedWriter::new(Settings::new(2, [0, 1], 1)).expect("settings");
    extend(&mut other, 60);
    let writer = simple(0, |settings| settings);
    let mut reader = FeedReader::open(writer.header()).expect("a header");
    assert_eq!(reader.insert(&chunks(&mut other)[0]), Err(RecordError::BadCheck.into()));
    assert_eq!(reader.insert(other.header()), Err(InsertError::OtherFeed));
    assert_eq!(reader.insert(writer.header()), Ok(Inserted::Known));
}

#[test]
fn chunks_that_wait_are_bounded() {
    let mut writer = simple(60_000, |settings| settings);
    let chunks = chunks(&mut writer);
    let mut reader = FeedReader::open(writer.header()).expect("a header").holding(10_000);
    let refused = chunks[1..].iter().find_map(|chunk| reader.insert(chunk).err());
    assert_eq!(refused, Some(InsertError::Full));
    // What is taken makes room. The first one waits for nothing, but needs room like any other.
    let mut reader = FeedReader::open(writer.header()).expect("a header").holding(10_000);
    for chunk in &chunks {
        reader.insert(chunk).expect("room");
        assert_eq!(take(&mut reader).len(), 60);
    }
}

#[test]
fn a_reader_has_room_for_one_more_chunk_once_the_rows_of_another_are_taken() {
    let mut writer = simple(600, |settings| settings);
    let chunks = chunks(&mut writer);
    let cost = |chunk: &Vec<u8>| parse(writer.header(), chunk).payload_len() + 128;
    let greatest = chunks.iter().max_by_key(|chunk| cost(chunk)).expect("chunks");
    let open = |bytes| FeedReader::open(writer.header()).expect("a header").holding(bytes);
    let mut reader = open(cost(greatest));
    for chunk in &chunks {
        assert_eq!(reader.insert(chunk), Ok(Inserted::New));
        assert_eq!(take(&mut reader).len(), 60);
    }
    assert_eq!(open(cost(greatest) - 1).insert(greatest), Err(InsertError::Full));
}

#[test]
fn a_reader_without_room_knows_what_it_had_and_refuses_the_ends_of_more_epochs() {
    let mut writer = simple(120, |settings| settings);
    let rows = chunks(&mut writer);
    let mut reader = FeedReader::open(writer.header()).expect("a header").holding(1_000);
    reader.insert(&rows[0]).expect("room");
    assert_eq!(take(&mut reader).len(), 60);
    for epoch in 2..12 {
        writer.begin_epoch(Epoch::new(epoch)).expect("a later epoch");
    }
    let refused = chunks(&mut writer).iter().find_map(|end| reader.insert(end).err());
    assert_eq!(refused, Some(InsertError::Full));
    assert_eq!((reader.insert(&rows[0]), reader.insert(&rows[1])), (Ok(Inserted::Known), Err(InsertError::Full)));
}

#[test]
fn a_feed_is_complete_no_more_once_it_is_known_to_end_later() {
    let (mut short, mut long) = (simple(100, |settings| settings), simple(130, |settings| settings));
    short.finish();
    long.finish();
    let mut reader = FeedReader::open(short.header()).expect("a header");
    for chunk in chunks(&mut short) {
        reader.insert(&chunk).expect("a chunk");
    }
    assert_eq!((take(&mut reader).len(), reader.is_complete()), (100, true));
    let mut rest = chunks(&mut long);
    let end = rest.pop().expect("the end");
    reader.insert(&end).expect("a chunk");
    assert_eq!((take(&mut reader).len(), reader.is_complete()), (0, false));
    for chunk in rest {
        reader.insert(&chunk).expect("a chunk");
    }
    assert_eq!((take(&mut reader).len(), reader.is_complete()), (30, true));
    // It stays so when the same comes again.
    assert_eq!((reader.insert(&end), reader.is_complete()), (Ok(Inserted::Known), true));
}

#[test]
fn the_packed_form_has_the_same_rows_and_is_the_same_for_all() {
    for seed in 0..50 {
        let played = play(seed);
        let file = [played.header.clone(), played.chunks.concat()].concat();
        let (mut reader, rest) = FeedReader::open_file(&file).expect("a feed");
        rest.expect("a whole one");
        let packed = pack(&mut reader);
        let (mut again, rest) = FeedReader::open_file(&packed).expect("a feed");
        rest.expect("a whole one");
        let mut rows = again.clone();
        assert_eq!(pack(&mut again), packed);
        assert_eq!(take(&mut rows), played.rows);
        assert!(rows.is_complete());
    }
}

#[test]
fn a_long_match_is_packed_into_chunks_of_the_greatest_size() {
    let mut writer = simple(70_000, |settings| settings);
    let mut reader = FeedReader::open(writer.header()).expect("a header");
    for chunk in chunks(&mut writer) {
        reader.insert(&chunk).expect("a chunk");
    }
    let header = writer.header().to_vec();
    let packed = pack(&mut reader);
    let (parsed, rest) = Header::parse(&packed).expect("a header");
    let (first, rest) = inputwire_feed::Chunk::parse(&parsed, rest).expect("a chunk");
    assert_eq!(first.frames(), 0..65_536);
    assert_eq!(parse(&header, rest).frames(), 65_536..69_960);
}

#[test]
fn a_file_that_is_cut_off_gives_the_rows_before_the_cut() {
    let mut writer = simple(180, |settings| settings);
    let mut file = writer.header().to_vec();
    file.extend(chunks(&mut writer).concat());
    file.truncate(file.len() - 1);
    let (mut reader, rest) = FeedReader::open_file(&file).expect("a feed");
    assert_eq!(rest, Err(RecordError::CutOff.into()));
    assert_eq!(take(&mut reader).len(), 120);
}

/// A chunk of so many equal rows from a frame on, as a player may publish it.
fn rows_from(first: u32, rows: u32) -> Vec<u8> {
    let settings = Settings::new(1, [0, 1], 1).chunk_rows(60_000);
    let mut writer = FeedWriter::new(settings).expect("settings").starting_at(Epoch::new(0), Frame::new(first));
    for _ in 0..rows {
        writer.push_row(writer.next_frame(), &[Some(&[1]), Some(&[2])]).expect("a row");
    }
    writer.partial_chunk().expect("rows")
}

/// Each row was compared with every held chunk that has it, so that a few kilobytes cost minutes.
#[test]
fn chunks_that_overlap_by_all_but_a_row_cost_no_more_than_their_rows() {
    let writer = FeedWriter::new(Settings::new(1, [0, 1], 1).chunk_rows(60_000)).expect("settings");
    let mut reader = FeedReader::open(writer.header()).expect("a header");
    for first in 0..300 {
        assert_eq!(reader.insert(&rows_from(first, 500)), Ok(Inserted::New));
    }
    assert_eq!(reader.insert(&rows_from(100, 400)), Ok(Inserted::Known));
    assert_eq!(take(&mut reader).len(), 799);
}

#[test]
fn a_row_that_differs_is_found_whichever_held_chunk_has_it() {
    let settings = || Settings::new(1, [0, 1], 1).chunk_rows(60_000);
    for differing in [0, 29, 30, 49, 50, 79, 99] {
        let mut reader = FeedReader::open(FeedWriter::new(settings()).expect("settings").header()).expect("a header");
        for (first, rows) in [(0, 10), (0, 50), (20, 30), (30, 40), (60, 20), (70, 30), (90, 10)] {
            reader.insert(&rows_from(first, rows)).expect("a chunk");
        }
        let mut writer = FeedWriter::new(settings()).expect("settings");
        for frame in 0..110 {
            let input = [u8::from(frame != differing)];
            writer.push_row(writer.next_frame(), &[Some(&input), Some(&[2])]).expect("a row");
        }
        let conflict = InsertError::Conflict { epoch: Epoch::new(0), frame: Frame::new(differing) };
        assert_eq!(reader.insert(&writer.partial_chunk().expect("rows")), Err(conflict));
    }
}

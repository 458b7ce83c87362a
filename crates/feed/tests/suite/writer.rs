//! What writers write: the same at every player, and in the right pieces.

use inputwire::{Epoch, Frame};
use inputwire_feed::{FeedReader, FeedWriter, Follows, Settings, SettingsError, WriteError};

use crate::support::{chunks, extend, parse, play, simple, take};

#[test]
fn two_writers_of_the_same_rows_write_the_same_bytes_whenever_they_are_polled() {
    let mut polled = simple(0, |settings| settings);
    let mut once = polled.clone();
    let mut bytes = Vec::new();
    for epoch in 1..4 {
        for _ in 0..150 {
            extend(&mut polled, 1);
            bytes.extend(chunks(&mut polled));
        }
        polled.begin_epoch(Epoch::new(epoch)).expect("an epoch");
        extend(&mut once, 150);
        once.begin_epoch(Epoch::new(epoch)).expect("an epoch");
    }
    polled.finish();
    once.finish();
    bytes.extend(chunks(&mut polled));
    assert_eq!(bytes, chunks(&mut once));
    assert_eq!(play(5).chunks, play(5).chunks);
}

#[test]
fn a_writer_that_starts_late_cuts_its_chunks_where_the_others_do() {
    let mut early = simple(180, |settings| settings);
    let mut late = simple(0, |settings| settings).starting_at(Epoch::new(0), Frame::new(75));
    extend(&mut late, 105);
    let (early, late) = (chunks(&mut early), chunks(&mut late));
    assert_eq!(late.len(), 2);
    let header = simple(0, |settings| settings).header().to_vec();
    assert_eq!(parse(&header, &late[0]).frames(), 75..120);
    assert_eq!(late[1], early[2]);

    // Both together are one feed, in whichever order.
    for of_early_first in [true, false] {
        let mut reader = FeedReader::open(&header).expect("a header");
        let (one, other) = if of_early_first { (&early, &late) } else { (&late, &early) };
        for chunk in one.iter().chain(other) {
            reader.insert(chunk).expect("rows that agree");
        }
        assert_eq!(take(&mut reader).len(), 180);
    }
}

#[test]
fn a_chunk_waits_for_its_checksums_and_for_no_others() {
    let mut writer = simple(60, |settings| settings.checksum_every(50));
    assert_eq!(writer.due_checksum(), Some(Frame::new(0)));
    assert_eq!(writer.poll_chunk(), None);
    writer.push_checksum(Frame::new(50), 2).expect("due");
    assert_eq!(writer.poll_chunk(), None);
    writer.push_checksum(Frame::new(0), 1).expect("due");
    assert!(writer.poll_chunk().is_some());
    assert_eq!(writer.due_checksum(), Some(Frame::new(100)));
    // Before its row, too.
    writer.push_checksum(Frame::new(100), 3).expect("due");
    extend(&mut writer, 60);
    assert!(writer.poll_chunk().is_some());
    // That of the frame behind a chunk is one of the next.
    let mut writer = simple(60, |settings| settings.checksum_every(60));
    writer.push_checksum(Frame::new(0), 1).expect("due");
    assert!(writer.poll_chunk().is_some());
}

#[test]
fn rows_beyond_eight_chunks_are_refused_until_the_missing_checksum_comes() {
    let mut writer = simple(480, |settings| settings.checksum_every(1_000));
    let inputs: [Option<&[u8]>; 2] = [None, None];
    let refused = Err(WriteError::ChecksumMissing { frame: Frame::new(0) });
    assert_eq!(writer.push_row(Frame::new(480), &inputs), refused);
    writer.push_checksum(Frame::new(0), 1).expect("due");
    assert_eq!(writer.push_row(Frame::new(480), &inputs), Ok(()));
    assert_eq!(chunks(&mut writer).len(), 8);
}

#[test]
fn the_end_of_an_epoch_leaves_missing_checksums_out() {
    let mut writer = simple(70, |settings| settings.checksum_every(30));
    writer.push_checksum(Frame::new(30), 9).expect("due");
    writer.finish();
    let mut reader = FeedReader::open(writer.header()).expect("a header");
    for chunk in chunks(&mut writer) {
        reader.insert(&chunk).expect("a chunk");
    }
    let sums: Vec<_> = take(&mut reader).into_iter().filter_map(|row| Some((row.frame, row.checksum?))).collect();
    assert_eq!(sums, [(30, 9)]);
    assert!(reader.is_complete());
}

#[test]
fn a_partial_chunk_shows_rows_early_and_changes_nothing() {
    let mut writer = simple(20, |settings| settings.checksum_every(15));
    assert_eq!(writer.partial_chunk(), None); // row 0 waits for its checksum
    writer.push_checksum(Frame::new(0), 1).expect("due");
    let partial = writer.partial_chunk().expect("rows");
    assert_eq!(parse(writer.header(), &partial).frames(), 0..15);
    writer.push_checksum(Frame::new(15), 1).expect("due");
    let partial = writer.partial_chunk().expect("rows");
    assert_eq!(parse(writer.header(), &partial).frames(), 0..20);
    let mut other = simple(20, |settings| settings.checksum_every(15));
    for frame in [0, 15, 30, 45] {
        writer.push_checksum(Frame::new(frame), 1).expect("due");
        other.push_checksum(Frame::new(frame), 1).expect("due");
    }
    extend(&mut writer, 40);
    extend(&mut other, 40);
    assert_eq!(chunks(&mut writer), chunks(&mut other));
    assert_eq!(writer.partial_chunk(), None);
}

#[test]
fn an_epoch_may_be_empty_and_a_feed_too() {
    let mut writer = simple(0, |settings| settings);
    writer.begin_epoch(Epoch::new(3)).expect("later");
    assert_eq!(writer.begin_epoch(Epoch::new(3)), Err(WriteError::EpochNotNewer));
    writer.finish();
    assert_eq!(writer.begin_epoch(Epoch::new(4)), Err(WriteError::Finished));
    assert_eq!(writer.push_row(Frame::new(0), &[None, None]), Err(WriteError::Finished));
    let header = writer.header().to_vec();
    let chunks = chunks(&mut writer);
    let follows: Vec<_> = chunks.iter().map(|chunk| parse(&header, chunk).follows()).collect();
    assert_eq!(follows, [Follows::Epoch(Epoch::new(3)), Follows::Nothing]);
    let mut reader = FeedReader::open(&header).expect("a header");
    reader.insert(&chunks[1]).expect("an end");
    assert_eq!((reader.next_row().is_none(), reader.is_complete()), (true, false));
    assert_eq!(reader.missing().len(), 1);
    reader.insert(&chunks[0]).expect("an end");
    assert_eq!((reader.next_row().is_none(), reader.is_complete()), (true, true));
}

#[test]
fn a_refused_row_says_why() {
    let mut writer = simple(1, |settings| settings.checksum_every(10));
    let row = |writer: &mut FeedWriter, frame, inputs: &[Option<&[u8]>]| writer.push_row(Frame::new(frame), inputs);
    assert_eq!(row(&mut writer, 0, &[None, None]), Err(WriteError::NotNext { next: Frame::new(1) }));
    assert_eq!(row(&mut writer, 1, &[None]), Err(WriteError::Seats { needed: 2 }));
    assert_eq!(row(&mut writer, 1, &[Some(&[1, 2]), None]), Err(WriteError::InputLen { needed: 1 }));
    assert_eq!(writer.push_checksum(Frame::new(5), 1), Err(WriteError::NotDue { next: Some(Frame::new(0)) }));
    writer.push_checksum(Frame::new(0), 1).expect("due");
    assert_eq!(writer.push_checksum(Frame::new(0), 2), Err(WriteError::ChecksumDiffers { written: 1 }));
    let mut last = simple(0, |settings| settings.first_frame(Frame::new(u32::MAX - 1)));
    extend(&mut last, 1);
    assert_eq!(row(&mut last, u32::MAX, &[None, None]), Err(WriteError::NoMoreFrames));
    assert!(last.poll_chunk().is_some()); // a whole chunk, as there are no more frames
    assert_eq!(last.poll_chunk(), None);
    last.finish();
    assert_eq!(chunks(&mut last).len(), 1);
}

#[test]
fn settings_that_no_feed_can_have_are_refused() {
    let refused = |settings: Settings| FeedWriter::new(settings).err();
    assert_eq!(refused(Settings::new(1, [], 1)), Some(SettingsError::Players(0)));
    assert_eq!(refused(Settings::new(1, 0..65, 1)), Some(SettingsError::Players(65)));
    assert_eq!(refused(Settings::new(1, [1, 0], 1)), Some(SettingsError::PlayerOrder));
    assert_eq!(refused(Settings::new(1, [0, 0], 1)), Some(SettingsError::PlayerOrder));
    assert_eq!(refused(Settings::new(1, [0], 0)), Some(SettingsError::InputLen));
    assert_eq!(refused(Settings::new(1, [0], 1).chunk_rows(0)), Some(SettingsError::ChunkRows(65_535)));
    assert_eq!(refused(Settings::new(1, 0..64, 255).chunk_rows(65)), Some(SettingsError::ChunkRows(64)));
    assert_eq!(refused(Settings::new(1, 0..64, 255)), None);
    let interval = Settings::new(1, [0], 1).frame_interval(std::time::Duration::ZERO);
    assert_eq!(refused(interval), Some(SettingsError::FrameInterval));
    let frame = Settings::new(1, [0], 1).first_frame(Frame::new(u32::MAX));
    assert_eq!(refused(frame), Some(SettingsError::FirstFrame));
    assert_eq!(refused(Settings::new(1, [0], 1).game(&vec![0; 65_536])), Some(SettingsError::Game(65_536)));
}

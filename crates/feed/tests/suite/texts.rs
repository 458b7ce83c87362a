//! The texts of errors, ids and gaps, and the getters that only programs use.

use std::collections::BTreeSet;
use std::time::Duration;

use inputwire::{Epoch, Frame};
use inputwire_feed::{
    FeedReader, FeedWriter, Gap, Header, InsertError, RecordError, Settings, SettingsError, TapError, WriteError, pack,
};

use crate::support::{chunks, extend, parse, simple, take};

fn each(errors: &[impl ToString]) -> Vec<String> {
    errors.iter().map(ToString::to_string).collect()
}

#[test]
fn every_error_says_something_of_its_own() {
    let frame = Frame::new(77);
    let record = [
        RecordError::NotAFeed,
        RecordError::Version(9),
        RecordError::CutOff,
        RecordError::BadCheck,
        RecordError::Malformed,
        RecordError::TrailingBytes,
    ];
    let settings = [
        SettingsError::Players(65),
        SettingsError::PlayerOrder,
        SettingsError::InputLen,
        SettingsError::FrameInterval,
        SettingsError::FirstFrame,
        SettingsError::ChunkRows(512),
        SettingsError::Game(70_000),
    ];
    let write = [
        WriteError::NotNext { next: frame },
        WriteError::Seats { needed: 4 },
        WriteError::InputLen { needed: 8 },
        WriteError::NoMoreFrames,
        WriteError::ChecksumMissing { frame },
        WriteError::NotDue { next: Some(frame) },
        WriteError::NotDue { next: None },
        WriteError::ChecksumDiffers { written: 0xabcd },
        WriteError::EpochNotNewer,
        WriteError::Finished,
    ];
    let insert = [InsertError::Conflict { epoch: Epoch::new(3), frame }, InsertError::OtherFeed, InsertError::Full];
    let tap = [TapError::Lost { player: 5, frame }, TapError::Gone { player: 5 }];
    let texts = [each(&record), each(&settings), each(&write), each(&insert), each(&tap)].concat();
    assert_eq!(texts.iter().collect::<BTreeSet<_>>().len(), texts.len());
    for (text, figure) in [
        (&texts[1], "9"),
        (&texts[6], "65"),
        (&texts[11], "512"),
        (&texts[12], "70000"),
        (&texts[13], "77"),
        (&texts[14], "4 seats"),
        (&texts[15], "8 bytes"),
        (&texts[17], "77"),
        (&texts[18], "77"),
        (&texts[20], "000000000000abcd"),
        (&texts[23], "frame 77 of epoch 3"),
        (&texts[26], "player 5 for frame 77"),
        (&texts[27], "player 5"),
    ] {
        assert!(text.contains(figure), "{text}");
    }
}

#[test]
fn an_error_within_another_one_keeps_its_text() {
    let record = RecordError::BadCheck;
    assert_eq!(InsertError::from(record).to_string(), record.to_string());
    let write = WriteError::Finished;
    assert_eq!(TapError::from(write).to_string(), write.to_string());
}

#[test]
fn the_id_of_a_chunk_names_its_epoch_frames_and_check() {
    let mut writer = simple(70, |settings| settings.first_frame(Frame::new(4)));
    let bytes = chunks(&mut writer).remove(0);
    let chunk = parse(writer.header(), &bytes);
    let check = u32::from_be_bytes(*bytes.last_chunk().expect("a check"));
    assert_eq!(chunk.id().to_string(), format!("0-4-60-{check:08x}"));
    assert_eq!((chunk.first_frame(), chunk.frames()), (Frame::new(4), 4..64));
    assert!(chunk.payload_len() > 0 && chunk.payload_len() < bytes.len());
}

#[test]
fn a_gap_shows_its_frames_and_stays_open_where_the_end_is_not_known() {
    let gap = Gap { epoch: Epoch::new(2), first: Frame::new(60), end: Some(Frame::new(120)) };
    assert_eq!(gap.to_string(), "epoch 2, frames 60..120");
    assert_eq!(Gap { end: None, ..gap }.to_string(), "epoch 2, frames 60..");
}

#[test]
fn settings_read_from_a_header_write_the_same_header() {
    let settings = Settings::new(7, [1, 5, 300], 3)
        .frame_interval(Duration::from_millis(20))
        .first_epoch(Epoch::new(4))
        .first_frame(Frame::new(9))
        .chunk_rows(33)
        .checksum_every(11)
        .game(b"duel 1.4");
    let writer = FeedWriter::new(settings.clone()).expect("settings");
    let (header, _) = Header::parse(writer.header()).expect("a header");
    assert_eq!(Settings::from(header), settings);
    assert_eq!(writer.epoch(), Epoch::new(4));
    let again = FeedWriter::new(header).expect("settings");
    assert_eq!(again.header(), writer.header());
}

#[test]
fn a_header_with_no_seats_or_players_out_of_order_is_malformed() {
    let writer = FeedWriter::new(Settings::new(7, [1, 5], 3)).expect("settings");
    let changed = |place: usize, byte: u8, missing: usize| {
        let mut header = writer.header().to_vec();
        header[place] = byte;
        header.truncate(header.len() - 4);
        // The players stand before the length of the game's own bytes.
        let players = header.len() - 2;
        header.drain(players - missing..players);
        let check = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC).checksum(&header);
        header.extend(check.to_be_bytes());
        header
    };
    let seats = writer.header().len() - 4 - 2 - 4 - 4 - 2 - 12 - 2;
    assert_eq!(writer.header()[seats], 2);
    assert!(Header::parse(&changed(seats, 2, 0)).is_ok());
    assert_eq!(Header::parse(&changed(seats, 0, 4)).err(), Some(RecordError::Malformed));
    let second = writer.header().len() - 4 - 2 - 1;
    assert_eq!(writer.header()[second], 5);
    assert_eq!(Header::parse(&changed(second, 1, 0)).err(), Some(RecordError::Malformed));
}

#[test]
fn a_reader_is_opened_with_the_header_alone() {
    let mut writer = simple(60, |settings| settings);
    let file = [writer.header().to_vec(), chunks(&mut writer).remove(0)].concat();
    assert_eq!(FeedReader::open(&file).err(), Some(RecordError::TrailingBytes));
    assert_eq!(FeedReader::open_file(&file[..9]).err(), Some(RecordError::CutOff));
}

#[test]
fn a_finished_feed_takes_no_checksum() {
    let mut writer = simple(3, |settings| settings);
    writer.finish();
    assert_eq!(writer.push_checksum(Frame::new(0), 1), Err(WriteError::Finished));
}

#[test]
fn a_packed_feed_keeps_an_epoch_that_has_no_rows_yet() {
    let mut writer = simple(10, |settings| settings);
    writer.begin_epoch(Epoch::new(3)).expect("a later epoch");
    let live = [writer.header().to_vec(), chunks(&mut writer).concat()].concat();
    let (mut reader, rest) = FeedReader::open_file(&live).expect("a feed");
    rest.expect("the whole feed");
    let packed = pack(&mut reader);
    let (mut reader, rest) = FeedReader::open_file(&packed).expect("a feed");
    rest.expect("the whole feed");
    assert_eq!((take(&mut reader).len(), reader.position()), (10, (Epoch::new(3), Frame::new(0))));
}

#[test]
fn rows_are_equal_if_frame_and_inputs_are() {
    let mut writer = simple(8, |settings| settings);
    extend(&mut writer, 60);
    let header = writer.header().to_vec();
    let chunk = chunks(&mut writer).remove(0);
    let mut readers = [0; 2].map(|_| {
        let mut reader = FeedReader::open(&header).expect("a header");
        reader.insert(&chunk).expect("a chunk");
        reader
    });
    let [one, other] = &mut readers;
    let (first, same) = (one.next_row().expect("a row"), other.next_row().expect("a row"));
    assert!(first == same);
    assert_eq!(first.input(0), first.inputs().next().flatten());
    assert_eq!(first.input(2), None);
    let later = other.next_row().expect("a row");
    assert!(one.clone().next_row().is_some_and(|row| row == later));
    assert!(one.next_row().is_some() && one.next_row().is_some_and(|row| row != later));
}

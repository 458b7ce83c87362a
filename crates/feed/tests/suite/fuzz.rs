//! The body of the fuzz target `feed`: any bytes as a header, and any records with the right check.

use inputwire_feed::{FeedReader, FeedWriter, Header, Inserted, Settings};

/// CRC-32/ISO-HDLC, bit by bit.
fn crc(bytes: impl Iterator<Item = u8>) -> u32 {
    !bytes.fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| crc >> 1 ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 })
    })
}

/// Reads the bytes as records of a feed, each of a length and its fields, and adds the check of each.
pub(crate) fn run(data: &[u8]) {
    let _ = Header::parse(data);
    if let Ok((mut reader, _)) = FeedReader::open_file(data) {
        take(&mut reader);
    }
    let Some((kind, mut rest)) = data.split_first() else { return };
    let seats = u16::from(kind & 3) + 1;
    let settings = Settings::new(1, 0..seats, 1 + (kind >> 2 & 3)).chunk_rows(4).checksum_every(u32::from(kind >> 4));
    let writer = FeedWriter::new(settings).expect("settings");
    let mut reader = FeedReader::open(writer.header()).expect("a header").holding(1 << 16);
    let check = &writer.header()[writer.header().len() - 4..];
    let mut rows = 0;
    while let Some((len, after)) = rest.split_first() {
        let (fields, after) = after.split_at(usize::from(*len).min(after.len()));
        rest = after;
        let sum = crc(check.iter().chain(fields).copied());
        let record = [fields, &sum.to_be_bytes()[..]].concat();
        let before = (reader.position(), reader.missing());
        match reader.insert(&record) {
            Ok(_) => assert_eq!(reader.insert(&record), Ok(Inserted::Known)),
            Err(_) => assert_eq!((reader.position(), reader.missing()), before),
        }
        rows += take(&mut reader);
        assert!(rows < 1 << 24);
    }
    // What is missing begins where the rows stop.
    let (epoch, frame) = reader.position();
    if let Some(gap) = reader.missing().first() {
        assert!((gap.epoch, gap.first) >= (epoch, frame));
    }
}

/// Takes every row, and checks that their order is strict.
fn take(reader: &mut FeedReader) -> u32 {
    let (mut rows, mut latest) = (0, None);
    while let Some(row) = reader.next_row() {
        let at = (row.epoch(), row.frame());
        assert!(latest < Some(at));
        latest = Some(at);
        rows += 1;
    }
    rows
}

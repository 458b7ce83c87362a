//! Bytes that no writer wrote: refused, without a panic, and without a trace.

use inputwire_feed::{Chunk, FeedReader, Header, InsertError, RecordError};
use inputwire_sim::rng::Rng;

use crate::support::{chunks, play, simple, take};

#[test]
fn a_changed_bit_is_always_noticed() {
    let mut writer = simple(60, |settings| settings.game(b"g"));
    let header = writer.header().to_vec();
    let chunk = chunks(&mut writer).remove(0);
    for at in 0..8 * header.len() {
        let mut changed = header.clone();
        changed[at / 8] ^= 1 << (at % 8);
        assert!(FeedReader::open(&changed).is_err(), "bit {at}");
    }
    let mut reader = FeedReader::open(&header).expect("a header");
    for at in 0..8 * chunk.len() {
        let mut changed = chunk.clone();
        changed[at / 8] ^= 1 << (at % 8);
        assert!(reader.insert(&changed).is_err(), "bit {at}");
    }
    assert_eq!(take(&mut reader), []);
}

#[test]
fn every_prefix_is_cut_off_and_every_suffix_is_refused() {
    let mut writer = simple(60, |settings| settings);
    let header = writer.header().to_vec();
    let chunk = chunks(&mut writer).remove(0);
    assert_eq!(Header::parse(&[]).err(), Some(RecordError::NotAFeed));
    for len in 1..header.len() {
        assert_eq!(Header::parse(&header[..len]).err(), Some(RecordError::CutOff), "{len}");
    }
    let (parsed, _) = Header::parse(&header).expect("a header");
    for len in 0..chunk.len() {
        assert_eq!(Chunk::parse(&parsed, &chunk[..len]).err(), Some(RecordError::CutOff), "{len}");
    }
    let mut reader = FeedReader::open(&header).expect("a header");
    let longer = [chunk.clone(), vec![1]].concat();
    assert_eq!(reader.insert(&longer), Err(RecordError::TrailingBytes.into()));
    assert_eq!(take(&mut reader), []);
}

/// CRC-32/ISO-HDLC, bit by bit.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| crc >> 1 ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 })
    })
}

/// A chunk with the right check, whatever is in it.
fn forge(header: &[u8], fields: &[u8]) -> Vec<u8> {
    let check = crc(&[&header[header.len() - 4..], fields].concat());
    [fields, &check.to_be_bytes()].concat()
}

#[test]
fn a_forged_payload_is_refused_or_read_as_its_only_encoding() {
    let writer = simple(0, |settings| settings.checksum_every(4));
    let mut rng = Rng::new(1);
    let (mut accepted, mut refused) = (0, 0);
    for _ in 0..20_000 {
        let len = u8::try_from(rng.below(5)).expect("a length");
        let payload: Vec<u8> = (0..len).map(|_| rng.next().to_le_bytes()[0]).collect();
        let rows = u8::try_from(rng.between(1, 12)).expect("rows");
        let chunk = forge(writer.header(), &[&[1, 0, 0, rows, len], &payload[..]].concat());
        let mut reader = FeedReader::open(writer.header()).expect("a header");
        if let Err(error) = reader.insert(&chunk) {
            assert_eq!(error, InsertError::Record(RecordError::Malformed));
            refused += 1;
            continue;
        }
        accepted += 1;
        let mut again = simple(0, |settings| settings.checksum_every(4));
        for row in take(&mut reader) {
            let next = again.next_frame();
            crate::support::write(&mut again, next, &row.inputs);
            if let Some(hash) = row.checksum {
                again.push_checksum(next, hash).expect("due");
            }
        }
        // Written again, it is the same; a row without its checksum ends a partial chunk, and cannot be compared.
        let is_whole = again.due_checksum().is_none_or(|due| due.get() >= u32::from(rows));
        if is_whole {
            assert_eq!(again.partial_chunk(), Some(chunk));
        }
    }
    assert!(accepted > 100 && refused > 100, "{accepted} accepted, {refused} refused");
}

#[test]
fn fields_out_of_their_range_are_refused() {
    let writer = simple(0, |settings| settings.first_frame(inputwire::Frame::new(2)));
    let mut reader = FeedReader::open(writer.header()).expect("a header");
    for fields in [
        &[0, 0, 2, 1, 0][..],                        // no such kind
        &[4, 0, 2, 1, 0],                            // no such kind
        &[1, 0, 2, 0, 0],                            // no rows, and no end
        &[1, 0, 1, 1, 0],                            // before the first frame
        &[2, 0, 2, 0, 0, 0],                         // followed by its own epoch
        &[3, 0, 2, 0, 1, 1],                         // a payload without rows
        &[3, 0, 0x82, 0, 0, 0],                      // a number that could be shorter
        &[1, 0, 0xff, 0xff, 0xff, 0xff, 0x0f, 1, 0], // past the last frame
        &[1, 0, 2, 0x81, 0x80, 4, 0],                // more rows than a chunk has
        &[1, 0, 2, 1, 1, 0],                         // a zero at the end
    ] {
        assert_eq!(reader.insert(&forge(writer.header(), fields)), Err(RecordError::Malformed.into()), "{fields:?}");
    }
}

#[test]
fn rows_before_the_beginning_of_a_feed_are_refused() {
    let mut early = simple(60, |settings| settings);
    let first = chunks(&mut early).remove(0);
    let fields = &first[..first.len() - 4];
    for (epoch, frame) in [(0, 1), (1, 0)] {
        let (epoch, frame) = (inputwire::Epoch::new(epoch), inputwire::Frame::new(frame));
        let late = simple(0, |settings| settings.first_epoch(epoch).first_frame(frame));
        let mut reader = FeedReader::open(late.header()).expect("a header");
        assert_eq!(reader.insert(&forge(late.header(), fields)), Err(RecordError::Malformed.into()));
    }
    let mut reader = FeedReader::open(early.header()).expect("a header");
    assert_eq!(reader.insert(&forge(early.header(), fields)), Ok(inputwire_feed::Inserted::New));
}

#[test]
fn random_bytes_never_panic() {
    let mut rng = Rng::new(2);
    for seed in 0..300 {
        let played = play(seed);
        let mut reader = FeedReader::open(&played.header).expect("a header");
        for chunk in &played.chunks {
            let mut fields = chunk[..chunk.len() - 4].to_vec();
            for _ in 0..rng.below(3) {
                let at = rng.index(fields.len());
                fields[at] = rng.next().to_le_bytes()[0];
            }
            let _ = reader.insert(&forge(&played.header, &fields));
            take(&mut reader);
            let _ = reader.missing();
        }
    }
}

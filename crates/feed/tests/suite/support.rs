//! Matches of random inputs, and what readers must make of them.

use inputwire::{Epoch, Frame};
use inputwire_feed::{Chunk, FeedReader, FeedWriter, Header, Row, Settings};
use inputwire_sim::rng::Rng;

/// A row, as the test knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) epoch: u32,
    pub(crate) frame: u32,
    pub(crate) inputs: Vec<Option<Vec<u8>>>,
    pub(crate) checksum: Option<u64>,
}

impl From<Row<'_>> for Known {
    fn from(row: Row<'_>) -> Self {
        Self {
            epoch: row.epoch().get(),
            frame: row.frame().get(),
            inputs: row.inputs().map(|input| input.map(<[u8]>::to_vec)).collect(),
            checksum: row.checksum(),
        }
    }
}

/// A match: its settings, rows and chunks.
#[derive(Clone, Debug)]
pub(crate) struct Match {
    pub(crate) header: Vec<u8>,
    pub(crate) rows: Vec<Known>,
    pub(crate) chunks: Vec<Vec<u8>>,
}

pub(crate) fn hash(epoch: u32, frame: u32) -> u64 {
    Rng::new(u64::from(epoch) << 32 | u64::from(frame)).next()
}

/// Inputs of a player that mostly holds its buttons, and is gone or back now and then.
#[derive(Clone, Debug)]
pub(crate) struct Player {
    input: Vec<u8>,
    present: bool,
}

impl Player {
    pub(crate) fn new(input_len: usize) -> Self {
        Self { input: vec![0; input_len], present: true }
    }

    pub(crate) fn play(&mut self, rng: &mut Rng) -> Option<Vec<u8>> {
        for byte in &mut self.input {
            if rng.one_in(8) {
                *byte ^= 1 << rng.below(8);
            }
        }
        if rng.one_in(200) {
            self.present = !self.present;
        }
        self.present.then(|| self.input.clone())
    }
}

/// Plays a match of a few epochs with everything that a feed can hold.
pub(crate) fn play(seed: u64) -> Match {
    let mut rng = Rng::new(seed);
    let seats = u16::try_from(rng.between(1, 5)).expect("seats");
    let input_len = u8::try_from(rng.between(1, 4)).expect("a size");
    let first_frame = u32::try_from(rng.below(5)).expect("a frame");
    let every = u32::try_from([0, 1, 7, 30][rng.index(4)]).expect("frames");
    let settings = Settings::new(seed, (0..seats).map(|seat| 3 * seat), input_len)
        .chunk_rows(u16::try_from(rng.between(1, 20)).expect("rows"))
        .first_frame(Frame::new(first_frame))
        .checksum_every(every);
    let mut writer = FeedWriter::new(settings).expect("settings");
    let (mut rows, mut chunks) = (Vec::new(), Vec::new());
    let epochs = rng.between(1, 3);
    for epoch in 0..epochs {
        let epoch = u32::try_from(2 * epoch).expect("an epoch");
        if epoch > 0 {
            writer.begin_epoch(Epoch::new(epoch)).expect("a later epoch");
        }
        let mut players = vec![Player::new(usize::from(input_len)); usize::from(seats)];
        for _ in 0..rng.below(120) {
            let frame = writer.next_frame();
            let inputs: Vec<_> = players.iter_mut().map(|player| player.play(&mut rng)).collect();
            write(&mut writer, frame, &inputs);
            let due = (frame.get() - first_frame).checked_rem(every) == Some(0);
            let checksum = due.then(|| hash(epoch, frame.get()));
            if let Some(checksum) = checksum {
                writer.push_checksum(frame, checksum).expect("a due checksum");
            }
            rows.push(Known { epoch, frame: frame.get(), inputs, checksum });
            chunks.extend(writer.poll_chunk());
        }
    }
    writer.finish();
    chunks.extend(std::iter::from_fn(|| writer.poll_chunk()));
    Match { header: writer.header().to_vec(), rows, chunks }
}

pub(crate) fn write(writer: &mut FeedWriter, frame: Frame, inputs: &[Option<Vec<u8>>]) {
    let inputs: Vec<Option<&[u8]>> = inputs.iter().map(Option::as_deref).collect();
    writer.push_row(frame, &inputs).expect("the next row");
}

pub(crate) fn take(reader: &mut FeedReader) -> Vec<Known> {
    std::iter::from_fn(|| reader.next_row().map(Known::from)).collect()
}

pub(crate) fn parse<'c>(header: &[u8], chunk: &'c [u8]) -> Chunk<'c> {
    let (chunk, rest) = Chunk::parse(&Header::parse(header).expect("a header").0, chunk).expect("a chunk");
    assert!(rest.is_empty());
    chunk
}

/// A writer of two players with inputs of one byte, and this many rows of them.
pub(crate) fn simple(rows: u32, settings: impl FnOnce(Settings) -> Settings) -> FeedWriter {
    let mut writer = FeedWriter::new(settings(Settings::new(1, [0, 1], 1))).expect("settings");
    extend(&mut writer, rows);
    writer
}

/// The same inputs for the same frames.
pub(crate) fn extend(writer: &mut FeedWriter, rows: u32) {
    for _ in 0..rows {
        let frame = writer.next_frame();
        let [one, other, ..] = hash(writer.epoch().get(), frame.get() / 4).to_le_bytes();
        writer.push_row(frame, &[Some(&[one & 3]), Some(&[other & 5])]).expect("a row");
    }
}

pub(crate) fn chunks(writer: &mut FeedWriter) -> Vec<Vec<u8>> {
    std::iter::from_fn(|| writer.poll_chunk()).collect()
}

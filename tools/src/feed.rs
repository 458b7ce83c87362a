//! The commands about feeds.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, BufWriter, Write as _};
use std::process::ExitCode;

use inputwire_feed::{Chunk, FeedReader, Follows, Header, InsertError, Row, pack};

use crate::print;

/// A file, and what can be read of it.
struct Feed {
    bytes: Vec<u8>,
    reader: FeedReader,
    /// Why reading stopped before the end of the file, if it did.
    rest: Result<(), InsertError>,
}

fn open(file: &str) -> Result<Feed, String> {
    let bytes = fs::read(file).map_err(|error| format!("{file}: {error}"))?;
    let (reader, rest) = FeedReader::open_file(&bytes).map_err(|error| format!("{file}: {error}"))?;
    Ok(Feed { bytes, reader, rest })
}

impl Feed {
    fn header(&self) -> Result<(Header<'_>, &[u8]), String> {
        Header::parse(&self.bytes).map_err(|error| error.to_string())
    }

    /// The chunks, as far as they can be read.
    fn chunks(&self) -> Result<Vec<Chunk<'_>>, String> {
        let (header, mut rest) = self.header()?;
        let mut chunks = Vec::new();
        while let Ok((chunk, following)) = Chunk::parse(&header, rest) {
            chunks.push(chunk);
            rest = following;
        }
        Ok(chunks)
    }
}

pub(crate) fn info(file: &str) -> Result<ExitCode, String> {
    let feed = open(file)?;
    let (header, _) = feed.header()?;
    let players: Vec<u16> = header.players().collect();
    let micros = header.frame_interval().as_micros();
    print(format_args!(
        "feed {:016x}: players {players:?}, inputs of {} bytes, {micros} us a frame, epochs begin with frame {}",
        header.feed_id(),
        header.input_len(),
        header.first_frame(),
    ));
    let checksums = match header.checksum_every() {
        0 => "no checksums".to_owned(),
        every => format!("a checksum every {every} frames"),
    };
    print(format_args!("live chunks of {} rows, {checksums}", header.chunk_rows()));
    if !header.game().is_empty() {
        print(format_args!("the game's own {} bytes: {}", header.game().len(), header.game().escape_ascii()));
    }
    let chunks = feed.chunks()?;
    let payload: usize = chunks.iter().map(Chunk::payload_len).sum();
    let mut reader = feed.reader.clone();
    let mut presence = vec![false; players.len()];
    let (mut rows, mut checksums, mut epoch) = (0_u64, 0_u64, None);
    while let Some(row) = reader.next_row() {
        rows += 1;
        checksums += u64::from(row.checksum().is_some());
        if epoch != Some(row.epoch()) {
            print(format_args!("epoch {} from frame {}", row.epoch(), row.frame()));
            epoch = Some(row.epoch());
            presence = row.inputs().map(|input| input.is_some()).collect();
            for (player, _) in players.iter().zip(&presence).filter(|(_, present)| !**present) {
                print(format_args!("  player {player} is absent"));
            }
        }
        show_presence(&row, &players, &mut presence);
    }
    let seconds = u128::from(rows) * micros / 1_000_000;
    print(format_args!(
        "{} bytes: {} chunks, {payload} bytes of rows; {rows} rows, {checksums} checksums, {}:{:02} minutes",
        feed.bytes.len(),
        chunks.len(),
        seconds / 60,
        seconds % 60,
    ));
    print(if reader.is_complete() { "the end is there" } else { "the end is not there" });
    for gap in reader.missing() {
        print(format_args!("missing: {gap}"));
    }
    if let Err(error) = &feed.rest {
        print(format_args!("not read to its end: {error}"));
    }
    Ok(ExitCode::SUCCESS)
}

fn show_presence(row: &Row<'_>, players: &[u16], presence: &mut [bool]) {
    for ((input, player), present) in row.inputs().zip(players).zip(presence) {
        match (*present, input.is_some()) {
            (false, true) => print(format_args!("  player {player} joins in frame {}", row.frame())),
            (true, false) => {
                print(format_args!("  player {player} has departed: its last frame is {}", row.frame().get() - 1));
            }
            _ => {}
        }
        *present = input.is_some();
    }
}

pub(crate) fn cat(file: &str) -> Result<ExitCode, String> {
    let mut feed = open(file)?;
    let mut out = BufWriter::new(io::stdout().lock());
    let mut line = String::new();
    while let Some(row) = feed.reader.next_row() {
        line.clear();
        let _ = write!(line, "{} {}", row.epoch(), row.frame());
        for input in row.inputs() {
            line.push(' ');
            match input {
                Some(bytes) => bytes.iter().for_each(|byte| {
                    let _ = write!(line, "{byte:02x}");
                }),
                None => line.push('-'),
            }
        }
        if let Some(hash) = row.checksum() {
            let _ = write!(line, " {hash:016x}");
        }
        // Whoever reads this may stop reading.
        if writeln!(out, "{line}").is_err() {
            break;
        }
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn verify(file: &str) -> Result<ExitCode, String> {
    let mut feed = open(file)?;
    let mut rows = 0_u64;
    while feed.reader.next_row().is_some() {
        rows += 1;
    }
    let mut faults: Vec<String> = feed.reader.missing().iter().map(|gap| format!("missing: {gap}")).collect();
    faults.extend(feed.rest.as_ref().err().map(|error| format!("not read to its end: {error}")));
    let ends = feed.chunks()?.iter().any(|chunk| chunk.follows() == Follows::Nothing);
    if !feed.reader.is_complete() && (faults.is_empty() || !ends) {
        let (epoch, frame) = feed.reader.position();
        faults.push(format!("no end: the rows stop before frame {frame} of epoch {epoch}"));
    }
    if faults.is_empty() {
        print(format_args!("whole: {rows} rows"));
        return Ok(ExitCode::SUCCESS);
    }
    for fault in faults {
        print(format_args!("{file}: {fault}"));
    }
    Ok(ExitCode::FAILURE)
}

pub(crate) fn pack_file(file: &str, to: &str) -> Result<ExitCode, String> {
    let mut feed = open(file)?;
    let packed = pack(&mut feed.reader);
    let gaps = feed.reader.missing();
    if let Some(gap) = gaps.first() {
        return Err(format!("{file}: missing: {gap}; rows after it cannot be packed"));
    }
    fs::write(to, &packed).map_err(|error| format!("{to}: {error}"))?;
    print(format_args!("{} bytes instead of {}", packed.len(), feed.bytes.len()));
    Ok(ExitCode::SUCCESS)
}

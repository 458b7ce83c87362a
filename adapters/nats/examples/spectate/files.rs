//! Feeds as plain files, which any HTTP server serves.
//!
//! ```text
//! feed.iwf          the header and all rows so far, packed; replaced every minute and at the end
//! EPOCH-FRAME.iwf   the chunk that begins with this frame, never changed: the next one is asked for by the reader's position
//! ```

use std::fmt::Write as _;
use std::io::{self, Read, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, time};

use inputwire_feed::{Chunk, FeedReader, Header, pack};

const PACK_EVERY: time::Duration = Duration::from_secs(60);

/// Writes a feed into a folder.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    header: Vec<u8>,
    chunks: Vec<u8>,
    packed_at: time::Instant,
}

impl Folder {
    pub(crate) fn open(path: &Path, header: &[u8]) -> io::Result<Self> {
        fs::create_dir_all(path)?;
        let folder = Self {
            path: path.to_owned(),
            header: header.to_vec(),
            chunks: Vec::new(),
            packed_at: time::Instant::now(),
        };
        folder.replace("feed.iwf", header)?;
        Ok(folder)
    }

    pub(crate) fn publish(&mut self, chunk: &[u8]) -> io::Result<()> {
        let (header, _) = Header::parse(&self.header).map_err(io::Error::other)?;
        let (parsed, _) = Chunk::parse(&header, chunk).map_err(io::Error::other)?;
        self.replace(&name(parsed.epoch().get(), parsed.first_frame().get()), chunk)?;
        self.chunks.extend_from_slice(chunk);
        if self.packed_at.elapsed() >= PACK_EVERY {
            self.pack()?;
        }
        Ok(())
    }

    /// Packs all rows so far into `feed.iwf`.
    pub(crate) fn pack(&mut self) -> io::Result<()> {
        self.packed_at = time::Instant::now();
        let file = [&self.header[..], &self.chunks].concat();
        let (mut reader, rest) = FeedReader::open_file(&file).map_err(io::Error::other)?;
        rest.map_err(io::Error::other)?;
        self.replace("feed.iwf", &pack(&mut reader))
    }

    /// Replaces a file at once: nobody reads half of it.
    fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let draft = self.path.join(format!("{name}.new"));
        fs::write(&draft, bytes)?;
        fs::rename(draft, self.path.join(name))
    }
}

/// The file of the chunk that begins with a frame.
pub(crate) fn name(epoch: u32, frame: u32) -> String {
    format!("{epoch}-{frame}.iwf")
}

/// Reads a file from a folder or from `http://HOST:PORT/PATH`; `None` if it is not there.
pub(crate) fn fetch(from: &str, name: &str) -> io::Result<Option<Vec<u8>>> {
    let Some(rest) = from.strip_prefix("http://") else {
        return match fs::read(Path::new(from).join(name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            read => read.map(Some),
        };
    };
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let mut stream = TcpStream::connect(host)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut request = String::new();
    let _ = write!(request, "GET /{path}{name} HTTP/1.0\r\nHost: {host}\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").map(|at| at + 4);
    let status = answer.split(|byte| *byte == b' ').nth(1).unwrap_or_default();
    match (status, end) {
        (b"200", Some(end)) => Ok(Some(answer.split_off(end))),
        (b"404", _) => Ok(None),
        _ => Err(io::Error::other(format!("{from}{name}: {}", String::from_utf8_lossy(status)))),
    }
}

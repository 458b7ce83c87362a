//! Any datagram of either wire as a list of named fields, read from its bytes alone (`docs/PROTOCOL.md` 2.1 and 3.3 to 3.9).
//!
//! Three things are not in every datagram: how long a tag is, how long an input is, and which wire this is. A hello tells the
//! first two for every later one of its link.

/// A field of a datagram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    /// Where it begins, in bytes.
    pub(crate) at: usize,
    pub(crate) len: usize,
    /// Its name, as in the Wireshark dissector.
    pub(crate) name: &'static str,
    pub(crate) value: String,
}

/// A datagram in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Decoded {
    pub(crate) kind: &'static str,
    pub(crate) fields: Vec<Field>,
    /// Why the rest cannot be read.
    pub(crate) problem: Option<&'static str>,
}

/// What is known of the link that a datagram belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    /// The size of an input tag: 2, 4 or 8.
    pub(crate) tag: usize,
    pub(crate) input_len: usize,
}

impl Link {
    pub(crate) const UNKNOWN: Self = Self { tag: 2, input_len: 1 };
}

/// Reads fields one after the other.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    fields: Vec<Field>,
}

/// The end of the bytes.
struct End;

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], End> {
        let taken = self.bytes.get(self.at..).and_then(|rest| rest.get(..len)).ok_or(End)?;
        self.at += len;
        Ok(taken)
    }

    fn push(&mut self, len: usize, name: &'static str, value: impl Into<String>) {
        self.fields.push(Field { at: self.at - len, len, name, value: value.into() });
    }

    fn number(&mut self, len: usize, name: &'static str) -> Result<u64, End> {
        let number = self.take(len)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        self.push(len, name, number.to_string());
        Ok(number)
    }

    fn hex(&mut self, len: usize, name: &'static str) -> Result<(), End> {
        let value = hex(self.take(len)?);
        self.push(len, name, value);
        Ok(())
    }

    /// A part of the byte that was taken last.
    fn bits(&mut self, name: &'static str, value: u64) {
        self.push(1, name, value.to_string());
    }

    fn rest(&self) -> usize {
        self.bytes.len() - self.at
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Reads a datagram, and what a hello tells of its link.
pub(crate) fn decode(bytes: &[u8], link: &mut Link) -> Decoded {
    let mut reader = Reader { bytes, at: 0, fields: Vec::new() };
    let kind = match bytes.first() {
        None => "empty",
        Some(0x80..) => "input datagram",
        Some(0x20) => "hello",
        Some(0x21) => "bye",
        Some(0x22) => "checksums",
        Some(0x23) => "word",
        Some(0x01) => "INPUT",
        Some(0x02) => "PING",
        Some(0x03) => "PONG",
        Some(0x04) => "KEEPALIVE",
        Some(0x10) => "VALIDATION_PING",
        Some(0x11) => "VALIDATION_PONG",
        Some(0x12) => "INPUT_REQUEST",
        Some(0x13) => "INPUT_RESPONSE",
        Some(0x05..=0x07 | 0x14 | b'{' | b'[') => "game message",
        Some(_) => "unknown type",
    };
    let outcome = match kind {
        "empty" => Err(End),
        "input datagram" => input(&mut reader, *link),
        "hello" => hello(&mut reader, link),
        "bye" => bye(&mut reader),
        "checksums" => checksums(&mut reader, link.tag),
        "word" => word(&mut reader, link.input_len),
        "game message" | "unknown type" => reader.hex(bytes.len(), "bytes"),
        _ => classic(&mut reader, kind),
    };
    let problem = match outcome {
        Err(End) => Some("cut short, or the tag is longer"),
        Ok(()) if reader.rest() > 0 => Some("bytes that belong to no field"),
        Ok(()) => None,
    };
    Decoded { kind, fields: reader.fields, problem }
}

/// PROTOCOL 3.3 and 3.6.
fn input(reader: &mut Reader<'_>, link: Link) -> Result<(), End> {
    let first = reader.number(1, "type")?;
    let timed = first & 0x40 != 0;
    reader.bits("input.timed", u64::from(timed));
    reader.bits("input.epoch", first >> 4 & 3);
    reader.bits("input.short_count", first & 15);
    reader.number(1, "input.end")?;
    reader.number(1, "input.ack")?;
    reader.hex(link.tag, "tag")?;
    let mut count = first & 15;
    if count == 15 {
        count += reader.number(1, "input.count")?;
    }
    if timed {
        reader.number(2, "timing.stamp")?;
        reader.number(2, "timing.echo")?;
        reader.number(2, "timing.sent")?;
        reader.number(1, "timing.lost")?;
        let lead = reader.take(1)?[0].cast_signed();
        reader.push(1, "timing.lead", if lead == i8::MIN { "unknown".into() } else { lead.to_string() });
    }
    body(reader, "input.body", "input.step", count, link.input_len)
}

/// PROTOCOL 3.4: the rest of the datagram. Each input as a step from the one before.
fn body(
    reader: &mut Reader<'_>,
    whole: &'static str,
    each: &'static str,
    count: u64,
    input_len: usize,
) -> Result<(), End> {
    let bytes = reader.take(reader.rest())?;
    if !bytes.is_empty() {
        reader.push(bytes.len(), whole, hex(bytes));
    }
    let mut stream = Bits { bytes, at: 0 };
    for _ in 0..count {
        reader.push(bytes.len(), each, stream.input(input_len));
    }
    Ok(())
}

/// A stream of bits, the lowest of each byte first, that goes on with zeros.
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn take(&mut self, width: usize) -> u8 {
        (0..width).fold(0, |value, place| {
            let bit = self.bytes.get(self.at / 8).map_or(0, |byte| byte >> (self.at % 8) & 1);
            self.at += 1;
            value | bit << place
        })
    }

    fn step(&mut self) -> String {
        // How many ones come first, at most three, says which form it is.
        let form = (0..3).take_while(|_| self.take(1) == 1).count();
        match form {
            0 => "=".into(),
            1 => format!("^{}", self.take(3)),
            2 => match self.take(4) {
                d @ ..8 => format!("-{}", 8 - d),
                d => format!("+{}", d - 7),
            },
            _ => format!("{:02x}", self.take(8)),
        }
    }

    fn input(&mut self, len: usize) -> String {
        if len == 1 {
            return self.step();
        }
        if self.take(1) == 0 {
            return "=".into();
        }
        let sparse = self.take(1) == 0;
        let parts = (0..len).map(|_| if sparse { self.step() } else { format!("{:02x}", self.take(8)) });
        parts.collect::<Vec<_>>().join(" ")
    }
}

/// PROTOCOL 3.9.
fn hello(reader: &mut Reader<'_>, link: &mut Link) -> Result<(), End> {
    reader.number(1, "type")?;
    reader.hex(if reader.bytes.len() == 56 { 8 } else { 2 }, "tag")?;
    reader.number(1, "hello.version")?;
    reader.number(2, "hello.sender")?;
    reader.number(2, "hello.receiver")?;
    let input_len = reader.number(1, "hello.input_len")?;
    reader.number(1, "hello.window")?;
    let tag = reader.number(1, "hello.tag_size")?;
    let flags = reader.number(1, "hello.flags")?;
    reader.bits("hello.playing", flags & 1);
    reader.bits("hello.asks", flags >> 1 & 1);
    reader.number(4, "hello.frame_interval")?;
    reader.number(2, "hello.ping_interval")?;
    reader.number(4, "hello.first_frame")?;
    reader.number(4, "hello.epoch")?;
    reader.hex(8, "hello.incarnation")?;
    reader.number(4, "hello.number")?;
    reader.hex(8, "hello.named")?;
    reader.number(4, "hello.answered")?;
    if let (1.., 2 | 4 | 8, Ok(input_len), Ok(tag)) = (input_len, tag, input_len.try_into(), tag.try_into()) {
        *link = Link { tag, input_len };
    }
    Ok(())
}

/// PROTOCOL 3.9.
fn bye(reader: &mut Reader<'_>) -> Result<(), End> {
    reader.number(1, "type")?;
    reader.hex(if reader.bytes.len() == 25 { 8 } else { 2 }, "tag")?;
    reader.hex(8, "bye.incarnation")?;
    reader.number(4, "bye.epoch")?;
    reader.number(4, "bye.send_next").map(drop)
}

/// PROTOCOL 3.9.
fn checksums(reader: &mut Reader<'_>, tag: usize) -> Result<(), End> {
    reader.number(1, "type")?;
    reader.hex(tag, "tag")?;
    reader.number(4, "checksums.ack")?;
    while reader.rest() > 0 {
        reader.number(4, "checksums.frame")?;
        reader.hex(8, "checksums.hash")?;
    }
    Ok(())
}

/// PROTOCOL 3.12. The size of the tag follows from the numbers of players, if there are no inputs.
fn word(reader: &mut Reader<'_>, input_len: usize) -> Result<(), End> {
    reader.number(1, "type")?;
    let len = reader.bytes.len();
    let fits = |tag: usize| {
        let Some(&[flags, players, stays]) = reader.bytes.get(1 + tag..4 + tag) else { return false };
        let end = 4 + tag + 8 * usize::from(players) + 2 * usize::from(stays);
        let fits = if flags & 4 == 0 { end == len } else { end + 6 <= len };
        fits && players < 64 && stays < 64 && flags < 8 && (players > 0 || flags == 0 && stays == 0)
    };
    let tag = if !fits(2) && fits(8) { 8 } else { 2 };
    reader.hex(tag, "tag")?;
    let flags = reader.number(1, "word.flags")?;
    reader.bits("word.have", flags & 1);
    reader.bits("word.reply", flags >> 1 & 1);
    reader.bits("word.inputs", flags >> 2 & 1);
    let players = reader.number(1, "word.players")?;
    let stays = reader.number(1, "word.stays")?;
    for _ in 0..players {
        reader.number(2, "word.player")?;
        reader.number(2, "word.source")?;
        reader.number(4, "word.end")?;
    }
    for _ in 0..stays {
        reader.number(2, "word.stay")?;
    }
    if flags & 4 == 0 {
        return Ok(());
    }
    reader.number(1, "word.index")?;
    let count = reader.number(1, "word.count")?;
    reader.number(4, "word.base")?;
    body(reader, "word.body", "word.step", count, input_len)
}

/// PROTOCOL 2.1.
fn classic(reader: &mut Reader<'_>, kind: &str) -> Result<(), End> {
    reader.number(1, "type")?;
    let (entries, count) = match kind {
        "PING" | "PONG" | "VALIDATION_PING" | "VALIDATION_PONG" => {
            let bytes = reader.take(8)?.try_into().map_err(|_| End)?;
            reader.push(8, "ping.millis", f64::from_be_bytes(bytes).to_string());
            return Ok(());
        }
        "INPUT_REQUEST" => {
            reader.number(4, "request.first")?;
            return reader.number(4, "request.last").map(drop);
        }
        "INPUT" => {
            reader.number(2, "classic.player")?;
            reader.number(4, "classic.current_frame")?;
            let count = reader.number(1, "classic.count")?;
            reader.number(1, "classic.flags")?;
            (true, count)
        }
        "INPUT_RESPONSE" => {
            reader.number(2, "classic.player")?;
            (true, reader.number(2, "classic.count")?)
        }
        _ => (false, 0),
    };
    for _ in 0..if entries { count } else { 0 } {
        reader.number(4, "classic.frame")?;
        reader.number(1, "classic.action")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Link, decode};

    fn fields(datagram: &str, link: Link) -> Vec<(&'static str, String)> {
        let bytes: Vec<u8> =
            (0..datagram.len() / 2).map(|i| u8::from_str_radix(&datagram[2 * i..2 * i + 2], 16).unwrap()).collect();
        let decoded = decode(&bytes, &mut { link });
        assert_eq!(decoded.problem, None, "{decoded:?}");
        decoded.fields.into_iter().map(|field| (field.name, field.value)).collect()
    }

    #[test]
    fn the_example_of_the_document_is_six_unchanged_inputs_and_plus_three() {
        // PROTOCOL 3.4, in a datagram of seven inputs without a timing block.
        let fields = fields("870700beefc014", Link::UNKNOWN);
        let steps: Vec<&str> =
            fields.iter().filter(|(name, _)| *name == "input.step").map(|(_, value)| value.as_str()).collect();
        assert_eq!(steps, ["=", "=", "=", "=", "=", "=", "+3"]);
    }

    #[test]
    fn a_word_carries_players_those_that_stay_and_inputs_of_one_who_left() {
        let fields = fields("23aaaa05020200026f000000006400070000000000320003010301030000002f4c01", Link::UNKNOWN);
        let of = |name: &str| {
            fields.iter().filter(|field| field.0 == name).map(|field| field.1.as_str()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!((of("word.player"), of("word.source")), ("2 7".into(), "28416 0".into()));
        assert_eq!(of("word.end"), "100 50");
        assert_eq!((of("word.base"), of("word.step")), ("47".into(), "= = +3".into()));
        assert_eq!((of("word.stays"), of("word.stay")), ("2".into(), "3 259".into()));
        assert_eq!(["word.have", "word.reply", "word.inputs"].map(of), ["1", "0", "1"]);
    }

    #[test]
    fn no_bytes_make_it_panic() {
        let mut state = 7_u64;
        for _ in 0..200_000 {
            let mut next = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (state >> 33) as usize
            };
            let len = next() % 60;
            let mut bytes: Vec<u8> = (0..len).map(|_| next().to_le_bytes()[0]).collect();
            if let Some(first) = bytes.first_mut() {
                *first = [0x20, 0x21, 0x22, 0x23, 0x80, 0xff, 0x01, 0x13, *first][next() % 9];
            }
            let decoded = decode(&bytes, &mut Link { tag: [2, 4, 8][next() % 3], input_len: 1 + next() % 40 });
            assert!(decoded.fields.iter().all(|field| field.at + field.len <= bytes.len()));
        }
    }
}

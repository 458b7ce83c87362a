//! What the options of several commands have in common.

use std::str::FromStr;

use inputwire_record::Keys;
use lexopt::prelude::*;

/// Returns the arguments of a command without options.
pub(crate) fn words(parser: &mut lexopt::Parser) -> Result<Vec<String>, lexopt::Error> {
    let mut words = Vec::new();
    while let Some(argument) = parser.next()? {
        match argument {
            Value(word) => words.push(word.string()?),
            other => return Err(other.unexpected()),
        }
    }
    Ok(words)
}

/// Returns the value of the present option, which must be one of some numbers.
pub(crate) fn number<N: FromStr + PartialOrd + std::fmt::Display + Copy>(
    parser: &mut lexopt::Parser,
    least: N,
    most: N,
) -> Result<N, lexopt::Error> {
    let word = parser.value()?.string()?;
    let number = word.parse().ok().filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| format!("{word}: not a number from {least} to {most}").into())
}

/// Reads bytes in hexadecimal.
pub(crate) fn hex(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2);
    pairs
        .map(|pair| {
            let pair = std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2)?;
            u8::from_str_radix(pair, 16).ok().filter(|_| pair.bytes().all(|byte| byte.is_ascii_hexdigit()))
        })
        .collect()
}

fn key(digits: &str) -> Result<[u8; 16], lexopt::Error> {
    let bytes = hex(digits).and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or_else(|| "a key has 32 hexadecimal digits".into())
}

/// Reads the value of `--key`.
pub(crate) fn session_key(parser: &mut lexopt::Parser, keys: Keys) -> Result<Keys, lexopt::Error> {
    Ok(keys.session(key(&parser.value()?.string()?)?))
}

/// Reads the value of `--peer-key`.
pub(crate) fn peer_key(parser: &mut lexopt::Parser, keys: Keys) -> Result<Keys, lexopt::Error> {
    let pair = parser.value()?.string()?;
    let pair = pair.split_once(':').and_then(|(player, digits)| Some((player.parse().ok()?, digits)));
    let (player, digits) = pair.ok_or("--peer-key needs a player number, a colon and a key")?;
    Ok(keys.peer(player, key(digits)?))
}

//! Datagrams in words.

use std::io;
use std::process::ExitCode;

use lexopt::prelude::*;
use serde_json::{Map, Value as Json, json};

use crate::datagram::{Decoded, Link, decode};
use crate::{options, print};

pub(crate) struct Options {
    datagrams: Vec<Vec<u8>>,
    link: Link,
    json: bool,
}

impl Options {
    pub(crate) fn read(parser: &mut lexopt::Parser) -> Result<Self, lexopt::Error> {
        let mut options = Self { datagrams: Vec::new(), link: Link::UNKNOWN, json: false };
        while let Some(argument) = parser.next()? {
            match argument {
                Long("tag") => {
                    options.link.tag = options::number(parser, 2, 8)?;
                    if ![2, 4, 8].contains(&options.link.tag) {
                        return Err("a tag has 2, 4 or 8 bytes".into());
                    }
                }
                Long("input-len") => options.link.input_len = options::number(parser, 1, 255)?,
                Long("json") => options.json = true,
                Value(word) => match word.string()?.as_str() {
                    "-" => {
                        for line in io::stdin().lines() {
                            options.add(line.map_err(|error| error.to_string())?.trim())?;
                        }
                    }
                    digits => options.add(digits)?,
                },
                other => return Err(other.unexpected()),
            }
        }
        if options.datagrams.is_empty() {
            return Err("decode needs a datagram in hexadecimal".into());
        }
        Ok(options)
    }

    fn add(&mut self, digits: &str) -> Result<(), String> {
        let bytes = options::hex(digits).ok_or_else(|| format!("{digits}: not hexadecimal"))?;
        self.datagrams.push(bytes);
        Ok(())
    }
}

pub(crate) fn run(options: &Options) -> ExitCode {
    let (mut link, mut whole) = (options.link, true);
    for bytes in &options.datagrams {
        let decoded = decode(bytes, &mut link);
        whole &= decoded.problem.is_none();
        if options.json {
            print(as_json(&decoded));
        } else {
            print(format_args!("{}, {} bytes", decoded.kind, bytes.len()));
            for field in &decoded.fields {
                print(format_args!("  {:>4} +{:<3} {:<24} {}", field.at, field.len, field.name, field.value));
            }
            if let Some(problem) = decoded.problem {
                print(format_args!("  {problem}"));
            }
        }
    }
    if whole { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn as_json(decoded: &Decoded) -> Json {
    let fields = decoded
        .fields
        .iter()
        .map(|field| json!({ "at": field.at, "len": field.len, "name": field.name, "value": field.value }));
    let mut object = Map::new();
    object.insert("kind".into(), decoded.kind.into());
    object.insert("fields".into(), fields.collect());
    object.insert("problem".into(), decoded.problem.into());
    object.into()
}

//! What comes of a call, as a recording holds it.
//!
//! Refusals and rare events are kept as the text that `Debug` makes of them: nothing in a file depends on the order in
//! which the session's types declare them, and an event that is yet to be invented has a place.

use std::borrow::Cow;
use std::fmt;

use inputwire::{Event, Frame, Instant, PeerId, Transmit};

use crate::bytes::{Reader, put, put_bytes, put_step};
use crate::call::Hex;

/// What came of a call.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome<'a> {
    /// It was done, or there was nothing more.
    Nothing,
    /// The number of a peer that was added, or of a frame that was pushed.
    Number(u32),
    /// It was refused for this reason.
    Refused(Cow<'a, str>),
    /// A datagram to this peer.
    Datagram(PeerId, Cow<'a, [u8]>),
    /// An input of a peer in a frame.
    Input(PeerId, Frame, Cow<'a, [u8]>),
    /// Any other event.
    Told(Cow<'a, str>),
    /// A moment.
    Wake(Instant),
}

impl<'a> Outcome<'a> {
    /// Of a call that can fail.
    pub fn of<T, E: fmt::Debug>(result: &Result<T, E>, number: impl FnOnce(&T) -> Option<u32>) -> Self {
        match result {
            Ok(value) => number(value).map_or(Self::Nothing, Self::Number),
            Err(error) => Self::Refused(format!("{error:?}").into()),
        }
    }

    /// Of `poll_transmit`.
    #[must_use]
    pub fn of_transmit(transmit: Option<&Transmit<'a>>) -> Self {
        transmit.map_or(Self::Nothing, |transmit| Self::Datagram(transmit.peer, transmit.datagram.into()))
    }

    /// Of `poll_event`.
    #[must_use]
    pub fn of_event<const INPUT: usize>(event: Option<&'a Event<INPUT>>) -> Self {
        match event {
            None => Self::Nothing,
            Some(Event::Input { peer, frame, input }) => Self::Input(*peer, *frame, input.as_slice().into()),
            Some(event) => Self::Told(format!("{event:?}").into()),
        }
    }

    /// Of `poll_timeout`.
    #[must_use]
    pub fn of_timeout(timeout: Option<Instant>) -> Self {
        timeout.map_or(Self::Nothing, Self::Wake)
    }

    /// Appends the outcome. `last` is the time of the last call that was given one, in microseconds.
    pub(crate) fn put(&self, out: &mut Vec<u8>, last: u64) {
        match self {
            // A poll that gives nothing is the most frequent call of all.
            Self::Nothing => {}
            Self::Number(number) => {
                out.push(1);
                put(out, (*number).into());
            }
            Self::Refused(reason) => {
                out.push(2);
                put_bytes(out, reason.as_bytes());
            }
            Self::Datagram(peer, datagram) => {
                out.push(3);
                put(out, peer.get().into());
                put_bytes(out, datagram);
            }
            Self::Input(peer, frame, input) => {
                out.push(4);
                put(out, peer.get().into());
                put(out, frame.get().into());
                put_bytes(out, input);
            }
            Self::Told(event) => {
                out.push(5);
                put_bytes(out, event.as_bytes());
            }
            Self::Wake(moment) => {
                out.push(6);
                put_step(out, last, moment.as_micros());
            }
        }
    }

    /// Reads an outcome.
    pub(crate) fn read(reader: &mut Reader<'a>, last: u64) -> Option<Self> {
        let Some(kind) = reader.byte() else { return Some(Self::Nothing) };
        Some(match kind {
            1 => Self::Number(reader.small()?),
            2 => Self::Refused(reader.text()?.into()),
            3 => Self::Datagram(PeerId::new(reader.small()?), reader.bytes()?.into()),
            4 => Self::Input(PeerId::new(reader.small()?), Frame::new(reader.small()?), reader.bytes()?.into()),
            5 => Self::Told(reader.text()?.into()),
            6 => Self::Wake(Instant::from_micros(reader.step(last)?)),
            _ => return None,
        })
    }
}

impl fmt::Debug for Outcome<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("nothing"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Refused(reason) => write!(f, "refused: {reason}"),
            Self::Datagram(peer, datagram) => write!(f, "to {peer}: {:?}", Hex(datagram)),
            Self::Input(peer, frame, input) => write!(f, "input of {peer} in frame {frame}: {:?}", Hex(input)),
            Self::Told(event) => f.write_str(event),
            Self::Wake(moment) => write!(f, "{} us", moment.as_micros()),
        }
    }
}

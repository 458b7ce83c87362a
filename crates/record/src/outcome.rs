//! The outcome of a call, as a recording holds it.
//!
//! Errors and most events are recorded as the text of their `Debug`. So a file does not depend on the order in which the
//! types declare them, and has a place for events to come.

use std::borrow::Cow;
use std::fmt;

use inputwire::{Event, Frame, Instant, PeerId, Transmit};

use crate::bytes::{Reader, put, put_bytes, put_step};
use crate::call::Hex;

/// The outcome of a call.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome<'a> {
    /// The call was done, or the poll returned `None`.
    Nothing,
    /// The id of the added peer, the frame of the pushed input, or the frame that a skip has reached.
    Number(u32),
    /// The call failed with this error.
    Refused(Cow<'a, str>),
    /// A datagram to a peer.
    Datagram(PeerId, Cow<'a, [u8]>),
    /// An input of a peer in a frame.
    Input(PeerId, Frame, Cow<'a, [u8]>),
    /// Any other event.
    Event(Cow<'a, str>),
    /// The time of the next timeout.
    Timeout(Instant),
}

impl<'a> Outcome<'a> {
    /// The outcome of a call that can fail.
    pub fn of<T, E: fmt::Debug>(result: &Result<T, E>, number: impl FnOnce(&T) -> Option<u32>) -> Self {
        match result {
            Ok(value) => number(value).map_or(Self::Nothing, Self::Number),
            Err(error) => Self::Refused(format!("{error:?}").into()),
        }
    }

    /// The outcome of `poll_transmit` or `poll_transmit_to`.
    #[must_use]
    pub fn of_transmit(transmit: Option<&Transmit<'a>>) -> Self {
        transmit.map_or(Self::Nothing, |transmit| Self::Datagram(transmit.peer, transmit.datagram.into()))
    }

    /// The outcome of `poll_event`.
    #[must_use]
    pub fn of_event<const INPUT_LEN: usize>(event: Option<&'a Event<INPUT_LEN>>) -> Self {
        match event {
            None => Self::Nothing,
            Some(Event::Input { peer, frame, input }) => Self::Input(*peer, *frame, input.as_slice().into()),
            Some(event) => Self::Event(format!("{event:?}").into()),
        }
    }

    /// The outcome of `poll_timeout`.
    #[must_use]
    pub fn of_timeout(timeout: Option<Instant>) -> Self {
        timeout.map_or(Self::Nothing, Self::Timeout)
    }

    /// Appends the outcome. `last` is the time of the last call that had one, in microseconds.
    pub(crate) fn put(&self, out: &mut Vec<u8>, last: u64) {
        match self {
            // No byte at all, since most polls return nothing.
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
            Self::Event(event) => {
                out.push(5);
                put_bytes(out, event.as_bytes());
            }
            Self::Timeout(moment) => {
                out.push(6);
                put_step(out, last, moment.as_micros());
            }
        }
    }

    /// Reads an outcome. `last` is as in [`put`](Self::put).
    pub(crate) fn read(reader: &mut Reader<'a>, last: u64) -> Option<Self> {
        let Some(kind) = reader.byte() else { return Some(Self::Nothing) };
        Some(match kind {
            1 => Self::Number(reader.small()?),
            2 => Self::Refused(reader.text()?.into()),
            3 => Self::Datagram(PeerId::new(reader.small()?), reader.bytes()?.into()),
            4 => Self::Input(PeerId::new(reader.small()?), Frame::new(reader.small()?), reader.bytes()?.into()),
            5 => Self::Event(reader.text()?.into()),
            6 => Self::Timeout(Instant::from_micros(reader.step(last)?)),
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
            Self::Event(event) => f.write_str(event),
            Self::Timeout(moment) => write!(f, "{} us", moment.as_micros()),
        }
    }
}

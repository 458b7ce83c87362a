//! The calls of a session, as a recording names them.

use std::fmt;

use inputwire::{Epoch, Frame, Instant, MAX_DATAGRAM_SIZE, PeerId};

use crate::bytes::{Reader, put, put_bytes, put_option, put_step};

/// A call of a session with its arguments, or a mark in the recording.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the names are those of the methods and their arguments")]
pub enum Call<'a> {
    AddPeer {
        now: Instant,
        classic: bool,
        /// Whether the pair has a key of its own.
        keyed: bool,
        player: u16,
        incarnation: Option<u64>,
        /// The frame from which it joins late.
        from: Option<Frame>,
    },
    HandleTransportClosed {
        now: Instant,
        peer: PeerId,
    },
    HandleTransportOpened {
        now: Instant,
        peer: PeerId,
    },
    DisconnectPeer {
        now: Instant,
        peer: PeerId,
    },
    RemovePeer {
        now: Instant,
        peer: PeerId,
    },
    PushInput {
        now: Instant,
        input: &'a [u8],
    },
    SkipTo {
        now: Instant,
        frame: Frame,
        input: &'a [u8],
    },
    BeginEpoch {
        now: Instant,
        epoch: Epoch,
    },
    PushChecksum {
        now: Instant,
        frame: Frame,
        hash: u64,
    },
    Close {
        now: Instant,
    },
    SetInputDelay {
        frames: u32,
    },
    ClearCounters,
    HandleDatagram {
        now: Instant,
        from: PeerId,
        datagram: &'a [u8],
    },
    HandleTimeout {
        now: Instant,
    },
    PollTransmit,
    PollTransmitTo {
        peer: PeerId,
    },
    PollEvent,
    PollTimeout,
    /// No call: a note of the application.
    Note(&'a str),
    /// No call: the recording was ended, so its writer was not killed.
    End,
}

impl<'a> Call<'a> {
    /// Returns the time that it was given.
    #[must_use]
    pub const fn now(&self) -> Option<Instant> {
        match *self {
            Self::AddPeer { now, .. }
            | Self::HandleTransportClosed { now, .. }
            | Self::HandleTransportOpened { now, .. }
            | Self::DisconnectPeer { now, .. }
            | Self::RemovePeer { now, .. }
            | Self::PushInput { now, .. }
            | Self::SkipTo { now, .. }
            | Self::BeginEpoch { now, .. }
            | Self::PushChecksum { now, .. }
            | Self::Close { now }
            | Self::HandleDatagram { now, .. }
            | Self::HandleTimeout { now } => Some(now),
            _ => None,
        }
    }

    const fn kind(&self) -> u8 {
        match self {
            Self::AddPeer { .. } => 1,
            Self::HandleTransportClosed { .. } => 2,
            Self::HandleTransportOpened { .. } => 3,
            Self::RemovePeer { .. } => 4,
            Self::PushInput { .. } => 5,
            Self::BeginEpoch { .. } => 6,
            Self::PushChecksum { .. } => 7,
            Self::Close { .. } => 8,
            Self::ClearCounters => 9,
            Self::HandleDatagram { .. } => 10,
            Self::HandleTimeout { .. } => 11,
            Self::PollTransmit => 12,
            Self::PollEvent => 13,
            Self::PollTimeout => 14,
            Self::Note(_) => 15,
            Self::End => 16,
            Self::SkipTo { .. } => 17,
            Self::PollTransmitTo { .. } => 18,
            Self::SetInputDelay { .. } => 19,
            Self::DisconnectPeer { .. } => 20,
        }
    }

    /// Appends the call. `last` is the time of the last call that had one, in microseconds.
    pub(crate) fn put(&self, out: &mut Vec<u8>, last: u64) {
        out.push(self.kind());
        if let Some(now) = self.now() {
            put_step(out, last, now.as_micros());
        }
        match *self {
            Self::AddPeer { classic, keyed, player, incarnation, from, .. } => {
                out.push(u8::from(classic) | u8::from(keyed) << 1);
                put(out, player.into());
                put(out, incarnation.unwrap_or(0));
                put_option(out, from.map(Frame::get));
            }
            Self::HandleTransportClosed { peer, .. }
            | Self::HandleTransportOpened { peer, .. }
            | Self::DisconnectPeer { peer, .. }
            | Self::RemovePeer { peer, .. }
            | Self::PollTransmitTo { peer } => {
                put(out, peer.get().into());
            }
            Self::PushInput { input, .. } => put_bytes(out, input),
            Self::SetInputDelay { frames } => put(out, frames.into()),
            Self::SkipTo { frame, input, .. } => {
                put(out, frame.get().into());
                put_bytes(out, input);
            }
            Self::BeginEpoch { epoch, .. } => put(out, epoch.get().into()),
            Self::PushChecksum { frame, hash, .. } => {
                put(out, frame.get().into());
                out.extend_from_slice(&hash.to_be_bytes());
            }
            Self::HandleDatagram { from, datagram, .. } => {
                put(out, from.get().into());
                // One byte more than the longest datagram is enough: the session refuses every longer one alike.
                put_bytes(out, datagram.get(..MAX_DATAGRAM_SIZE.saturating_add(1)).unwrap_or(datagram));
            }
            Self::Note(text) => put_bytes(out, text.as_bytes()),
            _ => {}
        }
    }

    /// Reads a call. `last` is as in [`put`](Self::put).
    pub(crate) fn read(reader: &mut Reader<'a>, last: u64) -> Option<Self> {
        let kind = reader.byte()?;
        let now = if matches!(kind, 1..=8 | 10 | 11 | 17 | 20) {
            Instant::from_micros(reader.step(last)?)
        } else {
            Instant::ORIGIN
        };
        let peer = |reader: &mut Reader<'_>| reader.small().map(PeerId::new);
        Some(match kind {
            1 => {
                let switches = reader.byte()?;
                Self::AddPeer {
                    now,
                    classic: switches & 1 != 0,
                    keyed: switches & 2 != 0,
                    player: reader.small()?,
                    incarnation: Some(reader.number()?).filter(|number| *number != 0),
                    from: reader.option()?.map(Frame::new),
                }
            }
            2 => Self::HandleTransportClosed { now, peer: peer(reader)? },
            3 => Self::HandleTransportOpened { now, peer: peer(reader)? },
            4 => Self::RemovePeer { now, peer: peer(reader)? },
            5 => Self::PushInput { now, input: reader.bytes()? },
            6 => Self::BeginEpoch { now, epoch: Epoch::new(reader.small()?) },
            7 => Self::PushChecksum {
                now,
                frame: Frame::new(reader.small()?),
                hash: u64::from_be_bytes(reader.take(8)?.try_into().ok()?),
            },
            8 => Self::Close { now },
            9 => Self::ClearCounters,
            19 => Self::SetInputDelay { frames: reader.small()? },
            10 => Self::HandleDatagram { now, from: peer(reader)?, datagram: reader.bytes()? },
            11 => Self::HandleTimeout { now },
            12 => Self::PollTransmit,
            13 => Self::PollEvent,
            14 => Self::PollTimeout,
            15 => Self::Note(reader.text()?),
            16 => Self::End,
            17 => Self::SkipTo { now, frame: Frame::new(reader.small()?), input: reader.bytes()? },
            18 => Self::PollTransmitTo { peer: peer(reader)? },
            20 => Self::DisconnectPeer { now, peer: peer(reader)? },
            _ => return None,
        })
    }
}

/// Bytes in hexadecimal.
pub(crate) struct Hex<'a>(pub(crate) &'a [u8]);

impl fmt::Debug for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::AddPeer { classic, keyed, player, incarnation, from, .. } => {
                write!(f, "add_peer({} {player}", if classic { "classic" } else { "compact" })?;
                if let Some(number) = incarnation {
                    write!(f, ", incarnation {number}")?;
                }
                if let Some(frame) = from {
                    write!(f, ", from frame {frame}")?;
                }
                f.write_str(if keyed { ", with a key of its own)" } else { ")" })
            }
            Self::HandleTransportClosed { peer, .. } => write!(f, "handle_transport_closed({peer})"),
            Self::HandleTransportOpened { peer, .. } => write!(f, "handle_transport_opened({peer})"),
            Self::DisconnectPeer { peer, .. } => write!(f, "disconnect_peer({peer})"),
            Self::RemovePeer { peer, .. } => write!(f, "remove_peer({peer})"),
            Self::PushInput { input, .. } => write!(f, "push_input({:?})", Hex(input)),
            Self::SkipTo { frame, input, .. } => write!(f, "skip_to({frame}, {:?})", Hex(input)),
            Self::BeginEpoch { epoch, .. } => write!(f, "begin_epoch({epoch})"),
            Self::PushChecksum { frame, hash, .. } => write!(f, "push_checksum({frame}, {hash:016x})"),
            Self::Close { .. } => f.write_str("close()"),
            Self::SetInputDelay { frames } => write!(f, "set_input_delay({frames})"),
            Self::ClearCounters => f.write_str("clear_counters()"),
            Self::HandleDatagram { from, datagram, .. } => write!(f, "handle_datagram({from}, {:?})", Hex(datagram)),
            Self::HandleTimeout { .. } => f.write_str("handle_timeout()"),
            Self::PollTransmit => f.write_str("poll_transmit()"),
            Self::PollTransmitTo { peer } => write!(f, "poll_transmit_to({peer})"),
            Self::PollEvent => f.write_str("poll_event()"),
            Self::PollTimeout => f.write_str("poll_timeout()"),
            Self::Note(text) => write!(f, "note({text:?})"),
            Self::End => f.write_str("end"),
        }
    }
}

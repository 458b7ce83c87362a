//! What a session reports.

use core::fmt;
use core::time::Duration;

use crate::estimate::liveness::Health;
use crate::ids::{Epoch, Frame, PeerId};

/// Something new: an input to apply, or something to know.
///
/// [What to do on each](crate::guide::events) is in the guide.
///
/// ```
/// use inputwire::{Config, Event, Health, Instant, PeerConfig, PeerEvent, Session};
///
/// fn take(session: &mut Session<1, 1>, now: Instant) {
///     while let Some(event) = session.poll_event() {
///         match event {
///             Event::Input { peer, frame, input } => println!("peer {peer} did {input:?} in frame {frame}"),
///             Event::LocalStall { duration } => println!("this program slept for {duration:?}"),
///             Event::Peer { peer, event } => match event {
///                 PeerEvent::Health { health: Health::Interrupted, silence } => println!("silent for {silence:?}"),
///                 PeerEvent::Lost { first, count } => println!("{count} inputs never arrive, the first one of frame {first}"),
///                 PeerEvent::EpochAhead { epoch } => {
///                     let _ = session.begin_epoch(now, epoch); // an error where it has begun already
///                 }
///                 other => println!("peer {peer}: {other}"),
///             },
///             _ => {}
///         }
///     }
/// }
/// # let mut session = Session::new(Config::builder().incarnation(0x5eed_0000_0001).build()?);
/// # session.add_peer(Instant::ORIGIN, PeerConfig::compact(1)).unwrap();
/// # take(&mut session, Instant::ORIGIN);
/// # Ok::<(), inputwire::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Event<const INPUT_LEN: usize> {
    /// A peer's input of a frame. Compact wire: every frame once, in order. Classic wire: every frame that arrives, once,
    /// the lowest known one first.
    Input {
        /// Whose input.
        peer: PeerId,
        /// The frame it is for.
        frame: Frame,
        /// The input.
        #[cfg_attr(feature = "serde", serde(with = "crate::tuple"))]
        input: [u8; INPUT_LEN],
    },
    /// The session was not called for this long after something was due, half the interrupt limit or more: a hidden tab, a
    /// debugger, a slow load. No peer is judged until 25 ms later, since its datagrams may still wait in the socket.
    LocalStall {
        /// For how long.
        duration: Duration,
    },
    /// A survivor has disconnected the local player, and so do all who hear of it: this session is closed. Who comes back creates a
    /// new one.
    Dropped {
        /// The peer that told it.
        by: PeerId,
    },
    /// Something happened to a peer.
    Peer {
        /// Which peer.
        peer: PeerId,
        /// What happened.
        event: PeerEvent,
    },
}

/// A line for a log.
///
/// ```
/// # use inputwire::{Event, Frame, PeerEvent, PeerId};
/// let event = Event::<1>::Peer { peer: PeerId::new(2), event: PeerEvent::Flushed };
/// assert_eq!(event.to_string(), "peer 2: has acknowledged every input");
/// let event = Event::Input { peer: PeerId::new(2), frame: Frame::new(7), input: [0x0a, 0xff] };
/// assert_eq!(event.to_string(), "peer 2: the input of frame 7 is [10, 255]");
/// ```
impl<const INPUT_LEN: usize> fmt::Display for Event<INPUT_LEN> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Input { peer, frame, input } => write!(f, "peer {peer}: the input of frame {frame} is {input:?}"),
            Self::LocalStall { duration } => {
                let (seconds, millis) = (duration.as_secs(), duration.subsec_millis());
                write!(f, "this session was not called for {seconds}.{millis:03} s")
            }
            Self::Dropped { by } => {
                write!(f, "disconnected, as peer {by} told: this session is closed, and a new one can come back")
            }
            Self::Peer { peer, event } => write!(f, "peer {peer}: {event}"),
        }
    }
}

/// What happens to a peer, except for its inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum PeerEvent {
    /// Inputs can flow: a datagram that proves it has been accepted.
    Connected,
    /// The health changed.
    Health {
        /// The health now.
        health: Health,
        /// How long the peer has been silent; if it is not, the longest silence since the last such event.
        silence: Duration,
    },
    /// The peer has acknowledged every input of this epoch, and none was pushed for 100 ms (or 1.5 frames, if that is
    /// longer). Compact wire only.
    Flushed,
    /// The state of the peer's game differs. Reported once an epoch, for the first frame at which it does.
    Desync {
        /// The first frame whose checksums differ.
        frame: Frame,
        /// The local checksum.
        local: u64,
        /// The peer's checksum.
        remote: u64,
    },
    /// Inputs of the peer will never be delivered: they left the window unknown or not taken. Classic wire only. The
    /// lost frames need not be consecutive: a frame is lost if it was not delivered and is not above
    /// [`last_frame`](crate::PeerRef::last_frame).
    Lost {
        /// The lowest frame lost since the last such event.
        first: Frame,
        /// How many inputs were lost since then.
        count: u32,
    },
    /// The peer sent another input for a frame whose input was known; the first one stays. Reported once an epoch.
    Conflict,
    /// The peer is configured differently. Reported once for each field and run. No inputs flow until it is fixed, unless
    /// the field is the frame interval; if they flow, it is a second program of that player.
    Mismatch {
        /// What differs.
        field: Field,
        /// The local value.
        local: u32,
        /// The peer's value.
        remote: u32,
    },
    /// The peer has begun a later epoch: follow with [`begin_epoch`](crate::Session::begin_epoch). Reported after every input
    /// of the present one, and again after an epoch that does not reach it.
    EpochAhead {
        /// The peer's epoch.
        epoch: Epoch,
    },
    /// A hello for other player numbers arrived: the address leads to another player. Reported once.
    WrongPlayers {
        /// The player number of its sender.
        sender: u16,
        /// The player number that it is for.
        receiver: u16,
    },
    /// Two programs play as this peer, or an incarnation was used twice. The one that was there first goes on. Reported once
    /// a run.
    SecondRun,
    /// The peer plays with another run of the local player: this program was started twice. Reported once a run.
    Replaced,
    /// Hellos arrive whose tag is wrong: session id or key differ. Reported once, until one is right.
    Unreadable,
    /// The peer was started anew: inputs flow again after [`begin_epoch`](crate::Session::begin_epoch).
    Restarted,
    /// The peer continues after inputs that are not held here, its own or those of a player that left, or has met another run of
    /// that player: only a new epoch repairs that. Reported once an epoch.
    OutOfSync,
    /// Nothing more is taken of the peer: another one told that it has left, or it said goodbye under a key. It is
    /// [`Departed`](Self::Departed) once all survivors agree.
    Departing {
        /// Who told it; `None` for its own goodbye, and for a peer that joined too late to get what it lacks.
        by: Option<PeerId>,
    },
    /// The peer has left, and every survivor has the same inputs of it. Reported after them, once an epoch.
    Departed {
        /// The frame of its last input; `None` if there is none in this epoch.
        last: Option<Frame>,
    },
    /// The peer closed its session. Reported once a run.
    PeerClosed {
        /// The epoch in which it closed.
        epoch: Epoch,
        /// The frame after its last input in that epoch.
        end: Frame,
    },
}

/// What happened, and what to do where something is wrong: a line for a log.
///
/// ```
/// # use inputwire::{Frame, PeerEvent};
/// let lost = PeerEvent::Lost { first: Frame::new(12), count: 3 };
/// assert_eq!(lost.to_string(), "3 inputs are lost, the first one of frame 12");
/// ```
impl fmt::Display for PeerEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connected => f.write_str("connected: inputs can flow"),
            Self::Health { health, silence } => {
                let (seconds, millis) = (silence.as_secs(), silence.subsec_millis());
                write!(f, "its health is {health}, after {seconds}.{millis:03} s of silence")
            }
            Self::Flushed => f.write_str("has acknowledged every input"),
            Self::Desync { frame, local, remote } => {
                write!(f, "another state after frame {frame}: its checksum is {remote:016x} there, {local:016x} here")
            }
            Self::Lost { first, count } => write!(f, "{count} inputs are lost, the first one of frame {first}"),
            Self::Conflict => f.write_str("sent two inputs for one frame: the first one stays"),
            Self::Mismatch { field, local, remote } => {
                write!(f, "the {field} differs: {remote} there, {local} here; every endpoint needs the same")
            }
            Self::EpochAhead { epoch } => write!(f, "has begun epoch {epoch}: begin it, too"),
            Self::WrongPlayers { sender, receiver } => {
                write!(f, "a hello of player {sender} for player {receiver} came: check where the address leads")
            }
            Self::SecondRun => f.write_str("two programs play as this peer: the one that was there first goes on"),
            Self::Replaced => f.write_str("plays with another run of this player: was this program started twice?"),
            Self::Unreadable => f.write_str("its hellos have a wrong tag: compare session ids and keys"),
            Self::Restarted => f.write_str("was started anew: begin the next epoch"),
            Self::OutOfSync => f.write_str("has inputs that are gone here, or of another run: begin the next epoch"),
            Self::Departing { by: Some(by) } => write!(f, "is leaving, as peer {by} told"),
            Self::Departing { by: None } => f.write_str("is leaving"),
            Self::Departed { last: Some(last) } => write!(f, "has left; its last input is that of frame {last}"),
            Self::Departed { last: None } => f.write_str("has left without an input in this epoch"),
            Self::PeerClosed { epoch, end } => write!(f, "closed its session ahead of frame {end} of epoch {epoch}"),
        }
    }
}

/// What two endpoints must agree on. Its `Display` is fit for a message to the player.
///
/// ```
/// assert_eq!(inputwire::Field::Window.to_string(), "window");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Field {
    /// The version of the compact wire.
    Version,
    /// The size of an input.
    InputLen,
    /// The window.
    Window,
    /// The size of the tag of inputs: one endpoint has short tags, the other has not.
    TagSize,
    /// The first frame of an epoch.
    FirstFrame,
    /// The frame interval, in microseconds.
    FrameInterval,
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Version => "wire version",
            Self::InputLen => "input size",
            Self::Window => "window",
            Self::TagSize => "tag size",
            Self::FirstFrame => "first frame",
            Self::FrameInterval => "frame interval",
        })
    }
}

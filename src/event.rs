//! What a session tells its caller.

use core::fmt;
use core::time::Duration;

use crate::frame::{Epoch, Frame, PeerId};
use crate::health::Health;

/// Something that is true now and was not told before.
///
/// [What to do on each](crate::guide::integration#what-it-tells-and-what-to-do) is in the guide.
///
/// ```
/// use inputwire::{Config, Epoch, Event, Health, Instant, PeerConfig, Session};
///
/// fn take(session: &mut Session<1, 1>, now: Instant) {
///     while let Some(event) = session.poll_event() {
///         match event {
///             Event::Input { peer, frame, input } => println!("player {peer} did {input:?} in {frame}"),
///             Event::Health { health: Health::Interrupted, silence, .. } => println!("waiting since {silence:?}"),
///             Event::Lost { first, count, .. } => println!("{count} inputs from {first} on will never come"),
///             Event::Mismatch { field, ours, theirs, .. } => println!("our {field} is {ours}, theirs {theirs}"),
///             Event::LocalStall { duration } => println!("we slept for {duration:?}"),
///             Event::PeerAhead { epoch, .. } => drop(session.begin_epoch(now, epoch)),
///             _ => {}
///         }
///     }
/// }
/// # let mut session = Session::new(Config::builder().build()?);
/// # session.add_peer(Instant::ORIGIN, PeerConfig::compact(1)).unwrap();
/// # take(&mut session, Instant::ORIGIN);
/// # let _ = Epoch::new(1);
/// # Ok::<(), inputwire::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event<const INPUT: usize> {
    /// What a peer did in a frame. Taken after each datagram, it tells what that datagram brought. Compact wire: every
    /// frame once, in order. Classic wire: every frame that arrives once, the lowest known first.
    Input {
        /// Who did it.
        peer: PeerId,
        /// In which frame.
        frame: Frame,
        /// What was done.
        input: [u8; INPUT],
    },
    /// Inputs of a peer can flow: the first datagram that proves it was accepted.
    Connected {
        /// Which peer.
        peer: PeerId,
    },
    /// A peer's health is another one than told before.
    Health {
        /// Which peer.
        peer: PeerId,
        /// How it is now.
        health: Health,
        /// For how long it has been silent; if it is not, the longest silence since the last such event.
        silence: Duration,
    },
    /// We were not called for this long after something was due: a hidden tab, a debugger, a slow load. No peer counts as
    /// silent in that time, so that what waits to be handled is handled first.
    LocalStall {
        /// For how long.
        duration: Duration,
    },
    /// A peer has acknowledged everything pushed in this epoch, and nothing was pushed for 100 ms (or 1.5 frames, if that
    /// is longer). Compact wire only.
    Flushed {
        /// Which peer.
        peer: PeerId,
    },
    /// The state of a peer's game differs from ours. Told once an epoch, for the first frame at which it does.
    Desync {
        /// Which peer.
        peer: PeerId,
        /// The first frame whose checksums differ.
        frame: Frame,
        /// Our checksum.
        ours: u64,
        /// The peer's checksum.
        theirs: u64,
    },
    /// Inputs of a peer will never be told: they left the window unknown or not taken. Classic wire only. Where several
    /// runs of frames were lost, `count` may reach past the first of them: a frame is lost if it was not told and is not
    /// above [`known`](crate::Session::known).
    Lost {
        /// Whose inputs.
        peer: PeerId,
        /// The lowest frame lost since the last such event.
        first: Frame,
        /// How many inputs were lost since then.
        count: u32,
    },
    /// A peer sent another input for a frame whose input was known; the first one stays. Told once an epoch.
    Conflict {
        /// Which peer.
        peer: PeerId,
    },
    /// A peer is set up differently. Told once for each field; but for the frame interval, its inputs never flow.
    Mismatch {
        /// Which peer.
        peer: PeerId,
        /// What differs.
        field: Field,
        /// Our value.
        ours: u32,
        /// The peer's value.
        theirs: u32,
    },
    /// A peer has begun an epoch beyond ours: follow with `begin_epoch`.
    PeerAhead {
        /// Which peer.
        peer: PeerId,
        /// The peer's epoch.
        epoch: Epoch,
    },
    /// A peer was started anew: its inputs flow again after `begin_epoch`.
    Restarted {
        /// Which peer.
        peer: PeerId,
    },
    /// A peer goes on after inputs that we do not hold: only a new epoch mends that. Told once an epoch.
    OutOfStep {
        /// Which peer.
        peer: PeerId,
    },
    /// A peer said goodbye. Without a key this is only a hint.
    Left {
        /// Which peer.
        peer: PeerId,
    },
}

impl Event<0> {
    /// The same among the events of a session; what has no room for the bytes of an input tells none.
    pub(crate) fn sized<const INPUT: usize>(self) -> Option<Event<INPUT>> {
        Some(match self {
            Self::Input { .. } => return None,
            Self::Connected { peer } => Event::Connected { peer },
            Self::Health { peer, health, silence } => Event::Health { peer, health, silence },
            Self::LocalStall { duration } => Event::LocalStall { duration },
            Self::Flushed { peer } => Event::Flushed { peer },
            Self::Desync { peer, frame, ours, theirs } => Event::Desync { peer, frame, ours, theirs },
            Self::Lost { peer, first, count } => Event::Lost { peer, first, count },
            Self::Conflict { peer } => Event::Conflict { peer },
            Self::Mismatch { peer, field, ours, theirs } => Event::Mismatch { peer, field, ours, theirs },
            Self::PeerAhead { peer, epoch } => Event::PeerAhead { peer, epoch },
            Self::Restarted { peer } => Event::Restarted { peer },
            Self::OutOfStep { peer } => Event::OutOfStep { peer },
            Self::Left { peer } => Event::Left { peer },
        })
    }
}

/// What two ends must agree on. Its `Display` is fit for a message to the player.
///
/// ```
/// assert_eq!(inputwire::Field::Window.to_string(), "window");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Field {
    /// The version of the compact wire.
    Version,
    /// The player numbers.
    Player,
    /// The size of an input.
    Input,
    /// The window.
    Window,
    /// The first frame of an epoch.
    FirstFrame,
    /// The frame interval, in microseconds.
    FrameInterval,
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Version => "wire version",
            Self::Player => "player number",
            Self::Input => "input size",
            Self::Window => "window",
            Self::FirstFrame => "first frame",
            Self::FrameInterval => "frame interval",
        })
    }
}

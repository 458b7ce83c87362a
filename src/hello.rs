//! Reads a hello before there is a session for its sender.

use core::fmt;

use crate::config::{Config, MAX_DATAGRAM_SIZE};
use crate::error::DatagramError;
use crate::event::Field;
use crate::ids::Epoch;
use crate::session::Session;
use crate::wire::compact::control::{self, ReceivedHello, Settings};
use crate::wire::compact::tag::{TagContext, TagState, VERSION, whole_len};

/// The shortest hello with a key.
const KEYED_LEN: usize = 56;

/// The hello in a datagram of the compact wire, before there is a session for its sender.
///
/// A server on one socket learns from it who wants to play, and whether that can be: it adds a peer, or creates a session, and
/// hands the same datagram over. Without a key anybody can write a hello, and under one anybody can repeat it: it says who is
/// asked for, and does not prove that this player sent it.
///
/// ```
/// use inputwire::{Config, Field, Hello, HelloError, Instant, MAX_DATAGRAM_SIZE, PeerConfig, Session};
///
/// // A client, player 7, says hello to the server, player 1,000.
/// let client = Config::builder().session_id(3).local_player(7).incarnation(0x5eed_0000_0001).key([1; 16]).build()?;
/// let mut session = Session::<1, 4>::new(client);
/// session.add_peer(Instant::ORIGIN, PeerConfig::compact(1_000))?;
/// let mut buf = [0; MAX_DATAGRAM_SIZE];
/// let datagram = session.poll_transmit(&mut buf).expect("a hello is due").datagram;
///
/// let hello = Hello::peek(datagram).expect("it is one");
/// assert_eq!((hello.version(), hello.sender(), hello.receiver()), (1, 7, 1_000));
///
/// let server = Config::builder().session_id(3).local_player(1_000).key([1; 16]);
/// assert_eq!(hello.fits::<4, 120>(&server.build()?), Ok(()));
/// let differs = HelloError::Mismatch { field: Field::InputLen, local: 2, remote: 4 };
/// assert_eq!(hello.fits::<2, 120>(&server.build()?), Err(differs));
/// assert!(hello.fits::<4, 120>(&server.session_id(4).build()?).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Hello<'d> {
    datagram: &'d [u8],
    version: u8,
    sender: u16,
    receiver: u16,
}

impl<'d> Hello<'d> {
    /// Reads the hello in a datagram; `None` if it is something else. Nothing is verified: any bytes may look like one.
    ///
    /// Where the numbers stand depends on whether there is a key, which the length tells: 50 bytes, or 56 with a key. A hello of
    /// another version may have another length, and is read as one with a key from 56 bytes on; [`fits`](Self::fits) knows better.
    #[must_use]
    pub fn peek(datagram: &'d [u8]) -> Option<Self> {
        let tag_len = whole_len(datagram.len() >= KEYED_LEN).into();
        let (version, sender, receiver) = control::peek_hello(datagram, tag_len)?;
        Some(Self { datagram, version, sender, receiver })
    }

    /// The version of the compact wire that its sender speaks; this library speaks 1.
    #[must_use]
    pub const fn version(&self) -> u8 {
        self.version
    }

    /// The player number of its sender.
    #[must_use]
    pub const fn sender(&self) -> u16 {
        self.sender
    }

    /// The player number of whom it is for.
    #[must_use]
    pub const fn receiver(&self) -> u16 {
        self.receiver
    }

    /// Whether a session with this configuration, inputs of `INPUT_LEN` bytes and a window of `WINDOW` frames could play with its
    /// sender. Where each pair has a key of its own, look it up by [`sender`](Self::sender), and give the configuration that key.
    ///
    /// # Errors
    ///
    /// Says exactly why not, in the order of a session: [`Refused`](HelloError::Refused), such as a tag of another session id or key;
    /// [`OtherPlayer`](HelloError::OtherPlayer); or [`Mismatch`](HelloError::Mismatch), of the version or of a setting.
    pub fn fits<const INPUT_LEN: usize, const WINDOW: usize>(&self, config: &Config) -> Result<(), HelloError> {
        const { Session::<1, INPUT_LEN, WINDOW>::SIZES };
        let ([window, ..], [input_len, ..]) = (WINDOW.to_le_bytes(), INPUT_LEN.to_le_bytes());
        fits(self.datagram, config, input_len, window)
    }
}

/// Why a session could not play with the sender of a hello.
///
/// ```
/// use inputwire::{DatagramError, Field, HelloError};
///
/// let error = HelloError::Mismatch { field: Field::Window, local: 120, remote: 30 };
/// assert_eq!(error.to_string(), "window differs: 120 here, 30 there; every endpoint needs the same");
/// assert_eq!(HelloError::Refused(DatagramError::BadTag).to_string(), DatagramError::BadTag.to_string());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum HelloError {
    /// A session would refuse it for this reason.
    Refused(DatagramError),
    /// It is for another player than the local one.
    OtherPlayer {
        /// The player number that it is for.
        receiver: u16,
    },
    /// Its sender is configured differently.
    Mismatch {
        /// What differs.
        field: Field,
        /// The local value.
        local: u32,
        /// The sender's value.
        remote: u32,
    },
}

impl fmt::Display for HelloError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(reason) => reason.fmt(f),
            Self::OtherPlayer { receiver } => {
                write!(f, "a hello for player {receiver}: hand it to the session of that player")
            }
            Self::Mismatch { field, local, remote } => {
                write!(f, "{field} differs: {local} here, {remote} there; every endpoint needs the same")
            }
        }
    }
}

impl core::error::Error for HelloError {}

fn fits(datagram: &[u8], config: &Config, input_len: u8, window: u8) -> Result<(), HelloError> {
    if datagram.len() > MAX_DATAGRAM_SIZE {
        return Err(HelloError::Refused(DatagramError::TooLong));
    }
    let key = config.key();
    let parsed = control::parse_hello(datagram, &TagState::new(key.as_ref()), config.session_id());
    let found = parsed.map_err(HelloError::Refused)?;
    let (sender, receiver) = found.players();
    if sender == config.local_player() {
        return Err(HelloError::Refused(DatagramError::Reflected));
    }
    if receiver != config.local_player() {
        return Err(HelloError::OtherPlayer { receiver });
    }
    let hello = match found {
        ReceivedHello::Hello(hello) => hello,
        ReceivedHello::Foreign { version, .. } => {
            let local = VERSION.into();
            return Err(HelloError::Mismatch { field: Field::Version, local, remote: version.into() });
        }
    };
    if hello.incarnation == 0 || hello.number == 0 || hello.epoch > Epoch::MAX.get() {
        return Err(HelloError::Refused(DatagramError::EpochRange));
    }
    let local = Settings {
        input_len,
        window,
        tag_len: TagContext::input_tag_len(key.as_ref(), config.short_tags()),
        frame_us: config.frame_us_u32(),
        first_frame: config.first_frame().get(),
    };
    // Another frame interval stops nothing.
    for field in [Field::InputLen, Field::Window, Field::TagSize, Field::FirstFrame] {
        let (local, remote) = (local.get(field).unwrap_or(0), hello.settings.get(field).unwrap_or(0));
        if local != remote {
            return Err(HelloError::Mismatch { field, local, remote });
        }
    }
    Ok(())
}

//! The keys of a recorded session, which no recording holds.

use std::fmt;

/// The keys to replay a session with: its own, and those of the peers that had one for their pair.
///
/// ```
/// use inputwire_record::Keys;
///
/// let keys = Keys::new().session([7; 16]).peer(2, [9; 16]); // player 2 had another one
/// assert_ne!(keys, Keys::from(Some([7; 16])));
/// assert_eq!(Keys::new(), Keys::from(None));
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Keys {
    session: Option<[u8; 16]>,
    peers: Vec<(u16, [u8; 16])>,
}

impl Keys {
    /// No keys.
    #[must_use]
    pub const fn new() -> Self {
        Self { session: None, peers: Vec::new() }
    }

    /// Adds the key of the session.
    #[must_use]
    pub const fn session(mut self, key: [u8; 16]) -> Self {
        self.session = Some(key);
        self
    }

    /// Adds the key of the pair with this player; it is used whenever the recording adds that player with a key of its own. A
    /// later one for the same player takes its place.
    #[must_use]
    pub fn peer(mut self, player: u16, key: [u8; 16]) -> Self {
        self.peers.retain(|(other, _)| *other != player);
        self.peers.push((player, key));
        self
    }

    pub(crate) const fn of_session(&self) -> Option<[u8; 16]> {
        self.session
    }

    pub(crate) fn of_peer(&self, player: u16) -> Option<[u8; 16]> {
        self.peers.iter().find_map(|(other, key)| (*other == player).then_some(*key))
    }
}

impl From<Option<[u8; 16]>> for Keys {
    fn from(session: Option<[u8; 16]>) -> Self {
        Self { session, peers: Vec::new() }
    }
}

/// Tells whose keys there are, and none of them.
impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let players: Vec<u16> = self.peers.iter().map(|(player, _)| *player).collect();
        f.debug_struct("Keys").field("session", &self.session.is_some()).field("peers", &players).finish()
    }
}

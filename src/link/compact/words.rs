//! Words to one peer, and the datagrams of a peer that has been named (PROTOCOL 3.12). What the words say is decided over
//! all peers, in `mesh`.

use super::Compact;
use crate::error::DatagramError;
use crate::local::Local;
use crate::remote::Remote;
use crate::time::Instant;
use crate::wire::compact::tag::TagState;
use crate::wire::compact::word::{FAREWELL_LEN, Word};

/// The shortest time between two words to a survivor.
const INTERVAL_MIN_US: u64 = 10_000;

impl Compact {
    /// When a word is due to this peer.
    pub(crate) fn word_due(&self, local: &Local, remote: &Remote) -> Option<Instant> {
        let standing = &remote.standing;
        let active_at = standing.active_at()?;
        let is_due = standing.owed || standing.is_present() && !standing.is_settled();
        // Who was named before it was ever accepted is told all the same.
        let may_flow = if standing.is_present() { self.has_known_run() } else { self.tags.is_some() };
        if !is_due || !may_flow || !remote.takes_words() {
            return None;
        }
        let ping_us = Self::ping_us(local);
        let Some(word_at) = standing.word_at() else { return Some(Instant::ORIGIN) };
        let interval_us = if !standing.is_present() || word_at.since(active_at) > Self::slow_after_us(local) {
            ping_us
        } else {
            let rest_us = self.rest_us(local, remote).unwrap_or(INTERVAL_MIN_US);
            rest_us.max(local.config.frame_us()).max(INTERVAL_MIN_US).min(ping_us)
        };
        Some(word_at.after(interval_us))
    }

    /// The tag of words to this peer.
    pub(crate) fn word_tag(&self) -> Option<TagState> {
        Some(self.tags.as_ref()?.outgoing.whole())
    }

    /// Verifies and decodes a word of this peer.
    pub(crate) fn open_word<'a>(&self, datagram: &'a [u8]) -> Result<Word<'a>, DatagramError> {
        let state = self.tags.as_ref().map(|tags| tags.incoming.whole());
        Word::parse(datagram, TagState::new(self.key.as_ref()).tag_len(), state.as_ref())
    }

    /// Notes an input datagram of a named peer: nothing in it is used, but it shows that the peer plays on. A word is no longer than
    /// what it answers.
    #[cold]
    pub(super) fn owe_farewell(&self, remote: &mut Remote, datagram: &[u8]) {
        let tag_len = TagState::new(self.key.as_ref()).tag_len();
        remote.standing.owed |= datagram.len() >= tag_len.saturating_add(FAREWELL_LEN);
    }

    /// Whether the run of the peer that inputs flow under is known, not only announced.
    fn has_known_run(&self) -> bool {
        self.tags.is_some() && self.handshake.run().is_some()
    }
}

//! How a peer takes part: it plays, it was named, or it has departed; and what it and this endpoint have told each other of
//! those who left (PROTOCOL 3.12).

use crate::event::PeerEvent;
use crate::ids::{Frame, PeerId};
use crate::once::Once;
use crate::time::Instant;
use crate::wire::compact::word::Leaver;

/// Whether a peer still plays.
///
/// ```
/// use inputwire::{Config, Departure, Instant, PeerConfig, Session};
///
/// let mut session = Session::<2, 1>::new(Config::builder().incarnation(0x5eed_0000_0001).build()?);
/// let peer = session.add_peer(Instant::ORIGIN, PeerConfig::compact(1))?;
/// assert_eq!(session.peer(peer).map(|peer| peer.departure()), Some(Departure::Present));
/// session.disconnect_peer(Instant::ORIGIN, peer); // nobody else is there to agree with
/// assert_eq!(session.peer(peer).map(|peer| peer.departure()), Some(Departure::Departed { last: None }));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Departure {
    /// It plays.
    Present,
    /// Nothing that it sends is taken any more; the survivors are agreeing on its last input.
    Departing {
        /// The frame after its latest input that is known here. It may still grow.
        end: Frame,
    },
    /// Every survivor has the same inputs of it.
    Departed {
        /// The frame of its last input; `None` if there is none in this epoch.
        last: Option<Frame>,
    },
}

/// How far a peer's departure has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Present,
    Named,
    Departed,
}

/// Who decided that a peer is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NamedBy {
    /// The local application, which need not be told.
    Local,
    /// A survivor.
    Survivor(PeerId),
    /// The peer itself, by a goodbye.
    Itself,
}

/// How a peer takes part, and what it and this endpoint have told each other of those who left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    stage: Stage,
    departing: Once,
    departed: Once,
    by: Option<PeerId>,
    /// The first frame that is owed to the peer and by it.
    join_frame: u32,
    /// Which run of it was met in this epoch; 0 for none.
    pub(crate) source: u16,
    /// Of a named peer: the greatest end that a survivor has told.
    pub(crate) goal: u32,
    /// Of a survivor: its word names the same players; it has the local word that does; and it lacks inputs of one of them.
    pub(crate) agreed: bool,
    pub(crate) acked: bool,
    pub(crate) lacks: Option<Leaver>,
    /// It is to be sent a word: a survivor asked for one, or a named peer goes on.
    pub(crate) owed: bool,
    /// When a word was last sent to it: to a survivor since a player was last named, to a named peer since it was.
    word_at: Option<Instant>,
    /// When a player was last named, or its word last taken; `None` while nobody is named.
    active_at: Option<Instant>,
}

impl Standing {
    pub(crate) fn new(join_frame: u32) -> Self {
        Self {
            stage: Stage::Present,
            departing: Once::Unset,
            departed: Once::Unset,
            by: None,
            join_frame,
            source: 0,
            goal: 0,
            agreed: false,
            acked: false,
            lacks: None,
            owed: false,
            word_at: None,
            active_at: None,
        }
    }

    /// Whether its inputs are taken.
    pub(crate) fn is_present(&self) -> bool {
        self.stage == Stage::Present
    }

    /// Whether it was named, and what survivors have of it may still come.
    pub(crate) fn is_departing(&self) -> bool {
        self.stage == Stage::Named
    }

    /// Whether it holds back nothing any more.
    pub(crate) fn is_departed(&self) -> bool {
        self.stage == Stage::Departed
    }

    /// The first frame that is owed to the peer and by it.
    pub(crate) fn join_frame(&self) -> u32 {
        self.join_frame
    }

    /// Whether a survivor has met another run of it.
    pub(crate) fn differs(&self, source: u16) -> bool {
        self.source != source && self.source != 0 && source != 0
    }

    /// Whether nothing more is to be said between this endpoint and a survivor.
    pub(crate) fn is_settled(&self) -> bool {
        self.acked && self.lacks.is_none()
    }

    /// When a player was last named, or a word of this peer last taken; `None` while nobody is named.
    pub(crate) fn active_at(&self) -> Option<Instant> {
        self.active_at
    }

    /// When a word was last sent to it: to a survivor since a player was last named, to a named peer since it was.
    pub(crate) fn word_at(&self) -> Option<Instant> {
        self.word_at
    }

    /// Takes no more of it.
    pub(crate) fn name(&mut self, by: NamedBy) {
        self.stage = Stage::Named;
        self.owed = false;
        self.word_at = None;
        if by != NamedBy::Local {
            self.departing.set();
        }
        if let NamedBy::Survivor(peer) = by {
            self.by = Some(peer);
        }
    }

    /// Opens what was agreed with a survivor, and compares the ends of a named one anew; `active_at` is now, or `None` if nobody is
    /// named.
    pub(crate) fn reopen(&mut self, active_at: Option<Instant>, end: u32) {
        self.goal = end;
        self.agreed = false;
        self.acked = false;
        self.lacks = None;
        if self.is_present() {
            self.owed = false;
            self.word_at = None;
        }
        self.active_at = active_at;
    }

    /// Notes a word of this peer. One that names only who is no peer here any more is not answered.
    pub(crate) fn word_taken(&mut self, now: Instant) {
        self.active_at = self.active_at.map(|_| now);
    }

    /// Notes that a word is sent to this peer.
    pub(crate) fn word_sent(&mut self, now: Instant) {
        self.word_at = Some(now);
        self.owed = false;
    }

    /// Notes that every survivor has the same inputs of it.
    pub(crate) fn depart(&mut self) {
        if self.stage == Stage::Named {
            self.stage = Stage::Departed;
            self.departed.set();
        }
    }

    /// Frames count anew; who was named stays so.
    pub(crate) fn begin_epoch(&mut self, first: u32) {
        let stage = if self.is_present() { Stage::Present } else { Stage::Named };
        *self = Self { stage, departing: self.departing, by: self.by, ..Self::new(first) };
    }

    /// How far its departure has come. Its inputs below `end` are known.
    pub(crate) fn departure(&self, end: u32) -> Departure {
        match self.stage {
            Stage::Present => Departure::Present,
            Stage::Named => Departure::Departing { end: Frame::new(end) },
            Stage::Departed => Departure::Departed { last: self.last(end) },
        }
    }

    /// The frame of its last input, if there is one.
    fn last(&self, end: u32) -> Option<Frame> {
        if end > self.join_frame { end.checked_sub(1).map(Frame::new) } else { None }
    }

    /// Returns `Departing`, once.
    pub(crate) fn poll_departing(&mut self) -> Option<PeerEvent> {
        let by = self.by;
        self.departing.take().then_some(PeerEvent::Departing { by })
    }

    /// Whether `poll_departed` would return something.
    pub(crate) fn has_departed_event(&self) -> bool {
        self.departed == Once::Pending
    }

    /// Returns that it has departed, once an epoch. Its inputs below `end` are known.
    pub(crate) fn poll_departed(&mut self, end: u32) -> Option<PeerEvent> {
        let last = self.last(end);
        self.departed.take().then_some(PeerEvent::Departed { last })
    }
}

//! What the drawn games are to have among them.

use std::collections::BTreeMap;

/// What happened, and how often.
pub(crate) type Kinds = BTreeMap<Kind, u64>;

/// What may happen in a game beside plain play.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// A player came back, or joined late, in a game of rounds.
    JoinedRounds,
    /// A round ended before the first frame of a player who was to join in it.
    MissedRound,
    /// An epoch started from a state of its own.
    OwnStart,
    /// Rounds of a few frames.
    ShortRounds,
    /// Rounds that end with the last frames that there are.
    LastFrames,
    ShortTags,
    LongTags,
    SmallDatagrams,
    /// An application began an epoch without waiting for the end of the round.
    BegunAtOnce,
    /// A transport was reported as closed, and half of the time as opened again at once.
    Flapped,
    PredictionChanged,
    /// Another driver went on with a session that was used before.
    TakenOver,
    /// An application disconnected a player who plays.
    Disconnected,
}

impl Kind {
    pub(crate) const ALL: [Self; 13] = [
        Self::JoinedRounds,
        Self::MissedRound,
        Self::OwnStart,
        Self::ShortRounds,
        Self::LastFrames,
        Self::ShortTags,
        Self::LongTags,
        Self::SmallDatagrams,
        Self::BegunAtOnce,
        Self::Flapped,
        Self::PredictionChanged,
        Self::TakenOver,
        Self::Disconnected,
    ];
}

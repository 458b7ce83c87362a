//! What a session does with its peers, without its sizes in the type, so that it is compiled once for all of them.

use heapless::VecView;

use crate::checksum::Checksum;
use crate::config::Peering;
use crate::error::{AddPeerError, ChecksumError, PushError};
use crate::frame::{Frame, PeerId};
use crate::link::Ours;
use crate::peer::Peer;
use crate::time::{Instant, earlier};

pub(super) fn add(ours: &Ours, peers: &mut VecView<Peer>, id: PeerId, peer: Peering) -> Result<(), AddPeerError> {
    let taken = peers.iter().any(|other| other.player() == peer.player);
    if taken || peer.player == ours.config.player {
        return Err(AddPeerError::PlayerTaken);
    }
    if ours.outbox.oldest() > ours.outbox.first {
        return Err(AddPeerError::EpochRunning);
    }
    // No number would be left for the next one.
    if id.get() == u32::MAX {
        return Err(AddPeerError::Full);
    }
    peers.push(Peer::new(id, ours, peer)).map_err(|_| AddPeerError::Full)
}

/// The frame of the next push, if all peers can do without the oldest of our inputs.
pub(super) fn next(ours: &Ours, peers: &[Peer]) -> Result<Frame, PushError> {
    if ours.outbox.next == u32::MAX {
        return Err(PushError::FramesExhausted);
    }
    peers.iter().try_for_each(|peer| peer.judge_push(ours))?;
    Ok(Frame::new(ours.outbox.next))
}

pub(super) fn push_checksum(ours: &Ours, peers: &mut [Peer], checksum: Checksum) -> Result<(), ChecksumError> {
    if checksum.frame < ours.checksums.end() || checksum.frame == u32::MAX {
        return Err(ChecksumError::NotNewer);
    }
    if let Some(leaving) = ours.checksums.leaving()
        && let Some(peer) = peers.iter().find(|peer| peer.needs_checksum(ours, leaving))
    {
        return Err(ChecksumError::Full(peer.id));
    }
    for peer in peers {
        peer.push_checksum(checksum);
    }
    Ok(())
}

/// Nobody was silent while we were not called. Returns for how long we were not though something was due, if that is long
/// enough to matter to a peer.
pub(super) fn stall(ours: &Ours, peers: &mut [Peer], now: Instant) -> u64 {
    let late = due(ours, peers).map_or(0, |due| now.since(due));
    let stalled = peers.iter_mut().fold(false, |stalled, peer| stalled | peer.stall(ours, late));
    if stalled { late } else { 0 }
}

/// The earliest moment at which a peer needs waking.
pub(super) fn due(ours: &Ours, peers: &[Peer]) -> Option<Instant> {
    let due = peers.iter().fold(None, |first, peer| earlier(first, peer.poll_timeout(ours)));
    due.filter(|due| *due <= Instant::LAST)
}

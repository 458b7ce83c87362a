//! A session without its sizes in the type, so that what happens to it is compiled once for all of them.

use heapless::VecView;

use super::Turn;
use crate::checksum::Checksum;
use crate::config::{DATAGRAM_MAX, Peering};
use crate::error::{AddPeerError, ChecksumError, DatagramError, PushError};
use crate::event::Event;
use crate::frame::{Frame, PeerId};
use crate::link::{Ours, Written};
use crate::peer::Peer;
use crate::time::{Instant, earlier};

/// Our end, to be looked at, and the peers with their windows, to be changed.
pub(super) struct Parts<'a> {
    pub(super) ours: Ours<'a>,
    pub(super) peers: &'a mut VecView<Peer>,
    /// The window of each peer, one after the other.
    pub(super) rows: &'a mut [u8],
    pub(super) turn: &'a mut Turn,
}

impl<'a> Parts<'a> {
    pub(super) fn add(&mut self, id: PeerId, peer: Peering) -> Result<(), AddPeerError> {
        let ours = &self.ours;
        let taken = self.peers.iter().any(|other| other.player() == peer.player);
        if taken || peer.player == ours.config.player {
            return Err(AddPeerError::PlayerTaken);
        }
        if ours.pushed.oldest() > ours.first_frame().position() {
            return Err(AddPeerError::EpochRunning);
        }
        // No number would be left for the next one.
        if id.get() == u32::MAX {
            return Err(AddPeerError::Full);
        }
        self.peers.push(Peer::new(id, ours, peer)).map_err(|_| AddPeerError::Full)
    }

    pub(super) fn remove(&mut self, id: PeerId) {
        if let Some(index) = self.peers.iter().position(|peer| peer.id == id) {
            self.peers.remove(index);
            let window = self.ours.pushed.bytes();
            let start = index.saturating_mul(window);
            if let Some(rest) = self.rows.get_mut(start..)
                && let Some((its, _)) = rest.split_at_mut_checked(window)
            {
                its.fill(0);
                rest.rotate_left(window);
            }
        }
    }

    pub(super) fn find(&mut self, id: PeerId) -> Option<(&Ours<'a>, &mut Peer)> {
        let peer = self.peers.iter_mut().find(|peer| peer.id == id)?;
        Some((&self.ours, peer))
    }

    pub(super) fn push(&mut self) -> Result<Frame, PushError> {
        let ours = &self.ours;
        if ours.pushed.next >= u64::from(u32::MAX) {
            return Err(PushError::FramesExhausted);
        }
        self.peers.iter().try_for_each(|peer| peer.judge_push(ours))?;
        self.peers.iter_mut().for_each(|peer| peer.push(ours));
        Ok(Frame::at(ours.pushed.next))
    }

    pub(super) fn begin_epoch(&mut self) {
        for (index, peer) in self.peers.iter_mut().enumerate() {
            peer.begin_epoch(&self.ours, window_mut(self.rows, index, &self.ours));
        }
    }

    pub(super) fn push_checksum(&mut self, checksum: Checksum) -> Result<(), ChecksumError> {
        let ours = &self.ours;
        if checksum.frame < ours.checksums.end() || checksum.frame == u32::MAX {
            return Err(ChecksumError::NotNewer);
        }
        if let Some(leaving) = ours.checksums.leaving()
            && let Some(peer) = self.peers.iter().find(|peer| peer.needs_checksum(ours, leaving))
        {
            return Err(ChecksumError::Full(peer.id));
        }
        self.peers.iter_mut().for_each(|peer| peer.push_checksum(checksum));
        Ok(())
    }

    pub(super) fn handle_datagram(&mut self, from: PeerId, datagram: &[u8]) -> Result<(), DatagramError> {
        let mut peers = self.peers.iter_mut().enumerate();
        let (index, peer) = peers.find(|(_, peer)| peer.id == from).ok_or(DatagramError::UnknownPeer)?;
        if datagram.len() > DATAGRAM_MAX {
            peer.refuse(DatagramError::TooLong);
            return Err(DatagramError::TooLong);
        }
        peer.handle_datagram(&self.ours, window_mut(self.rows, index, &self.ours), datagram)
    }

    pub(super) fn poll_transmit(&mut self, room: &mut [u8]) -> Option<(PeerId, usize)> {
        while let Some(peer) = self.peers.get_mut(usize::from(self.turn.saying)) {
            let written = peer.poll_transmit(&self.ours, room);
            if written.is_none_or(|written| written.last) {
                self.turn.saying = self.turn.saying.saturating_add(1);
            }
            if let Some(Written { len, .. }) = written {
                return Some((peer.id, len));
            }
        }
        None
    }

    /// An event, and if that is an input, its bytes.
    #[inline]
    pub(super) fn poll_event(self) -> Option<(Event<0>, &'a [u8])> {
        let Self { ours, peers, rows, turn } = self;
        while let Some(peer) = peers.get_mut(usize::from(turn.telling)) {
            let index = usize::from(turn.telling);
            let next = turn.telling.saturating_add(1);
            if let Some(event) = peer.poll_event(&ours) {
                let input = match event {
                    Event::Input { frame, .. } => {
                        if peer.is_newest(frame) {
                            turn.telling = next;
                        }
                        peer.input(window(rows, index, &ours), frame)?
                    }
                    _ => &[],
                };
                return Some((event, input));
            }
            turn.telling = next;
        }
        None
    }

    /// Nobody was silent while we were not called. Returns for how long we were not though something was due, if that is
    /// long enough to matter to a peer.
    pub(super) fn stall(&mut self, now: Instant) -> u64 {
        let ours = &self.ours;
        let late = due(ours, self.peers).map_or(0, |due| now.since(due));
        let stalled = self.peers.iter_mut().fold(false, |stalled, peer| stalled | peer.stall(ours, late));
        if stalled { late } else { 0 }
    }
}

/// The earliest moment at which a peer needs waking.
pub(super) fn due(ours: &Ours<'_>, peers: &[Peer]) -> Option<Instant> {
    let due = peers.iter().fold(None, |first, peer| earlier(first, peer.poll_timeout(ours)));
    due.filter(|due| *due <= Instant::LAST)
}

/// A peer with its window.
pub(super) fn seat<'a>(ours: &Ours<'_>, peers: &'a [Peer], rows: &'a [u8], id: PeerId) -> Option<(&'a Peer, &'a [u8])> {
    let index = peers.iter().position(|peer| peer.id == id)?;
    Some((peers.get(index)?, window(rows, index, ours)))
}

fn window<'a>(rows: &'a [u8], index: usize, ours: &Ours<'_>) -> &'a [u8] {
    let size = ours.pushed.bytes();
    rows.get(index.saturating_mul(size)..).and_then(|rows| rows.get(..size)).unwrap_or_default()
}

fn window_mut<'a>(rows: &'a mut [u8], index: usize, ours: &Ours<'_>) -> &'a mut [u8] {
    let size = ours.pushed.bytes();
    rows.get_mut(index.saturating_mul(size)..).and_then(|rows| rows.get_mut(..size)).unwrap_or_default()
}

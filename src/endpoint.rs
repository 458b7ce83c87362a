//! What stands for a session: the session itself, or whatever passes its calls on.

use crate::config::{MAX_DATAGRAM_SIZE, PeerConfig};
use crate::error::{AddPeerError, ChecksumError, DatagramError, EpochError, PushError};
use crate::event::Event;
use crate::ids::{Epoch, Frame, PeerId};
use crate::session::{Session, Transmit};
use crate::time::Instant;

/// The calls that drive a session: what a recorder, a simulator or a rollback driver needs of whatever stands for one.
///
/// All but [`session`](Self::session) are the methods of [`Session`] with the same names.
pub trait Endpoint<const MAX_PEERS: usize, const INPUT_LEN: usize, const WINDOW: usize> {
    /// The session itself, for its getters.
    fn session(&self) -> &Session<MAX_PEERS, INPUT_LEN, WINDOW>;

    /// As [`Session::add_peer`].
    ///
    /// # Errors
    ///
    /// As there.
    fn add_peer(&mut self, now: Instant, peer: PeerConfig<INPUT_LEN>) -> Result<PeerId, AddPeerError>;

    /// As [`Session::remove_peer`].
    fn remove_peer(&mut self, now: Instant, peer: PeerId);

    /// As [`Session::disconnect_peer`].
    fn disconnect_peer(&mut self, now: Instant, peer: PeerId);

    /// As [`Session::push_input`].
    ///
    /// # Errors
    ///
    /// As there.
    fn push_input(&mut self, now: Instant, input: [u8; INPUT_LEN]) -> Result<Frame, PushError>;

    /// As [`Session::skip_to`].
    ///
    /// # Errors
    ///
    /// As there.
    fn skip_to(&mut self, now: Instant, frame: Frame, input: [u8; INPUT_LEN]) -> Result<Frame, PushError>;

    /// As [`Session::begin_epoch`].
    ///
    /// # Errors
    ///
    /// As there.
    fn begin_epoch(&mut self, now: Instant, epoch: Epoch) -> Result<(), EpochError>;

    /// As [`Session::push_checksum`].
    ///
    /// # Errors
    ///
    /// As there.
    fn push_checksum(&mut self, now: Instant, frame: Frame, hash: u64) -> Result<(), ChecksumError>;

    /// As [`Session::close`].
    fn close(&mut self, now: Instant);

    /// As [`Session::set_input_delay`].
    fn set_input_delay(&mut self, frames: u32);

    /// As [`Session::clear_counters`].
    fn clear_counters(&mut self);

    /// As [`Session::handle_datagram`].
    ///
    /// # Errors
    ///
    /// As there.
    fn handle_datagram(&mut self, now: Instant, from: PeerId, datagram: &[u8]) -> Result<(), DatagramError>;

    /// As [`Session::handle_timeout`].
    fn handle_timeout(&mut self, now: Instant);

    /// As [`Session::handle_transport_closed`].
    fn handle_transport_closed(&mut self, now: Instant, peer: PeerId);

    /// As [`Session::handle_transport_opened`].
    fn handle_transport_opened(&mut self, now: Instant, peer: PeerId);

    /// As [`Session::poll_event`].
    fn poll_event(&mut self) -> Option<Event<INPUT_LEN>>;

    /// As [`Session::poll_transmit`].
    fn poll_transmit<'b>(&mut self, buf: &'b mut [u8; MAX_DATAGRAM_SIZE]) -> Option<Transmit<'b>>;

    /// As [`Session::poll_transmit_to`].
    fn poll_transmit_to<'b>(&mut self, peer: PeerId, buf: &'b mut [u8; MAX_DATAGRAM_SIZE]) -> Option<Transmit<'b>>;

    /// As [`Session::poll_timeout`]; `mut`, since a recorder writes the call down.
    fn poll_timeout(&mut self) -> Option<Instant>;
}

impl<const MAX_PEERS: usize, const INPUT_LEN: usize, const WINDOW: usize> Endpoint<MAX_PEERS, INPUT_LEN, WINDOW>
    for Session<MAX_PEERS, INPUT_LEN, WINDOW>
{
    fn session(&self) -> &Self {
        self
    }

    fn add_peer(&mut self, now: Instant, peer: PeerConfig<INPUT_LEN>) -> Result<PeerId, AddPeerError> {
        self.add_peer(now, peer)
    }

    fn remove_peer(&mut self, now: Instant, peer: PeerId) {
        self.remove_peer(now, peer);
    }

    fn disconnect_peer(&mut self, now: Instant, peer: PeerId) {
        self.disconnect_peer(now, peer);
    }

    fn push_input(&mut self, now: Instant, input: [u8; INPUT_LEN]) -> Result<Frame, PushError> {
        self.push_input(now, input)
    }

    fn skip_to(&mut self, now: Instant, frame: Frame, input: [u8; INPUT_LEN]) -> Result<Frame, PushError> {
        self.skip_to(now, frame, input)
    }

    fn begin_epoch(&mut self, now: Instant, epoch: Epoch) -> Result<(), EpochError> {
        self.begin_epoch(now, epoch)
    }

    fn push_checksum(&mut self, now: Instant, frame: Frame, hash: u64) -> Result<(), ChecksumError> {
        self.push_checksum(now, frame, hash)
    }

    fn close(&mut self, now: Instant) {
        self.close(now);
    }

    fn set_input_delay(&mut self, frames: u32) {
        self.set_input_delay(frames);
    }

    fn clear_counters(&mut self) {
        self.clear_counters();
    }

    fn handle_datagram(&mut self, now: Instant, from: PeerId, datagram: &[u8]) -> Result<(), DatagramError> {
        self.handle_datagram(now, from, datagram)
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.handle_timeout(now);
    }

    fn handle_transport_closed(&mut self, now: Instant, peer: PeerId) {
        self.handle_transport_closed(now, peer);
    }

    fn handle_transport_opened(&mut self, now: Instant, peer: PeerId) {
        self.handle_transport_opened(now, peer);
    }

    fn poll_event(&mut self) -> Option<Event<INPUT_LEN>> {
        self.poll_event()
    }

    fn poll_transmit<'b>(&mut self, buf: &'b mut [u8; MAX_DATAGRAM_SIZE]) -> Option<Transmit<'b>> {
        self.poll_transmit(buf)
    }

    fn poll_transmit_to<'b>(&mut self, peer: PeerId, buf: &'b mut [u8; MAX_DATAGRAM_SIZE]) -> Option<Transmit<'b>> {
        self.poll_transmit_to(peer, buf)
    }

    fn poll_timeout(&mut self) -> Option<Instant> {
        // `self.poll_timeout()` would be this method again: the inherent one takes `&self`.
        Self::poll_timeout(self)
    }
}

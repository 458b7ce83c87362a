//! How a session is made and called: plain, or within something that looks on.
//!
//! The simulator knows of the library alone, so whoever includes it brings what looks on: `adapters/record` a recorder.

use inputwire::{
    AddPeerError, ChecksumError, Config, DATAGRAM_MAX, DatagramError, Epoch, EpochError, Event, Frame, Instant,
    PeerConfig, PeerId, PushError, Session, Transmit,
};

/// A session to be made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spec {
    /// The end that it is for.
    pub(crate) end: usize,
    /// Bytes of an input, and frames in the window.
    pub(crate) sizes: (usize, usize),
    pub(crate) peers: usize,
    /// Also in `config`, which does not give it back.
    pub(crate) key: Option<[u8; 16]>,
    pub(crate) config: Config,
}

/// How sessions are made.
pub(crate) trait Make {
    type Of<const PEERS: usize, const INPUT: usize, const WINDOW: usize>: Driven<PEERS, INPUT, WINDOW> + 'static;

    fn make<const PEERS: usize, const INPUT: usize, const WINDOW: usize>(
        &self,
        spec: &Spec,
    ) -> Self::Of<PEERS, INPUT, WINDOW>;
}

/// The calls of a session that change it or answer for it.
pub(crate) trait Driven<const PEERS: usize, const INPUT: usize, const WINDOW: usize> {
    /// The session, for its views and to be cloned.
    fn plain(&self) -> &Session<PEERS, INPUT, WINDOW>;
    fn add_peer(&mut self, now: Instant, peer: PeerConfig<INPUT>) -> Result<PeerId, AddPeerError>;
    fn close_peer(&mut self, now: Instant, peer: PeerId);
    fn open_peer(&mut self, now: Instant, peer: PeerId);
    fn remove_peer(&mut self, now: Instant, peer: PeerId);
    fn push_input(&mut self, now: Instant, input: [u8; INPUT]) -> Result<Frame, PushError>;
    fn begin_epoch(&mut self, now: Instant, epoch: Epoch) -> Result<(), EpochError>;
    fn push_checksum(&mut self, now: Instant, frame: Frame, hash: u64) -> Result<(), ChecksumError>;
    fn leave(&mut self, now: Instant);
    fn handle_datagram(&mut self, now: Instant, from: PeerId, datagram: &[u8]) -> Result<(), DatagramError>;
    fn handle_timeout(&mut self, now: Instant);
    fn poll_transmit<'b>(&mut self, buf: &'b mut [u8; DATAGRAM_MAX]) -> Option<Transmit<'b>>;
    fn poll_event(&mut self) -> Option<Event<INPUT>>;
    fn poll_timeout(&mut self) -> Option<Instant>;
}

/// Sessions as they are.
pub(crate) struct Plain;

impl Make for Plain {
    type Of<const PEERS: usize, const INPUT: usize, const WINDOW: usize> = Session<PEERS, INPUT, WINDOW>;

    fn make<const PEERS: usize, const INPUT: usize, const WINDOW: usize>(
        &self,
        spec: &Spec,
    ) -> Session<PEERS, INPUT, WINDOW> {
        Session::new(spec.config)
    }
}

impl<const PEERS: usize, const INPUT: usize, const WINDOW: usize> Driven<PEERS, INPUT, WINDOW>
    for Session<PEERS, INPUT, WINDOW>
{
    fn plain(&self) -> &Self {
        self
    }

    fn add_peer(&mut self, now: Instant, peer: PeerConfig<INPUT>) -> Result<PeerId, AddPeerError> {
        self.add_peer(now, peer)
    }

    fn close_peer(&mut self, now: Instant, peer: PeerId) {
        self.close_peer(now, peer);
    }

    fn open_peer(&mut self, now: Instant, peer: PeerId) {
        self.open_peer(now, peer);
    }

    fn remove_peer(&mut self, now: Instant, peer: PeerId) {
        self.remove_peer(now, peer);
    }

    fn push_input(&mut self, now: Instant, input: [u8; INPUT]) -> Result<Frame, PushError> {
        self.push_input(now, input)
    }

    fn begin_epoch(&mut self, now: Instant, epoch: Epoch) -> Result<(), EpochError> {
        self.begin_epoch(now, epoch)
    }

    fn push_checksum(&mut self, now: Instant, frame: Frame, hash: u64) -> Result<(), ChecksumError> {
        self.push_checksum(now, frame, hash)
    }

    fn leave(&mut self, now: Instant) {
        self.leave(now);
    }

    fn handle_datagram(&mut self, now: Instant, from: PeerId, datagram: &[u8]) -> Result<(), DatagramError> {
        self.handle_datagram(now, from, datagram)
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.handle_timeout(now);
    }

    fn poll_transmit<'b>(&mut self, buf: &'b mut [u8; DATAGRAM_MAX]) -> Option<Transmit<'b>> {
        self.poll_transmit(buf)
    }

    fn poll_event(&mut self) -> Option<Event<INPUT>> {
        self.poll_event()
    }

    fn poll_timeout(&mut self) -> Option<Instant> {
        // That of the session needs no `mut`, so this one would be found first.
        Session::poll_timeout(self)
    }
}

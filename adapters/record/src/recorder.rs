//! A session that writes down what it is asked and what it answers.

use std::io::{self, Write};
use std::ops::Deref;

use inputwire::{
    AddPeerError, ChecksumError, Config, DATAGRAM_MAX, DatagramError, Epoch, EpochError, Event, Frame, Instant,
    PeerConfig, PeerId, PushError, Session, Transmit,
};

use crate::call::Call;
use crate::outcome::Outcome;
use crate::setup::Setup;
use crate::tape::Tape;

/// A [`Session`] that is recorded from its first call on: the same methods, and its views by `Deref`.
///
/// Views are not recorded: they follow from the rest.
#[derive(Debug)]
pub struct Recorder<W: Write, const PEERS: usize, const INPUT: usize, const WINDOW: usize = 120> {
    session: Session<PEERS, INPUT, WINDOW>,
    tape: Tape<W>,
}

impl<W: Write, const PEERS: usize, const INPUT: usize, const WINDOW: usize> Recorder<W, PEERS, INPUT, WINDOW> {
    /// Creates a session, and begins its recording. The key, if there is one, is not written.
    #[must_use]
    pub fn new(config: Config, writer: W) -> Self {
        let setup = Setup::new(&config, PEERS, INPUT, WINDOW);
        Self { session: Session::new(config), tape: Tape::new(&setup, writer) }
    }

    /// Writes words of the application into the recording.
    pub fn note(&mut self, text: &str) {
        self.tape.note(text);
    }

    /// Ends the recording and gives the writer back. If it is dropped instead, the recording lacks its end, which a replay
    /// tells.
    ///
    /// # Errors
    ///
    /// The first one that the writer had; the recording ended there.
    pub fn finish(self) -> io::Result<W> {
        self.tape.finish()
    }

    /// As [`Session::add_peer`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn add_peer(&mut self, now: Instant, peer: PeerConfig<INPUT>) -> Result<PeerId, AddPeerError> {
        let (classic, player, incarnation) = (peer.is_classic(), peer.player(), peer.known_incarnation());
        let added = self.session.add_peer(now, peer);
        let outcome = Outcome::of(&added, |peer| Some(peer.get()));
        self.tape.write(&Call::AddPeer { now, classic, player, incarnation }, &outcome);
        added
    }

    /// As [`Session::close_peer`].
    pub fn close_peer(&mut self, now: Instant, peer: PeerId) {
        self.session.close_peer(now, peer);
        self.tape.write(&Call::ClosePeer { now, peer }, &Outcome::Nothing);
    }

    /// As [`Session::open_peer`].
    pub fn open_peer(&mut self, now: Instant, peer: PeerId) {
        self.session.open_peer(now, peer);
        self.tape.write(&Call::OpenPeer { now, peer }, &Outcome::Nothing);
    }

    /// As [`Session::remove_peer`].
    pub fn remove_peer(&mut self, now: Instant, peer: PeerId) {
        self.session.remove_peer(now, peer);
        self.tape.write(&Call::RemovePeer { now, peer }, &Outcome::Nothing);
    }

    /// As [`Session::push_input`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn push_input(&mut self, now: Instant, input: [u8; INPUT]) -> Result<Frame, PushError> {
        let pushed = self.session.push_input(now, input);
        let outcome = Outcome::of(&pushed, |frame| Some(frame.get()));
        self.tape.write(&Call::PushInput { now, input: &input }, &outcome);
        pushed
    }

    /// As [`Session::begin_epoch`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn begin_epoch(&mut self, now: Instant, epoch: Epoch) -> Result<(), EpochError> {
        let begun = self.session.begin_epoch(now, epoch);
        self.tape.write(&Call::BeginEpoch { now, epoch }, &Outcome::of(&begun, |()| None));
        begun
    }

    /// As [`Session::push_checksum`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn push_checksum(&mut self, now: Instant, frame: Frame, hash: u64) -> Result<(), ChecksumError> {
        let pushed = self.session.push_checksum(now, frame, hash);
        self.tape.write(&Call::PushChecksum { now, frame, hash }, &Outcome::of(&pushed, |()| None));
        pushed
    }

    /// As [`Session::leave`].
    pub fn leave(&mut self, now: Instant) {
        self.session.leave(now);
        self.tape.write(&Call::Leave { now }, &Outcome::Nothing);
    }

    /// As [`Session::clear_counters`].
    pub fn clear_counters(&mut self) {
        self.session.clear_counters();
        self.tape.write(&Call::ClearCounters, &Outcome::Nothing);
    }

    /// As [`Session::handle_datagram`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn handle_datagram(&mut self, now: Instant, from: PeerId, datagram: &[u8]) -> Result<(), DatagramError> {
        let handled = self.session.handle_datagram(now, from, datagram);
        self.tape.write(&Call::HandleDatagram { now, from, datagram }, &Outcome::of(&handled, |()| None));
        handled
    }

    /// As [`Session::handle_timeout`].
    pub fn handle_timeout(&mut self, now: Instant) {
        self.session.handle_timeout(now);
        self.tape.write(&Call::HandleTimeout { now }, &Outcome::Nothing);
    }

    /// As [`Session::poll_transmit`].
    pub fn poll_transmit<'b>(&mut self, buf: &'b mut [u8; DATAGRAM_MAX]) -> Option<Transmit<'b>> {
        let transmit = self.session.poll_transmit(buf);
        self.tape.write(&Call::PollTransmit, &Outcome::of_transmit(transmit.as_ref()));
        transmit
    }

    /// As [`Session::poll_event`].
    pub fn poll_event(&mut self) -> Option<Event<INPUT>> {
        let event = self.session.poll_event();
        self.tape.write(&Call::PollEvent, &Outcome::of_event(event.as_ref()));
        event
    }

    /// As [`Session::poll_timeout`], which needs no `mut`: but what it answers is recorded.
    pub fn poll_timeout(&mut self) -> Option<Instant> {
        let timeout = self.session.poll_timeout();
        self.tape.write(&Call::PollTimeout, &Outcome::of_timeout(timeout));
        timeout
    }
}

impl<W: Write, const PEERS: usize, const INPUT: usize, const WINDOW: usize> Deref
    for Recorder<W, PEERS, INPUT, WINDOW>
{
    type Target = Session<PEERS, INPUT, WINDOW>;

    fn deref(&self) -> &Self::Target {
        &self.session
    }
}

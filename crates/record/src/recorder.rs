//! A session that records its calls and their outcomes.

use std::io::{self, Write};
use std::ops::Deref;

use inputwire::{
    AddPeerError, ChecksumError, Config, DatagramError, Endpoint, Epoch, EpochError, Event, Frame, Instant,
    MAX_DATAGRAM_SIZE, PeerConfig, PeerId, PushError, Session, Transmit,
};

use crate::call::Call;
use crate::outcome::Outcome;
use crate::setup::Setup;
use crate::tape::Tape;

/// A [`Session`] that is recorded from its first call on.
///
/// Its calls are those of [`Endpoint`], its getters those of the session. Getters are not recorded, since a replay has the
/// same ones.
///
/// A session of any size is recorded, but a [`Replay`](crate::Replay) knows the usual ones only, and refuses others as
/// [`Sizes`](crate::FileError::Sizes): up to 16 peers, and inputs of 1, 2, 4, 8, 16 or 32 bytes with a window of 60 or 120. Try one
/// short recording of a game before you rely on them.
#[derive(Debug)]
pub struct Recorder<W: Write, const MAX_PEERS: usize, const INPUT_LEN: usize, const WINDOW: usize = 120> {
    session: Session<MAX_PEERS, INPUT_LEN, WINDOW>,
    tape: Tape<W>,
}

impl<W: Write, const MAX_PEERS: usize, const INPUT_LEN: usize, const WINDOW: usize>
    Recorder<W, MAX_PEERS, INPUT_LEN, WINDOW>
{
    /// Creates a session, and starts its recording. Keys are not recorded, neither here nor with a peer.
    #[must_use]
    pub fn new(config: Config, writer: W) -> Self {
        let setup = Setup::new(&config, MAX_PEERS, INPUT_LEN, WINDOW);
        Self { session: Session::new(config), tape: Tape::new(&setup, writer) }
    }

    /// Records a note of the application.
    pub fn note(&mut self, text: &str) {
        self.tape.note(text);
    }

    /// Ends the recording, and returns the writer. If the recorder is dropped instead, the recording has no end, which a
    /// replay reports.
    ///
    /// # Errors
    ///
    /// The first error of the writer, at which the recording stopped.
    pub fn finish(self) -> io::Result<W> {
        self.tape.finish()
    }
}

impl<W: Write, const MAX_PEERS: usize, const INPUT_LEN: usize, const WINDOW: usize>
    Endpoint<MAX_PEERS, INPUT_LEN, WINDOW> for Recorder<W, MAX_PEERS, INPUT_LEN, WINDOW>
{
    fn session(&self) -> &Session<MAX_PEERS, INPUT_LEN, WINDOW> {
        &self.session
    }

    fn add_peer(&mut self, now: Instant, peer: PeerConfig<INPUT_LEN>) -> Result<PeerId, AddPeerError> {
        let (classic, keyed) = (peer.is_classic(), peer.is_keyed());
        let (player, incarnation, from) = (peer.player(), peer.known_incarnation(), peer.join_frame());
        let added = self.session.add_peer(now, peer);
        let outcome = Outcome::of(&added, |peer| Some(peer.get()));
        self.tape.write(&Call::AddPeer { now, classic, keyed, player, incarnation, from }, &outcome);
        added
    }

    fn handle_transport_closed(&mut self, now: Instant, peer: PeerId) {
        self.session.handle_transport_closed(now, peer);
        self.tape.write(&Call::HandleTransportClosed { now, peer }, &Outcome::Nothing);
    }

    fn handle_transport_opened(&mut self, now: Instant, peer: PeerId) {
        self.session.handle_transport_opened(now, peer);
        self.tape.write(&Call::HandleTransportOpened { now, peer }, &Outcome::Nothing);
    }

    fn disconnect_peer(&mut self, now: Instant, peer: PeerId) {
        self.session.disconnect_peer(now, peer);
        self.tape.write(&Call::DisconnectPeer { now, peer }, &Outcome::Nothing);
    }

    fn remove_peer(&mut self, now: Instant, peer: PeerId) {
        self.session.remove_peer(now, peer);
        self.tape.write(&Call::RemovePeer { now, peer }, &Outcome::Nothing);
    }

    fn push_input(&mut self, now: Instant, input: [u8; INPUT_LEN]) -> Result<Frame, PushError> {
        let pushed = self.session.push_input(now, input);
        let outcome = Outcome::of(&pushed, |frame| Some(frame.get()));
        self.tape.write(&Call::PushInput { now, input: &input }, &outcome);
        pushed
    }

    fn skip_to(&mut self, now: Instant, frame: Frame, input: [u8; INPUT_LEN]) -> Result<Frame, PushError> {
        let skipped = self.session.skip_to(now, frame, input);
        let outcome = Outcome::of(&skipped, |frame| Some(frame.get()));
        self.tape.write(&Call::SkipTo { now, frame, input: &input }, &outcome);
        skipped
    }

    fn begin_epoch(&mut self, now: Instant, epoch: Epoch) -> Result<(), EpochError> {
        let begun = self.session.begin_epoch(now, epoch);
        self.tape.write(&Call::BeginEpoch { now, epoch }, &Outcome::of(&begun, |()| None));
        begun
    }

    fn push_checksum(&mut self, now: Instant, frame: Frame, hash: u64) -> Result<(), ChecksumError> {
        let pushed = self.session.push_checksum(now, frame, hash);
        self.tape.write(&Call::PushChecksum { now, frame, hash }, &Outcome::of(&pushed, |()| None));
        pushed
    }

    fn close(&mut self, now: Instant) {
        self.session.close(now);
        self.tape.write(&Call::Close { now }, &Outcome::Nothing);
    }

    fn set_input_delay(&mut self, frames: u32) {
        self.session.set_input_delay(frames);
        self.tape.write(&Call::SetInputDelay { frames }, &Outcome::Nothing);
    }

    fn clear_counters(&mut self) {
        self.session.clear_counters();
        self.tape.write(&Call::ClearCounters, &Outcome::Nothing);
    }

    fn handle_datagram(&mut self, now: Instant, from: PeerId, datagram: &[u8]) -> Result<(), DatagramError> {
        let handled = self.session.handle_datagram(now, from, datagram);
        self.tape.write(&Call::HandleDatagram { now, from, datagram }, &Outcome::of(&handled, |()| None));
        handled
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.session.handle_timeout(now);
        self.tape.write(&Call::HandleTimeout { now }, &Outcome::Nothing);
    }

    fn poll_transmit<'b>(&mut self, buf: &'b mut [u8; MAX_DATAGRAM_SIZE]) -> Option<Transmit<'b>> {
        let transmit = self.session.poll_transmit(buf);
        self.tape.write(&Call::PollTransmit, &Outcome::of_transmit(transmit.as_ref()));
        transmit
    }

    fn poll_transmit_to<'b>(&mut self, peer: PeerId, buf: &'b mut [u8; MAX_DATAGRAM_SIZE]) -> Option<Transmit<'b>> {
        let transmit = self.session.poll_transmit_to(peer, buf);
        self.tape.write(&Call::PollTransmitTo { peer }, &Outcome::of_transmit(transmit.as_ref()));
        transmit
    }

    fn poll_event(&mut self) -> Option<Event<INPUT_LEN>> {
        let event = self.session.poll_event();
        self.tape.write(&Call::PollEvent, &Outcome::of_event(event.as_ref()));
        event
    }

    fn poll_timeout(&mut self) -> Option<Instant> {
        let timeout = self.session.poll_timeout();
        self.tape.write(&Call::PollTimeout, &Outcome::of_timeout(timeout));
        timeout
    }
}

impl<W: Write, const MAX_PEERS: usize, const INPUT_LEN: usize, const WINDOW: usize> Deref
    for Recorder<W, MAX_PEERS, INPUT_LEN, WINDOW>
{
    type Target = Session<MAX_PEERS, INPUT_LEN, WINDOW>;

    fn deref(&self) -> &Self::Target {
        &self.session
    }
}

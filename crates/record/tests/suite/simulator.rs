//! Runs of the simulator with a recorder in the place of each session.

use std::cell::RefCell;
use std::io::{self, Write};
use std::mem;
use std::rc::Rc;

use inputwire::{
    AddPeerError, ChecksumError, DatagramError, Endpoint, Epoch, EpochError, Event, Frame, Instant, MAX_DATAGRAM_SIZE,
    PeerConfig, PeerId, PushError, Session, Transmit,
};
use inputwire_record::Recorder;
use inputwire_sim::make::{MakeEndpoint, Spec};
use inputwire_sim::plan::Plan;
use inputwire_sim::{Outcome, run_with};

/// The recording of one session, from its start to its end.
#[derive(Clone, Debug)]
pub(crate) struct Recording {
    pub(crate) spec: Spec,
    pub(crate) file: Vec<u8>,
}

/// Runs a plan, and returns the recordings of its sessions in the order in which they were made.
pub(crate) fn run(plan: &Plan) -> (Outcome, Vec<Recording>) {
    let studio = Studio::default();
    let outcome = run_with(plan, &studio);
    let takes = mem::take(&mut *studio.takes.borrow_mut());
    // The first session of each endpoint is a placeholder until it starts, and is never called.
    let started = takes.into_iter().skip(plan.endpoints.len());
    (outcome, started.map(|(spec, file)| Recording { spec, file: file.take() }).collect())
}

/// Makes recorded sessions, and keeps their recordings.
#[derive(Default)]
struct Studio {
    takes: RefCell<Vec<(Spec, Shared)>>,
}

type Shared = Rc<RefCell<Vec<u8>>>;

/// A file in memory that outlives its session.
struct File(Shared);

impl Write for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeEndpoint for Studio {
    type Endpoint<const MAX_PEERS: usize, const INPUT_LEN: usize, const WINDOW: usize> =
        Recorded<MAX_PEERS, INPUT_LEN, WINDOW>;

    fn make<const MAX_PEERS: usize, const INPUT_LEN: usize, const WINDOW: usize>(
        &self,
        spec: &Spec,
    ) -> Recorded<MAX_PEERS, INPUT_LEN, WINDOW> {
        let file = Shared::default();
        self.takes.borrow_mut().push((*spec, Rc::clone(&file)));
        Recorded(Some(Recorder::new(spec.config, File(file))))
    }
}

/// A recorder that ends its recording when it is dropped, except in a panic. `None` only while it is dropped.
struct Recorded<const MAX_PEERS: usize, const INPUT_LEN: usize, const WINDOW: usize>(
    Option<Recorder<File, MAX_PEERS, INPUT_LEN, WINDOW>>,
);

impl<const MAX_PEERS: usize, const INPUT_LEN: usize, const WINDOW: usize> Recorded<MAX_PEERS, INPUT_LEN, WINDOW> {
    fn recorder(&mut self) -> &mut Recorder<File, MAX_PEERS, INPUT_LEN, WINDOW> {
        self.0.as_mut().expect("not dropped yet")
    }
}

impl<const MAX_PEERS: usize, const INPUT_LEN: usize, const WINDOW: usize> Drop
    for Recorded<MAX_PEERS, INPUT_LEN, WINDOW>
{
    fn drop(&mut self) {
        if let Some(recorder) = self.0.take().filter(|_| !std::thread::panicking()) {
            recorder.finish().expect("a `Vec` takes everything");
        }
    }
}

impl<const MAX_PEERS: usize, const INPUT_LEN: usize, const WINDOW: usize> Endpoint<MAX_PEERS, INPUT_LEN, WINDOW>
    for Recorded<MAX_PEERS, INPUT_LEN, WINDOW>
{
    fn session(&self) -> &Session<MAX_PEERS, INPUT_LEN, WINDOW> {
        self.0.as_ref().expect("not dropped yet")
    }

    fn add_peer(&mut self, now: Instant, peer: PeerConfig<INPUT_LEN>) -> Result<PeerId, AddPeerError> {
        self.recorder().add_peer(now, peer)
    }

    fn handle_transport_closed(&mut self, now: Instant, peer: PeerId) {
        self.recorder().handle_transport_closed(now, peer);
    }

    fn handle_transport_opened(&mut self, now: Instant, peer: PeerId) {
        self.recorder().handle_transport_opened(now, peer);
    }

    fn disconnect_peer(&mut self, now: Instant, peer: PeerId) {
        self.recorder().disconnect_peer(now, peer);
    }

    fn remove_peer(&mut self, now: Instant, peer: PeerId) {
        self.recorder().remove_peer(now, peer);
    }

    fn push_input(&mut self, now: Instant, input: [u8; INPUT_LEN]) -> Result<Frame, PushError> {
        self.recorder().push_input(now, input)
    }

    fn skip_to(&mut self, now: Instant, frame: Frame, input: [u8; INPUT_LEN]) -> Result<Frame, PushError> {
        self.recorder().skip_to(now, frame, input)
    }

    fn begin_epoch(&mut self, now: Instant, epoch: Epoch) -> Result<(), EpochError> {
        self.recorder().begin_epoch(now, epoch)
    }

    fn push_checksum(&mut self, now: Instant, frame: Frame, hash: u64) -> Result<(), ChecksumError> {
        self.recorder().push_checksum(now, frame, hash)
    }

    fn close(&mut self, now: Instant) {
        self.recorder().close(now);
    }

    fn set_input_delay(&mut self, frames: u32) {
        self.recorder().set_input_delay(frames);
    }

    fn clear_counters(&mut self) {
        self.recorder().clear_counters();
    }

    fn handle_datagram(&mut self, now: Instant, from: PeerId, datagram: &[u8]) -> Result<(), DatagramError> {
        self.recorder().handle_datagram(now, from, datagram)
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.recorder().handle_timeout(now);
    }

    fn poll_transmit<'b>(&mut self, buf: &'b mut [u8; MAX_DATAGRAM_SIZE]) -> Option<Transmit<'b>> {
        self.recorder().poll_transmit(buf)
    }

    fn poll_transmit_to<'b>(&mut self, peer: PeerId, buf: &'b mut [u8; MAX_DATAGRAM_SIZE]) -> Option<Transmit<'b>> {
        self.recorder().poll_transmit_to(peer, buf)
    }

    fn poll_event(&mut self) -> Option<Event<INPUT_LEN>> {
        self.recorder().poll_event()
    }

    fn poll_timeout(&mut self) -> Option<Instant> {
        self.recorder().poll_timeout()
    }
}

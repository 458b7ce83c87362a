//! The simulator of `tests/suite/sim`, each of whose sessions is recorded.

use std::cell::RefCell;
use std::io::{self, Write};
use std::mem;
use std::rc::Rc;

use inputwire::{
    AddPeerError, ChecksumError, DATAGRAM_MAX, DatagramError, Epoch, EpochError, Event, Frame, Instant, PeerConfig,
    PeerId, PushError, Session, Transmit,
};
use inputwire_record::Recorder;

#[path = "../../../../tests/suite/sim/mod.rs"]
pub(crate) mod sim;

use sim::driven::{Driven, Make, Spec};
use sim::machine::build;
use sim::plan::Plan;
use sim::{Outcome, run_with};

/// What one session did, from its making to its end.
#[derive(Clone, Debug)]
pub(crate) struct Recording {
    pub(crate) spec: Spec,
    pub(crate) file: Vec<u8>,
}

/// Runs a plan, and gives the recordings of its sessions in the order in which they were made.
pub(crate) fn run(plan: &Plan) -> (Outcome, Vec<Recording>) {
    let studio = Studio::default();
    let outcome = run_with(plan, &|spec| build(&studio, spec));
    let takes = mem::take(&mut *studio.takes.borrow_mut());
    // Before an end is started, it has a session that is never called: those are made first.
    let started = takes.into_iter().skip(plan.ends.len());
    (outcome, started.map(|(spec, file)| Recording { spec, file: file.take() }).collect())
}

/// Makes sessions that are recorded.
#[derive(Default)]
struct Studio {
    takes: RefCell<Vec<(Spec, Shared)>>,
}

type Shared = Rc<RefCell<Vec<u8>>>;

/// A file in memory, which outlives the session.
struct File(Shared);

impl Write for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Make for Studio {
    type Of<const PEERS: usize, const INPUT: usize, const WINDOW: usize> = Recorded<PEERS, INPUT, WINDOW>;

    fn make<const PEERS: usize, const INPUT: usize, const WINDOW: usize>(
        &self,
        spec: &Spec,
    ) -> Recorded<PEERS, INPUT, WINDOW> {
        let file = Shared::default();
        self.takes.borrow_mut().push((*spec, Rc::clone(&file)));
        Recorded(Some(Recorder::new(spec.config, File(file))))
    }
}

/// There until it is dropped.
struct Recorded<const PEERS: usize, const INPUT: usize, const WINDOW: usize>(
    Option<Recorder<File, PEERS, INPUT, WINDOW>>,
);

impl<const PEERS: usize, const INPUT: usize, const WINDOW: usize> Recorded<PEERS, INPUT, WINDOW> {
    fn it(&mut self) -> &mut Recorder<File, PEERS, INPUT, WINDOW> {
        self.0.as_mut().expect("not dropped yet")
    }
}

/// Ends the recording, so that a whole one can be told from one that is cut off; but not in a panic.
impl<const PEERS: usize, const INPUT: usize, const WINDOW: usize> Drop for Recorded<PEERS, INPUT, WINDOW> {
    fn drop(&mut self) {
        if let Some(recorder) = self.0.take().filter(|_| !std::thread::panicking()) {
            recorder.finish().expect("memory takes everything");
        }
    }
}

impl<const PEERS: usize, const INPUT: usize, const WINDOW: usize> Driven<PEERS, INPUT, WINDOW>
    for Recorded<PEERS, INPUT, WINDOW>
{
    fn plain(&self) -> &Session<PEERS, INPUT, WINDOW> {
        self.0.as_ref().expect("not dropped yet")
    }

    fn add_peer(&mut self, now: Instant, peer: PeerConfig<INPUT>) -> Result<PeerId, AddPeerError> {
        self.it().add_peer(now, peer)
    }

    fn close_peer(&mut self, now: Instant, peer: PeerId) {
        self.it().close_peer(now, peer);
    }

    fn open_peer(&mut self, now: Instant, peer: PeerId) {
        self.it().open_peer(now, peer);
    }

    fn remove_peer(&mut self, now: Instant, peer: PeerId) {
        self.it().remove_peer(now, peer);
    }

    fn push_input(&mut self, now: Instant, input: [u8; INPUT]) -> Result<Frame, PushError> {
        self.it().push_input(now, input)
    }

    fn begin_epoch(&mut self, now: Instant, epoch: Epoch) -> Result<(), EpochError> {
        self.it().begin_epoch(now, epoch)
    }

    fn push_checksum(&mut self, now: Instant, frame: Frame, hash: u64) -> Result<(), ChecksumError> {
        self.it().push_checksum(now, frame, hash)
    }

    fn leave(&mut self, now: Instant) {
        self.it().leave(now);
    }

    fn handle_datagram(&mut self, now: Instant, from: PeerId, datagram: &[u8]) -> Result<(), DatagramError> {
        self.it().handle_datagram(now, from, datagram)
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.it().handle_timeout(now);
    }

    fn poll_transmit<'b>(&mut self, buf: &'b mut [u8; DATAGRAM_MAX]) -> Option<Transmit<'b>> {
        self.it().poll_transmit(buf)
    }

    fn poll_event(&mut self) -> Option<Event<INPUT>> {
        self.it().poll_event()
    }

    fn poll_timeout(&mut self) -> Option<Instant> {
        self.it().poll_timeout()
    }
}

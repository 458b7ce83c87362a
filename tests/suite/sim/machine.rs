//! A session of any size behind one face, so that the world is compiled once; and the twins of laws 3, 4 and 8.

use inputwire::{
    DATAGRAM_MAX, DatagramError, Epoch, EpochError, Event, Frame, Instant, PeerConfig, PeerId, PushError, Session,
};

use super::breach::Breach;
use super::driven::{Driven, Make, Spec};

/// The longest input.
pub(crate) const INPUT_MAX: usize = 255;

/// What a session tells, but for the bytes of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Input { peer: PeerId, frame: u32 },
    Restarted,
    Ahead { epoch: u32 },
    Mismatch { peer: PeerId },
    Lost { peer: PeerId, first: u32, count: u32 },
    Desync { peer: PeerId, frame: u32 },
    Other,
}

/// Which laws to check while a datagram is handled; each costs a clone.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Look {
    pub(crate) refusal: bool,
    pub(crate) repetition: bool,
}

/// Whom to expect.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expect {
    pub(crate) player: u16,
    pub(crate) classic: bool,
    pub(crate) incarnation: Option<u32>,
}

/// The public face of a session.
pub(crate) trait Machine {
    fn add_peer(&mut self, now: Instant, expect: Expect) -> Option<PeerId>;
    fn close_peer(&mut self, now: Instant, peer: PeerId);
    fn open_peer(&mut self, now: Instant, peer: PeerId);
    fn remove_peer(&mut self, now: Instant, peer: PeerId);
    fn leave(&mut self, now: Instant);
    fn push(&mut self, now: Instant, input: &[u8]) -> Result<Frame, PushError>;
    /// Pushes a hash of the game's state; false if there was no room for it.
    fn push_checksum(&mut self, now: Instant, frame: u32, hash: u64) -> bool;
    fn begin_epoch(&mut self, now: Instant, epoch: u32) -> Result<(), EpochError>;
    fn timeout(&mut self, now: Instant);
    /// Handles a datagram; breaks a law if one that was looked at is broken.
    fn handle(&mut self, now: Instant, from: PeerId, bytes: &[u8], look: Look) -> Result<Handled, Breach>;
    fn transmit(&mut self, buf: &mut [u8; DATAGRAM_MAX]) -> Option<(PeerId, usize)>;
    fn event(&mut self, input: &mut [u8; INPUT_MAX]) -> Option<Told>;
    fn next_wake(&mut self) -> Option<Instant>;
    fn next_frame(&self) -> u32;
    fn known(&self, peer: PeerId) -> Option<u32>;
    fn confirmed(&self) -> Option<u32>;
    fn unacked(&self, peer: PeerId) -> u32;
    fn silence_us(&self, peer: PeerId) -> Option<u64>;
    /// Frames below the newest known one that are missing.
    fn gaps(&self, peer: PeerId) -> u32;
    fn has_own(&self, frame: u64) -> bool;
    /// Bytes of an input, and frames in the window.
    fn sizes(&self) -> (usize, u64);
}

/// What became of a datagram.
pub(crate) type Handled = Result<(), DatagramError>;

struct Node<D, const PEERS: usize, const INPUT: usize, const WINDOW: usize> {
    session: D,
    /// Kept, so that a look costs a copy and no allocation.
    twin: Session<PEERS, INPUT, WINDOW>,
    classic: fn(u16) -> PeerConfig<INPUT>,
}

impl<D: Driven<PEERS, INPUT, WINDOW>, const PEERS: usize, const INPUT: usize, const WINDOW: usize>
    Node<D, PEERS, INPUT, WINDOW>
{
    /// Law 3: a refused datagram leaves the session as the time alone would, but for counters.
    fn look_at_refusal(&mut self, now: Instant, reason: DatagramError) -> Result<(), Breach> {
        self.twin.handle_timeout(now);
        let mut own = self.session.plain().clone();
        own.clear_counters();
        self.twin.clear_counters();
        if own != self.twin {
            return Err(Breach::of("3 refusal", format!("{reason:?} changed the session")));
        }
        self.look_at_outputs(own)
    }

    /// Equal sessions say and tell the same.
    fn look_at_outputs(&mut self, mut own: Session<PEERS, INPUT, WINDOW>) -> Result<(), Breach> {
        let (mut one, mut other) = ([0; DATAGRAM_MAX], [0; DATAGRAM_MAX]);
        let same = own.poll_transmit(&mut one) == self.twin.poll_transmit(&mut other)
            && own.poll_event() == self.twin.poll_event()
            && own.poll_timeout() == self.twin.poll_timeout();
        if same { Ok(()) } else { Err(Breach::of("3 refusal", "the output after a refusal differs")) }
    }

    /// Law 4: a datagram handled twice does what it did once, but for counters.
    fn look_at_repetition(&mut self, now: Instant, from: PeerId, bytes: &[u8]) -> Result<(), Breach> {
        self.twin.clone_from(self.session.plain());
        let _ = self.twin.handle_datagram(now, from, bytes);
        self.twin.clear_counters();
        let mut own = self.session.plain().clone();
        own.clear_counters();
        if own == self.twin { Ok(()) } else { Err(Breach::of("4 repetition", format!("a repeated {bytes:02x?}"))) }
    }
}

impl<D: Driven<PEERS, INPUT, WINDOW>, const PEERS: usize, const INPUT: usize, const WINDOW: usize> Machine
    for Node<D, PEERS, INPUT, WINDOW>
{
    fn add_peer(&mut self, now: Instant, expect: Expect) -> Option<PeerId> {
        let mut peer = if expect.classic { (self.classic)(expect.player) } else { PeerConfig::compact(expect.player) };
        if let Some(incarnation) = expect.incarnation {
            peer = peer.incarnation(incarnation);
        }
        self.session.add_peer(now, peer).ok()
    }

    fn close_peer(&mut self, now: Instant, peer: PeerId) {
        self.session.close_peer(now, peer);
    }

    fn open_peer(&mut self, now: Instant, peer: PeerId) {
        self.session.open_peer(now, peer);
    }

    fn remove_peer(&mut self, now: Instant, peer: PeerId) {
        self.session.remove_peer(now, peer);
    }

    fn leave(&mut self, now: Instant) {
        self.session.leave(now);
    }

    fn push(&mut self, now: Instant, input: &[u8]) -> Result<Frame, PushError> {
        self.session.push_input(now, input.try_into().expect("the size of an input"))
    }

    fn begin_epoch(&mut self, now: Instant, epoch: u32) -> Result<(), EpochError> {
        self.session.begin_epoch(now, Epoch::new(epoch))
    }

    fn push_checksum(&mut self, now: Instant, frame: u32, hash: u64) -> bool {
        self.session.push_checksum(now, Frame::new(frame), hash).is_ok()
    }

    fn timeout(&mut self, now: Instant) {
        self.session.handle_timeout(now);
    }

    fn handle(&mut self, now: Instant, from: PeerId, bytes: &[u8], look: Look) -> Result<Handled, Breach> {
        if look.refusal {
            self.twin.clone_from(self.session.plain());
        }
        let handled = self.session.handle_datagram(now, from, bytes);
        match handled {
            // This reason alone is also told, once.
            Err(DatagramError::OutOfStep) => {}
            Err(reason) if look.refusal => self.look_at_refusal(now, reason)?,
            Ok(()) if look.repetition => self.look_at_repetition(now, from, bytes)?,
            _ => {}
        }
        Ok(handled)
    }

    fn transmit(&mut self, buf: &mut [u8; DATAGRAM_MAX]) -> Option<(PeerId, usize)> {
        self.session.poll_transmit(buf).map(|transmit| (transmit.peer, transmit.datagram.len()))
    }

    fn event(&mut self, bytes: &mut [u8; INPUT_MAX]) -> Option<Told> {
        Some(match self.session.poll_event()? {
            Event::Input { peer, frame, input } => {
                bytes[..INPUT].copy_from_slice(&input);
                Told::Input { peer, frame: frame.get() }
            }
            Event::Restarted { .. } => Told::Restarted,
            Event::PeerAhead { epoch, .. } => Told::Ahead { epoch: epoch.get() },
            Event::Mismatch { peer, .. } => Told::Mismatch { peer },
            Event::Lost { peer, first, count } => Told::Lost { peer, first: first.get(), count },
            Event::Desync { peer, frame, .. } => Told::Desync { peer, frame: frame.get() },
            _ => Told::Other,
        })
    }

    fn next_wake(&mut self) -> Option<Instant> {
        self.session.poll_timeout()
    }

    fn next_frame(&self) -> u32 {
        self.session.plain().next_frame().get()
    }

    fn known(&self, peer: PeerId) -> Option<u32> {
        self.session.plain().known(peer).map(Frame::get)
    }

    fn confirmed(&self) -> Option<u32> {
        self.session.plain().confirmed().map(Frame::get)
    }

    fn unacked(&self, peer: PeerId) -> u32 {
        self.session.plain().unacked(peer)
    }

    fn silence_us(&self, peer: PeerId) -> Option<u64> {
        let silence = self.session.plain().stats(peer)?.silence?;
        u64::try_from(silence.as_micros()).ok()
    }

    fn gaps(&self, peer: PeerId) -> u32 {
        self.session.plain().stats(peer).map_or(0, |stats| stats.gaps)
    }

    fn has_own(&self, frame: u64) -> bool {
        u32::try_from(frame).is_ok_and(|frame| self.session.plain().own_input(Frame::new(frame)).is_some())
    }

    fn sizes(&self) -> (usize, u64) {
        (INPUT, u64::try_from(WINDOW).expect("a window"))
    }
}

fn node<M: Make, const PEERS: usize, const INPUT: usize, const WINDOW: usize>(
    make: &M,
    spec: &Spec,
    classic: fn(u16) -> PeerConfig<INPUT>,
) -> Box<dyn Machine> {
    let session = make.make::<PEERS, INPUT, WINDOW>(spec);
    Box::new(Node { twin: session.plain().clone(), session, classic })
}

/// What makes the sessions of a world.
pub(crate) type Build<'a> = dyn Fn(&Spec) -> Box<dyn Machine> + 'a;

macro_rules! sizes {
    ($($input:literal $window:literal $classic:expr;)*) => {
        /// The sizes there are: bytes of an input, frames in the window.
        pub(crate) const SIZES: &[(usize, usize)] = &[$(($input, $window),)*];

        /// A session of one of the `SIZES`, with room for one peer or for three.
        pub(crate) fn build<M: Make>(make: &M, spec: &Spec) -> Box<dyn Machine> {
            match (spec.sizes, spec.peers) {
                $((($input, $window), 1) => node::<M, 1, $input, $window>(make, spec, $classic),)*
                $((($input, $window), _) => node::<M, 3, $input, $window>(make, spec, $classic),)*
                _ => panic!("no session of {:?} here", spec.sizes),
            }
        }
    };
}

// The classic wire carries inputs of one byte. The first sizes are the most usual.
sizes! {
    1 120 PeerConfig::classic;
    4 120 PeerConfig::compact;
    1 2 PeerConfig::classic;
    1 127 PeerConfig::classic;
    2 8 PeerConfig::compact;
    16 32 PeerConfig::compact;
    64 16 PeerConfig::compact;
    255 120 PeerConfig::compact;
    255 3 PeerConfig::compact;
}

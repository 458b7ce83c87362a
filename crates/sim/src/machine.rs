//! An endpoint of any size behind one trait, so that the world is compiled once; and the twins that check laws 3 and 4.

use std::cell::RefCell;
use std::time::Duration;

use inputwire::{
    DatagramError, Departure, Endpoint, Epoch, EpochError, Event, Frame, Health, Instant, MAX_DATAGRAM_SIZE,
    PeerConfig, PeerEvent, PeerId, PeerRef, PushError, Session,
};

use super::arrive::HELLO;
use super::breach::Breach;
use super::make::{MakeEndpoint, Spec};

/// The longest input.
pub(crate) const INPUT_MAX: usize = 255;

/// An event, without the bytes of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reported {
    Input {
        peer: PeerId,
        frame: u32,
    },
    Restarted {
        peer: PeerId,
    },
    Ahead {
        peer: PeerId,
        epoch: u32,
    },
    /// Settings or player numbers differ.
    Mismatch {
        peer: PeerId,
    },
    /// A report of runs that nobody may make here unless a second program plays.
    Runs {
        peer: PeerId,
    },
    Lost {
        peer: PeerId,
        first: u32,
        count: u32,
    },
    Desync {
        peer: PeerId,
        frame: u32,
    },
    Departed {
        peer: PeerId,
    },
    /// The peer told that this endpoint has left.
    Dropped {
        by: PeerId,
    },
    Other,
}

/// Which laws to check while a datagram is handled. Each costs a clone of the session.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Checks {
    pub(crate) refusal: bool,
    pub(crate) repetition: bool,
}

/// A peer to be added.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ExpectedPeer {
    pub(crate) player: u16,
    pub(crate) classic: bool,
    pub(crate) incarnation: Option<u64>,
}

/// The public interface of a session.
pub(crate) trait Machine {
    fn add_peer(&mut self, now: Instant, expect: ExpectedPeer) -> Option<PeerId>;
    fn handle_transport_closed(&mut self, now: Instant, peer: PeerId);
    fn handle_transport_opened(&mut self, now: Instant, peer: PeerId);
    fn remove_peer(&mut self, now: Instant, peer: PeerId);
    fn close(&mut self, now: Instant);
    fn set_input_delay(&mut self, frames: u32);
    fn is_closed(&self) -> bool;
    fn push(&mut self, now: Instant, input: &[u8]) -> Result<Frame, PushError>;
    fn skip_to(&mut self, now: Instant, frame: Frame, input: &[u8]) -> Result<Frame, PushError>;
    /// Pushes a hash of the game's state. Returns whether there was a free slot.
    fn push_checksum(&mut self, now: Instant, frame: u32, hash: u64) -> bool;
    fn begin_epoch(&mut self, now: Instant, epoch: u32) -> Result<(), EpochError>;
    fn timeout(&mut self, now: Instant);
    /// Handles a datagram, and checks the laws that `checks` selects.
    fn handle(&mut self, now: Instant, from: PeerId, bytes: &[u8], checks: Checks) -> Result<Handled, Breach>;
    fn transmit(&mut self, buf: &mut [u8; MAX_DATAGRAM_SIZE]) -> Option<(PeerId, usize)>;
    fn event(&mut self, input: &mut [u8; INPUT_MAX]) -> Option<Reported>;
    fn next_wake(&mut self) -> Option<Instant>;
    fn last_frame(&self, peer: PeerId) -> Option<u32>;
    fn confirmed_frame(&self) -> Option<u32>;
    fn unacked(&self, peer: PeerId) -> u32;
    fn silence_us(&self, peer: PeerId) -> Option<u64>;
    /// Returns the latest round trip.
    fn rtt_us(&self, peer: PeerId) -> Option<u64>;
    fn health(&self, peer: PeerId) -> Option<Health>;
    /// Whether nothing more is taken of the peer.
    fn has_left(&self, peer: PeerId) -> bool;
    /// Returns the lead over a peer in thousandths of a frame.
    fn lead_millis(&self, peer: PeerId) -> Option<i32>;
    fn suggested_delay(&self, peer: PeerId) -> Option<u32>;
    /// Returns how many frames below the latest received one are missing.
    fn missing(&self, peer: PeerId) -> u32;
    fn has_local_input(&self, frame: u64) -> bool;
    /// Returns the bytes of an input, and the frames in the window.
    fn sizes(&self) -> (usize, u64);
}

/// The outcome of a datagram.
pub(crate) type Handled = Result<(), DatagramError>;

struct Node<D, const MAX_PEERS: usize, const INPUT_LEN: usize, const WINDOW: usize> {
    endpoint: D,
    /// A copy to compare with. It stays allocated, since a large session is slow to allocate.
    twin: Session<MAX_PEERS, INPUT_LEN, WINDOW>,
    classic: fn(u16) -> PeerConfig<INPUT_LEN>,
    /// What was asked since the last call that changes it: the laws ask after every step, and statistics are dear.
    figures: RefCell<Vec<Figures>>,
}

/// What the laws ask most of the statistics of a peer.
#[derive(Clone, Copy)]
struct Figures {
    peer: PeerId,
    rtt_us: Option<u64>,
    silence_us: Option<u64>,
}

impl<D: Endpoint<MAX_PEERS, INPUT_LEN, WINDOW>, const MAX_PEERS: usize, const INPUT_LEN: usize, const WINDOW: usize>
    Node<D, MAX_PEERS, INPUT_LEN, WINDOW>
{
    /// The endpoint, for a call that changes what is known of its peers.
    fn changing(&mut self) -> &mut D {
        self.figures.get_mut().clear();
        &mut self.endpoint
    }

    fn figures(&self, peer: PeerId) -> Figures {
        let mut known = self.figures.borrow_mut();
        if let Some(figures) = known.iter().find(|figures| figures.peer == peer) {
            return *figures;
        }
        let stats = self.endpoint.session().peer(peer).map(PeerRef::stats);
        let micros = |duration: Duration| u64::try_from(duration.as_micros()).ok();
        let rtt_us = stats.and_then(|stats| micros(stats.rtt?.latest));
        let silence_us = stats.and_then(|stats| micros(stats.silence?));
        let figures = Figures { peer, rtt_us, silence_us };
        known.push(figures);
        figures
    }

    /// Law 3: after a refused datagram the session is what it would be if only the time had passed, except for counters.
    fn check_refusal(&mut self, now: Instant, reason: DatagramError) -> Result<(), Breach> {
        self.twin.handle_timeout(now);
        let mut own = self.endpoint.session().clone();
        own.clear_counters();
        self.twin.clear_counters();
        if own != self.twin {
            return Err(Breach::of("3 refusal", format!("{reason:?} changed the session")));
        }
        self.check_outputs(own)
    }

    /// Equal sessions have equal outputs.
    fn check_outputs(&mut self, mut own: Session<MAX_PEERS, INPUT_LEN, WINDOW>) -> Result<(), Breach> {
        let (mut one, mut other) = ([0; MAX_DATAGRAM_SIZE], [0; MAX_DATAGRAM_SIZE]);
        let same = own.poll_transmit(&mut one) == self.twin.poll_transmit(&mut other)
            && own.poll_event() == self.twin.poll_event()
            && own.poll_timeout() == self.twin.poll_timeout();
        if same { Ok(()) } else { Err(Breach::of("3 refusal", "the output after a refusal differs")) }
    }

    /// Law 4: a datagram that is handled twice has the effect of one handled once, except for counters.
    fn check_repetition(&mut self, now: Instant, from: PeerId, bytes: &[u8]) -> Result<(), Breach> {
        self.twin.clone_from(self.endpoint.session());
        let _ = self.twin.handle_datagram(now, from, bytes);
        self.twin.clear_counters();
        let mut own = self.endpoint.session().clone();
        own.clear_counters();
        if own == self.twin { Ok(()) } else { Err(Breach::of("4 repetition", format!("a repeated {bytes:02x?}"))) }
    }
}

impl<D: Endpoint<MAX_PEERS, INPUT_LEN, WINDOW>, const MAX_PEERS: usize, const INPUT_LEN: usize, const WINDOW: usize>
    Machine for Node<D, MAX_PEERS, INPUT_LEN, WINDOW>
{
    fn add_peer(&mut self, now: Instant, expect: ExpectedPeer) -> Option<PeerId> {
        let mut peer = if expect.classic { (self.classic)(expect.player) } else { PeerConfig::compact(expect.player) };
        if let Some(incarnation) = expect.incarnation {
            peer = peer.incarnation(incarnation);
        }
        self.changing().add_peer(now, peer).ok()
    }

    fn handle_transport_closed(&mut self, now: Instant, peer: PeerId) {
        self.changing().handle_transport_closed(now, peer);
    }

    fn handle_transport_opened(&mut self, now: Instant, peer: PeerId) {
        self.changing().handle_transport_opened(now, peer);
    }

    fn remove_peer(&mut self, now: Instant, peer: PeerId) {
        self.changing().remove_peer(now, peer);
    }

    fn close(&mut self, now: Instant) {
        self.changing().close(now);
    }

    fn set_input_delay(&mut self, frames: u32) {
        self.endpoint.set_input_delay(frames);
    }

    fn is_closed(&self) -> bool {
        self.endpoint.session().is_closed()
    }

    fn push(&mut self, now: Instant, input: &[u8]) -> Result<Frame, PushError> {
        self.changing().push_input(now, input.try_into().expect("the size of an input"))
    }

    fn skip_to(&mut self, now: Instant, frame: Frame, input: &[u8]) -> Result<Frame, PushError> {
        self.changing().skip_to(now, frame, input.try_into().expect("the size of an input"))
    }

    fn begin_epoch(&mut self, now: Instant, epoch: u32) -> Result<(), EpochError> {
        self.changing().begin_epoch(now, Epoch::new(epoch))
    }

    fn push_checksum(&mut self, now: Instant, frame: u32, hash: u64) -> bool {
        self.changing().push_checksum(now, Frame::new(frame), hash).is_ok()
    }

    fn timeout(&mut self, now: Instant) {
        self.changing().handle_timeout(now);
    }

    fn handle(&mut self, now: Instant, from: PeerId, bytes: &[u8], checks: Checks) -> Result<Handled, Breach> {
        if checks.refusal {
            self.twin.clone_from(self.endpoint.session());
        }
        let handled = self.changing().handle_datagram(now, from, bytes);
        match handled {
            // The reasons that may also set something: it is reported, once.
            Err(DatagramError::OutOfSync | DatagramError::OtherRun) => {}
            Err(DatagramError::BadTag) if bytes.first() == Some(&HELLO) => {}
            Err(reason) if checks.refusal => self.check_refusal(now, reason)?,
            Ok(()) if checks.repetition => self.check_repetition(now, from, bytes)?,
            _ => {}
        }
        Ok(handled)
    }

    fn transmit(&mut self, buf: &mut [u8; MAX_DATAGRAM_SIZE]) -> Option<(PeerId, usize)> {
        self.endpoint.poll_transmit(buf).map(|transmit| (transmit.peer, transmit.datagram.len()))
    }

    fn event(&mut self, bytes: &mut [u8; INPUT_MAX]) -> Option<Reported> {
        Some(match self.endpoint.poll_event()? {
            Event::Input { peer, frame, input } => {
                bytes[..INPUT_LEN].copy_from_slice(&input);
                Reported::Input { peer, frame: frame.get() }
            }
            Event::Peer { peer, event } => match event {
                PeerEvent::Restarted => Reported::Restarted { peer },
                PeerEvent::EpochAhead { epoch } => Reported::Ahead { peer, epoch: epoch.get() },
                PeerEvent::Mismatch { .. } | PeerEvent::WrongPlayers { .. } => Reported::Mismatch { peer },
                PeerEvent::SecondRun | PeerEvent::Replaced => Reported::Runs { peer },
                PeerEvent::Lost { first, count } => Reported::Lost { peer, first: first.get(), count },
                PeerEvent::Desync { frame, .. } => Reported::Desync { peer, frame: frame.get() },
                PeerEvent::Departed { .. } => Reported::Departed { peer },
                _ => Reported::Other,
            },
            Event::Dropped { by } => Reported::Dropped { by },
            _ => Reported::Other,
        })
    }

    fn next_wake(&mut self) -> Option<Instant> {
        self.endpoint.poll_timeout()
    }

    fn last_frame(&self, peer: PeerId) -> Option<u32> {
        self.endpoint.session().peer(peer).and_then(PeerRef::last_frame).map(Frame::get)
    }

    fn confirmed_frame(&self) -> Option<u32> {
        self.endpoint.session().confirmed_frame().map(Frame::get)
    }

    fn unacked(&self, peer: PeerId) -> u32 {
        self.endpoint.session().peer(peer).map_or(0, PeerRef::unacked)
    }

    fn rtt_us(&self, peer: PeerId) -> Option<u64> {
        self.figures(peer).rtt_us
    }

    fn silence_us(&self, peer: PeerId) -> Option<u64> {
        self.figures(peer).silence_us
    }

    fn health(&self, peer: PeerId) -> Option<Health> {
        self.endpoint.session().peer(peer).map(PeerRef::health)
    }

    fn has_left(&self, peer: PeerId) -> bool {
        self.endpoint.session().peer(peer).is_some_and(|peer| peer.departure() != Departure::Present)
    }

    fn lead_millis(&self, peer: PeerId) -> Option<i32> {
        Some(self.endpoint.session().peer(peer)?.pace()?.lead_millis)
    }

    fn suggested_delay(&self, peer: PeerId) -> Option<u32> {
        self.endpoint.session().peer(peer)?.suggested_delay()
    }

    fn missing(&self, peer: PeerId) -> u32 {
        self.endpoint.session().peer(peer).map_or(0, |peer| peer.stats().missing)
    }

    fn has_local_input(&self, frame: u64) -> bool {
        u32::try_from(frame).is_ok_and(|frame| self.endpoint.session().local_input(Frame::new(frame)).is_some())
    }

    fn sizes(&self) -> (usize, u64) {
        (INPUT_LEN, u64::try_from(WINDOW).expect("a window"))
    }
}

fn node<M: MakeEndpoint, const MAX_PEERS: usize, const INPUT_LEN: usize, const WINDOW: usize>(
    make: &M,
    spec: &Spec,
    classic: fn(u16) -> PeerConfig<INPUT_LEN>,
) -> Box<dyn Machine> {
    let endpoint = make.make::<MAX_PEERS, INPUT_LEN, WINDOW>(spec);
    Box::new(Node { twin: endpoint.session().clone(), endpoint, classic, figures: RefCell::default() })
}

/// Makes the endpoints of a world.
pub(crate) type Build<'a> = dyn Fn(&Spec) -> Box<dyn Machine> + 'a;

macro_rules! sizes {
    ($($input:literal $window:literal $classic:expr;)*) => {
        /// The sizes that are compiled in: bytes of an input, frames in the window.
        pub(crate) const SIZES: &[(usize, usize)] = &[$(($input, $window),)*];

        /// Makes an endpoint of one of the [`SIZES`], with slots for one peer or for three.
        pub(crate) fn machine_of<M: MakeEndpoint>(make: &M, spec: &Spec) -> Box<dyn Machine> {
            match (spec.sizes, spec.peers) {
                $((($input, $window), 1) => node::<M, 1, $input, $window>(make, spec, $classic),)*
                $((($input, $window), _) => node::<M, 3, $input, $window>(make, spec, $classic),)*
                _ => panic!("no session of {:?} here", spec.sizes),
            }
        }
    };
}

// The classic wire carries inputs of one byte. The first sizes are the usual ones.
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

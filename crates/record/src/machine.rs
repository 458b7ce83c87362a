//! A session of any size behind one trait, and the sizes that are compiled in.

use std::fmt;

use inputwire::{
    AddPeerError, Config, Epoch, Frame, Instant, MAX_DATAGRAM_SIZE, PeerConfig, PeerId, PeerRef, PeerStats, Session,
    Transmit,
};

use crate::call::Call;
use crate::outcome::Outcome;

/// The most peers in a recording. A session for fewer differs only in when it is full.
const MAX_PEERS: usize = 16;

/// A session to replay on.
pub(crate) trait Machine: fmt::Debug {
    /// Makes a call; `key` is that of the pair with the peer to add. Returns `None` if a session of this size has no such call.
    fn call(&mut self, call: &Call<'_>, key: Option<[u8; 16]>) -> Option<Outcome<'static>>;
    fn peers(&self) -> Vec<PeerId>;
    fn stats(&self, peer: PeerId) -> Option<PeerStats>;
    fn epoch(&self) -> Epoch;
    fn next_frame(&self) -> Frame;
}

#[derive(Debug)]
struct Player<const INPUT_LEN: usize, const WINDOW: usize> {
    session: Session<MAX_PEERS, INPUT_LEN, WINDOW>,
    /// The most peers of the recorded session.
    max_peers: usize,
    classic: Option<fn(u16) -> PeerConfig<INPUT_LEN>>,
}

impl<const INPUT_LEN: usize, const WINDOW: usize> Player<INPUT_LEN, WINDOW> {
    fn add_peer(&mut self, now: Instant, peer: PeerConfig<INPUT_LEN>) -> Result<PeerId, AddPeerError> {
        if self.session.peers().count() < self.max_peers {
            return self.session.add_peer(now, peer);
        }
        // `Full` is the last of the errors that it checks for.
        self.session.handle_timeout(now);
        self.session.clone().add_peer(now, peer).and(Err(AddPeerError::Full))
    }
}

impl<const INPUT_LEN: usize, const WINDOW: usize> Machine for Player<INPUT_LEN, WINDOW> {
    fn call(&mut self, call: &Call<'_>, key: Option<[u8; 16]>) -> Option<Outcome<'static>> {
        let session = &mut self.session;
        match *call {
            Call::AddPeer { now, classic, player, incarnation, from, .. } => {
                let peer = if classic { self.classic?(player) } else { PeerConfig::compact(player) };
                let peer = incarnation.into_iter().fold(peer, PeerConfig::incarnation);
                let peer = from.into_iter().fold(peer, PeerConfig::from);
                let peer = key.into_iter().fold(peer, PeerConfig::key);
                return Some(Outcome::of(&self.add_peer(now, peer), |peer| Some(peer.get())));
            }
            Call::PushInput { now, input } => {
                let pushed = session.push_input(now, input.try_into().ok()?);
                return Some(Outcome::of(&pushed, |frame| Some(frame.get())));
            }
            Call::SkipTo { now, frame, input } => {
                let skipped = session.skip_to(now, frame, input.try_into().ok()?);
                return Some(Outcome::of(&skipped, |frame| Some(frame.get())));
            }
            Call::BeginEpoch { now, epoch } => return Some(Outcome::of(&session.begin_epoch(now, epoch), |()| None)),
            Call::PushChecksum { now, frame, hash } => {
                return Some(Outcome::of(&session.push_checksum(now, frame, hash), |()| None));
            }
            Call::HandleDatagram { now, from, datagram } => {
                return Some(Outcome::of(&session.handle_datagram(now, from, datagram), |()| None));
            }
            Call::PollTransmit => return Some(datagram(session.poll_transmit(&mut [0; MAX_DATAGRAM_SIZE]).as_ref())),
            Call::PollTransmitTo { peer } => {
                return Some(datagram(session.poll_transmit_to(peer, &mut [0; MAX_DATAGRAM_SIZE]).as_ref()));
            }
            Call::PollEvent => {
                let event = session.poll_event();
                return Some(owned(Outcome::of_event(event.as_ref())));
            }
            Call::PollTimeout => return Some(Outcome::of_timeout(session.poll_timeout())),
            Call::HandleTransportClosed { now, peer } => session.handle_transport_closed(now, peer),
            Call::HandleTransportOpened { now, peer } => session.handle_transport_opened(now, peer),
            Call::DisconnectPeer { now, peer } => session.disconnect_peer(now, peer),
            Call::RemovePeer { now, peer } => session.remove_peer(now, peer),
            Call::Close { now } => session.close(now),
            Call::HandleTimeout { now } => session.handle_timeout(now),
            Call::SetInputDelay { frames } => session.set_input_delay(frames),
            Call::ClearCounters => session.clear_counters(),
            Call::Note(_) | Call::End => {}
        }
        Some(Outcome::Nothing)
    }

    fn peers(&self) -> Vec<PeerId> {
        self.session.peers().collect()
    }

    fn stats(&self, peer: PeerId) -> Option<PeerStats> {
        self.session.peer(peer).map(PeerRef::stats)
    }

    fn epoch(&self) -> Epoch {
        self.session.epoch()
    }

    fn next_frame(&self) -> Frame {
        self.session.next_frame()
    }
}

fn datagram(transmit: Option<&Transmit<'_>>) -> Outcome<'static> {
    owned(Outcome::of_transmit(transmit))
}

fn owned(outcome: Outcome<'_>) -> Outcome<'static> {
    match outcome {
        Outcome::Datagram(peer, datagram) => Outcome::Datagram(peer, datagram.into_owned().into()),
        Outcome::Input(peer, frame, input) => Outcome::Input(peer, frame, input.into_owned().into()),
        Outcome::Event(event) => Outcome::Event(event.into_owned().into()),
        _ => Outcome::Nothing,
    }
}

fn player<const INPUT_LEN: usize, const WINDOW: usize>(
    config: Config,
    max_peers: usize,
    classic: Option<fn(u16) -> PeerConfig<INPUT_LEN>>,
) -> Box<dyn Machine> {
    Box::new(Player { session: Session::<MAX_PEERS, INPUT_LEN, WINDOW>::new(config), max_peers, classic })
}

macro_rules! sizes {
    ($($input:literal $window:literal $classic:expr;)*) => {
        /// Makes a session of these sizes: the most peers, bytes of an input, frames in the window.
        pub(crate) fn build(config: Config, peers: usize, input: usize, window: usize) -> Option<Box<dyn Machine>> {
            match (input, window) {
                _ if !(1..=MAX_PEERS).contains(&peers) => None,
                $(($input, $window) => Some(player::<$input, $window>(config, peers, $classic)),)*
                _ => None,
            }
        }
    };
}

// The usual sizes, and then those of the simulator. The classic wire carries inputs of one byte.
sizes! {
    1 120 Some(PeerConfig::classic);
    1 60 Some(PeerConfig::classic);
    1 30 Some(PeerConfig::classic);
    2 120 None;
    2 60 None;
    4 120 None;
    4 60 None;
    8 120 None;
    8 60 None;
    16 120 None;
    16 60 None;
    32 120 None;
    32 60 None;
    1 2 Some(PeerConfig::classic);
    1 127 Some(PeerConfig::classic);
    2 8 None;
    16 32 None;
    64 16 None;
    255 120 None;
    255 3 None;
}

//! One session out of those of all sizes: what a function calls, whatever the size of an input.

use inputwire::{
    ChecksumError, DATAGRAM_MAX, DatagramError, Epoch, EpochError, Frame, Instant, Pace, PeerConfig, PeerId, PeerStats,
    PushError, Transmit,
};

use crate::memory::Slot;
use crate::status::IwStatus;
use crate::types::{INPUT_MAX, IW_CLASSIC, IW_COMPACT, IwConfig, IwEvent};

/// An input of any size: so many of these bytes.
pub(crate) struct Input {
    bytes: [u8; INPUT_MAX],
    len: usize,
}

impl Input {
    fn of(input: &[u8]) -> Self {
        let mut bytes = [0; INPUT_MAX];
        bytes.iter_mut().zip(input).for_each(|(to, from)| *to = *from);
        Self { bytes, len: input.len() }
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or(&[])
    }
}

/// Which wires there are for inputs of a size.
pub(crate) trait Wires: Sized {
    fn of(wire: u32, player: u16) -> Option<Self>;
}

macro_rules! compact_only {
    ($($input:literal)*) => {$(
        impl Wires for PeerConfig<$input> {
            fn of(wire: u32, player: u16) -> Option<Self> {
                (wire == IW_COMPACT).then(|| Self::compact(player))
            }
        }
    )*};
}

compact_only!(2 4 8 16);

impl Wires for PeerConfig<1> {
    fn of(wire: u32, player: u16) -> Option<Self> {
        match wire {
            IW_COMPACT => Some(Self::compact(player)),
            IW_CLASSIC => Some(Self::classic(player)),
            _ => None,
        }
    }
}

/// A session of any size.
pub(crate) trait Machine {
    fn add_peer(&mut self, now: Instant, wire: u32, player: u32, incarnation: u32) -> Result<PeerId, IwStatus>;
    fn close_peer(&mut self, now: Instant, peer: PeerId);
    fn open_peer(&mut self, now: Instant, peer: PeerId);
    fn remove_peer(&mut self, now: Instant, peer: PeerId);
    /// `None`: the input has another size.
    fn push_input(&mut self, now: Instant, input: &[u8]) -> Option<Result<Frame, PushError>>;
    fn begin_epoch(&mut self, now: Instant, epoch: Epoch) -> Result<(), EpochError>;
    fn push_checksum(&mut self, now: Instant, frame: Frame, hash: u64) -> Result<(), ChecksumError>;
    fn leave(&mut self, now: Instant);
    fn clear_counters(&mut self);
    fn handle_datagram(&mut self, now: Instant, from: PeerId, datagram: &[u8]) -> Result<(), DatagramError>;
    fn handle_timeout(&mut self, now: Instant);
    fn poll_transmit<'b>(&mut self, buffer: &'b mut [u8; DATAGRAM_MAX]) -> Option<Transmit<'b>>;
    fn poll_event(&mut self) -> Option<IwEvent>;
    fn poll_timeout(&self) -> Option<Instant>;
    fn config(&self) -> IwConfig;
    fn input_size(&self) -> u32;
    fn epoch(&self) -> Epoch;
    /// The n-th peer there is.
    fn peer(&self, index: u32) -> Option<PeerId>;
    fn next_frame(&self) -> Frame;
    fn own_input(&self, frame: Frame) -> Option<Input>;
    fn input(&self, peer: PeerId, frame: Frame) -> Option<Input>;
    fn newest_input(&self, peer: PeerId) -> Option<(Frame, Input)>;
    fn known(&self, peer: PeerId) -> Option<Frame>;
    fn confirmed(&self) -> Option<Frame>;
    fn unacked(&self, peer: PeerId) -> u32;
    fn pace(&self, peer: PeerId) -> Option<Pace>;
    fn suggested_delay(&self, peer: PeerId) -> Option<u32>;
    fn stats(&self, peer: PeerId) -> Option<PeerStats>;
}

impl<const PEERS: usize, const INPUT: usize> Machine for Slot<PEERS, INPUT>
where
    PeerConfig<INPUT>: Wires,
{
    fn add_peer(&mut self, now: Instant, wire: u32, player: u32, incarnation: u32) -> Result<PeerId, IwStatus> {
        // No end can have such a number: refused as the number of somebody else is.
        let player = u16::try_from(player).map_err(|_| IwStatus::PlayerTaken)?;
        let peer = PeerConfig::of(wire, player).ok_or(IwStatus::NoSuchWire)?;
        let peer = if incarnation == 0 { peer } else { peer.incarnation(incarnation) };
        Ok(self.session.add_peer(now, peer)?)
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

    fn push_input(&mut self, now: Instant, input: &[u8]) -> Option<Result<Frame, PushError>> {
        Some(self.session.push_input(now, input.try_into().ok()?))
    }

    fn begin_epoch(&mut self, now: Instant, epoch: Epoch) -> Result<(), EpochError> {
        self.session.begin_epoch(now, epoch)
    }

    fn push_checksum(&mut self, now: Instant, frame: Frame, hash: u64) -> Result<(), ChecksumError> {
        self.session.push_checksum(now, frame, hash)
    }

    fn leave(&mut self, now: Instant) {
        self.session.leave(now);
    }

    fn clear_counters(&mut self) {
        self.session.clear_counters();
    }

    fn handle_datagram(&mut self, now: Instant, from: PeerId, datagram: &[u8]) -> Result<(), DatagramError> {
        self.session.handle_datagram(now, from, datagram)
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.session.handle_timeout(now);
    }

    fn poll_transmit<'b>(&mut self, buffer: &'b mut [u8; DATAGRAM_MAX]) -> Option<Transmit<'b>> {
        self.session.poll_transmit(buffer)
    }

    fn poll_event(&mut self) -> Option<IwEvent> {
        self.session.poll_event().as_ref().map(IwEvent::of)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.session.poll_timeout()
    }

    fn config(&self) -> IwConfig {
        IwConfig::of(self.session.config())
    }

    fn input_size(&self) -> u32 {
        u32::try_from(INPUT).unwrap_or(u32::MAX)
    }

    fn epoch(&self) -> Epoch {
        self.session.epoch()
    }

    fn peer(&self, index: u32) -> Option<PeerId> {
        self.session.peers().nth(usize::try_from(index).ok()?)
    }

    fn next_frame(&self) -> Frame {
        self.session.next_frame()
    }

    fn own_input(&self, frame: Frame) -> Option<Input> {
        self.session.own_input(frame).map(|input| Input::of(&input))
    }

    fn input(&self, peer: PeerId, frame: Frame) -> Option<Input> {
        self.session.input(peer, frame).map(|input| Input::of(&input))
    }

    fn newest_input(&self, peer: PeerId) -> Option<(Frame, Input)> {
        self.session.newest_input(peer).map(|(frame, input)| (frame, Input::of(&input)))
    }

    fn known(&self, peer: PeerId) -> Option<Frame> {
        self.session.known(peer)
    }

    fn confirmed(&self) -> Option<Frame> {
        self.session.confirmed()
    }

    fn unacked(&self, peer: PeerId) -> u32 {
        self.session.unacked(peer)
    }

    fn pace(&self, peer: PeerId) -> Option<Pace> {
        self.session.pace(peer)
    }

    fn suggested_delay(&self, peer: PeerId) -> Option<u32> {
        self.session.suggested_delay(peer)
    }

    fn stats(&self, peer: PeerId) -> Option<PeerStats> {
        self.session.stats(peer)
    }
}

//! A session of any size behind one interface: what the exported functions call, whatever the length of an input.

use inputwire::{
    ChecksumError, DatagramError, Departure, Epoch, EpochError, Frame, Instant, MAX_DATAGRAM_SIZE, Pace, PeerConfig,
    PeerId, PeerRef, PeerStats, PushError, Transmit,
};

use crate::memory::Slot;
use crate::status::IwStatus;
use crate::types::{IW_CLASSIC, IW_COMPACT, IW_MAX_INPUT_LEN, IwConfig, IwEvent, IwPeerConfig};

/// An input of any length: the first `len` of these bytes.
pub(crate) struct Input {
    bytes: [u8; IW_MAX_INPUT_LEN],
    len: usize,
}

impl Input {
    fn new(input: &[u8]) -> Self {
        let mut bytes = [0; IW_MAX_INPUT_LEN];
        bytes.iter_mut().zip(input).for_each(|(to, from)| *to = *from);
        Self { bytes, len: input.len() }
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or(&[])
    }
}

/// The wires that inputs of one length can use.
pub(crate) trait Wires: Sized {
    fn on(wire: u32, player: u16) -> Option<Self>;
}

macro_rules! compact_only {
    ($($input_len:literal)*) => {$(
        impl Wires for PeerConfig<$input_len> {
            fn on(wire: u32, player: u16) -> Option<Self> {
                (wire == IW_COMPACT).then(|| Self::compact(player))
            }
        }
    )*};
}

compact_only!(2 4 8 16);

impl Wires for PeerConfig<1> {
    fn on(wire: u32, player: u16) -> Option<Self> {
        match wire {
            IW_COMPACT => Some(Self::compact(player)),
            IW_CLASSIC => Some(Self::classic(player)),
            _ => None,
        }
    }
}

/// The calls of a [`Session`](inputwire::Session), without its const parameters.
pub(crate) trait AnySession {
    fn add_peer(&mut self, now: Instant, peer: &IwPeerConfig) -> Result<PeerId, IwStatus>;
    fn disconnect_peer(&mut self, now: Instant, peer: PeerId);
    fn remove_peer(&mut self, now: Instant, peer: PeerId);
    /// `None`: the input has another length.
    fn push_input(&mut self, now: Instant, input: &[u8]) -> Option<Result<Frame, PushError>>;
    /// `None` as for a push.
    fn skip_to(&mut self, now: Instant, frame: Frame, input: &[u8]) -> Option<Result<Frame, PushError>>;
    fn begin_epoch(&mut self, now: Instant, epoch: Epoch) -> Result<(), EpochError>;
    fn push_checksum(&mut self, now: Instant, frame: Frame, hash: u64) -> Result<(), ChecksumError>;
    fn close(&mut self, now: Instant);
    fn set_input_delay(&mut self, frames: u32);
    fn clear_counters(&mut self);

    fn handle_datagram(&mut self, now: Instant, from: PeerId, datagram: &[u8]) -> Result<(), DatagramError>;
    fn handle_timeout(&mut self, now: Instant);
    fn handle_transport_closed(&mut self, now: Instant, peer: PeerId);
    fn handle_transport_opened(&mut self, now: Instant, peer: PeerId);

    fn poll_event(&mut self) -> Option<IwEvent>;
    fn poll_transmit<'b>(&mut self, buf: &'b mut [u8; MAX_DATAGRAM_SIZE]) -> Option<Transmit<'b>>;
    fn poll_transmit_to<'b>(&mut self, peer: PeerId, buf: &'b mut [u8; MAX_DATAGRAM_SIZE]) -> Option<Transmit<'b>>;
    fn poll_timeout(&self) -> Option<Instant>;

    fn config(&self) -> IwConfig;
    fn input_len(&self) -> u32;
    fn epoch(&self) -> Epoch;
    fn next_epoch(&self) -> Option<Epoch>;
    fn incarnation(&self) -> Option<u64>;
    fn departures_settled(&self) -> bool;
    fn is_closed(&self) -> bool;
    fn next_frame(&self) -> Frame;
    fn confirmed_frame(&self) -> Option<Frame>;
    fn local_input(&self, frame: Frame) -> Option<Input>;
    fn peer_at(&self, index: u32) -> Option<PeerId>;

    fn departure(&self, peer: PeerId) -> Option<Departure>;
    fn last_frame(&self, peer: PeerId) -> Option<Frame>;
    fn remote_input(&self, peer: PeerId, frame: Frame) -> Option<Input>;
    fn latest_input(&self, peer: PeerId) -> Option<(Frame, Input)>;
    fn unacked(&self, peer: PeerId) -> Option<u32>;
    fn pace(&self, peer: PeerId) -> Option<Pace>;
    fn margin(&self, peer: PeerId) -> Option<i32>;
    fn suggested_delay(&self, peer: PeerId) -> Option<u32>;
    fn stats(&self, peer: PeerId) -> Option<PeerStats>;
}

impl<const MAX_PEERS: usize, const INPUT_LEN: usize> AnySession for Slot<MAX_PEERS, INPUT_LEN>
where
    PeerConfig<INPUT_LEN>: Wires,
{
    fn add_peer(&mut self, now: Instant, peer: &IwPeerConfig) -> Result<PeerId, IwStatus> {
        Ok(self.session.add_peer(now, peer.build()?)?)
    }

    fn disconnect_peer(&mut self, now: Instant, peer: PeerId) {
        self.session.disconnect_peer(now, peer);
    }

    fn remove_peer(&mut self, now: Instant, peer: PeerId) {
        self.session.remove_peer(now, peer);
    }

    fn push_input(&mut self, now: Instant, input: &[u8]) -> Option<Result<Frame, PushError>> {
        Some(self.session.push_input(now, input.try_into().ok()?))
    }

    fn skip_to(&mut self, now: Instant, frame: Frame, input: &[u8]) -> Option<Result<Frame, PushError>> {
        Some(self.session.skip_to(now, frame, input.try_into().ok()?))
    }

    fn begin_epoch(&mut self, now: Instant, epoch: Epoch) -> Result<(), EpochError> {
        self.session.begin_epoch(now, epoch)
    }

    fn push_checksum(&mut self, now: Instant, frame: Frame, hash: u64) -> Result<(), ChecksumError> {
        self.session.push_checksum(now, frame, hash)
    }

    fn close(&mut self, now: Instant) {
        self.session.close(now);
    }

    fn set_input_delay(&mut self, frames: u32) {
        self.session.set_input_delay(frames);
    }

    fn clear_counters(&mut self) {
        self.session.clear_counters();
    }

    // Out of line: what is checked before and told afterwards would take its registers.
    #[inline(never)]
    fn handle_datagram(&mut self, now: Instant, from: PeerId, datagram: &[u8]) -> Result<(), DatagramError> {
        self.session.handle_datagram(now, from, datagram)
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.session.handle_timeout(now);
    }

    fn handle_transport_closed(&mut self, now: Instant, peer: PeerId) {
        self.session.handle_transport_closed(now, peer);
    }

    fn handle_transport_opened(&mut self, now: Instant, peer: PeerId) {
        self.session.handle_transport_opened(now, peer);
    }

    fn poll_event(&mut self) -> Option<IwEvent> {
        self.session.poll_event().as_ref().map(IwEvent::new)
    }

    fn poll_transmit<'b>(&mut self, buf: &'b mut [u8; MAX_DATAGRAM_SIZE]) -> Option<Transmit<'b>> {
        self.session.poll_transmit(buf)
    }

    fn poll_transmit_to<'b>(&mut self, peer: PeerId, buf: &'b mut [u8; MAX_DATAGRAM_SIZE]) -> Option<Transmit<'b>> {
        self.session.poll_transmit_to(peer, buf)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.session.poll_timeout()
    }

    fn config(&self) -> IwConfig {
        IwConfig::new(self.session.config())
    }

    fn input_len(&self) -> u32 {
        u32::try_from(INPUT_LEN).unwrap_or(u32::MAX)
    }

    fn epoch(&self) -> Epoch {
        self.session.epoch()
    }

    fn next_epoch(&self) -> Option<Epoch> {
        self.session.next_epoch()
    }

    fn incarnation(&self) -> Option<u64> {
        self.session.incarnation()
    }

    fn departures_settled(&self) -> bool {
        self.session.departures_settled()
    }

    fn is_closed(&self) -> bool {
        self.session.is_closed()
    }

    fn next_frame(&self) -> Frame {
        self.session.next_frame()
    }

    fn confirmed_frame(&self) -> Option<Frame> {
        self.session.confirmed_frame()
    }

    fn local_input(&self, frame: Frame) -> Option<Input> {
        self.session.local_input(frame).map(|input| Input::new(&input))
    }

    fn peer_at(&self, index: u32) -> Option<PeerId> {
        self.session.peers().nth(usize::try_from(index).ok()?)
    }

    fn departure(&self, peer: PeerId) -> Option<Departure> {
        self.session.peer(peer).map(PeerRef::departure)
    }

    fn last_frame(&self, peer: PeerId) -> Option<Frame> {
        self.session.peer(peer)?.last_frame()
    }

    fn remote_input(&self, peer: PeerId, frame: Frame) -> Option<Input> {
        self.session.peer(peer)?.remote_input(frame).map(|input| Input::new(&input))
    }

    fn latest_input(&self, peer: PeerId) -> Option<(Frame, Input)> {
        self.session.peer(peer)?.latest_input().map(|(frame, input)| (frame, Input::new(&input)))
    }

    fn unacked(&self, peer: PeerId) -> Option<u32> {
        self.session.peer(peer).map(PeerRef::unacked)
    }

    fn pace(&self, peer: PeerId) -> Option<Pace> {
        self.session.peer(peer)?.pace()
    }

    fn margin(&self, peer: PeerId) -> Option<i32> {
        self.session.peer(peer)?.margin_millis()
    }

    fn suggested_delay(&self, peer: PeerId) -> Option<u32> {
        self.session.peer(peer)?.suggested_delay()
    }

    fn stats(&self, peer: PeerId) -> Option<PeerStats> {
        self.session.peer(peer).map(PeerRef::stats)
    }
}

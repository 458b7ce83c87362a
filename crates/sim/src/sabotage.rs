//! Endpoints that misbehave on purpose, to prove that the simulator notices.

use inputwire::{EpochError, Frame, Health, Instant, MAX_DATAGRAM_SIZE, PeerId, PushError};

use super::breach::Breach;
use super::machine::{Checks, ExpectedPeer, Handled, INPUT_MAX, Machine, Reported};

/// What endpoint 0 of a plan does wrong after some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// It delivers an input with a wrong bit.
    AlterAnInput,
    /// It pushes a wrong checksum.
    AlterAChecksum,
    /// It delivers all inputs except one.
    SkipAnInput,
    /// It delivers an input twice.
    DeliverTwice,
    /// It sends a datagram twice.
    SendTwice,
    /// Its deadlines are too late.
    WakeLate,
    /// Its deadlines have already passed.
    WakeInThePast,
    /// It does not send some datagrams.
    SwallowDatagrams,
    /// It refuses some datagrams.
    RefuseDatagrams,
    /// It has no local inputs to resend.
    ForgetInputs,
    /// It accepts every datagram.
    AcceptEverything,
    /// It panics.
    Panic,
}

/// An endpoint, and what it does wrong from its n-th opportunity on.
pub(crate) struct Saboteur {
    inner: Box<dyn Machine>,
    how: Sabotage,
    opportunities: u32,
    last: Option<(Reported, [u8; INPUT_MAX])>,
    sent: Option<(PeerId, Vec<u8>)>,
}

impl Saboteur {
    pub(crate) fn new(inner: Box<dyn Machine>, how: Sabotage) -> Self {
        Self { inner, how, opportunities: 0, last: None, sent: None }
    }

    /// Whether it is time to do this wrong.
    fn now(&mut self, how: Sabotage) -> bool {
        self.opportunities += u32::from(self.how == how);
        self.how == how && self.opportunities > if how == Sabotage::AlterAChecksum { 2 } else { 20 }
    }
}

impl Machine for Saboteur {
    fn add_peer(&mut self, now: Instant, expect: ExpectedPeer) -> Option<PeerId> {
        self.inner.add_peer(now, expect)
    }

    fn handle_transport_closed(&mut self, now: Instant, peer: PeerId) {
        self.inner.handle_transport_closed(now, peer);
    }

    fn handle_transport_opened(&mut self, now: Instant, peer: PeerId) {
        self.inner.handle_transport_opened(now, peer);
    }

    fn remove_peer(&mut self, now: Instant, peer: PeerId) {
        self.inner.remove_peer(now, peer);
    }

    fn close(&mut self, now: Instant) {
        self.inner.close(now);
    }

    fn set_input_delay(&mut self, frames: u32) {
        self.inner.set_input_delay(frames);
    }

    fn is_closed(&self) -> bool {
        self.inner.is_closed()
    }

    fn push(&mut self, now: Instant, input: &[u8]) -> Result<Frame, PushError> {
        assert!(!self.now(Sabotage::Panic), "on purpose");
        self.inner.push(now, input)
    }

    fn skip_to(&mut self, now: Instant, frame: Frame, input: &[u8]) -> Result<Frame, PushError> {
        self.inner.skip_to(now, frame, input)
    }

    fn begin_epoch(&mut self, now: Instant, epoch: u32) -> Result<(), EpochError> {
        self.inner.begin_epoch(now, epoch)
    }

    fn push_checksum(&mut self, now: Instant, frame: u32, hash: u64) -> bool {
        let wrong = u64::from(self.now(Sabotage::AlterAChecksum));
        self.inner.push_checksum(now, frame, hash ^ wrong)
    }

    fn timeout(&mut self, now: Instant) {
        self.inner.timeout(now);
    }

    fn handle(&mut self, now: Instant, from: PeerId, bytes: &[u8], checks: Checks) -> Result<Handled, Breach> {
        if self.now(Sabotage::RefuseDatagrams) && self.opportunities % 8 < 4 {
            return Ok(Err(inputwire::DatagramError::BadTag));
        }
        let handled = self.inner.handle(now, from, bytes, checks)?;
        Ok(if self.now(Sabotage::AcceptEverything) { Ok(()) } else { handled })
    }

    fn transmit(&mut self, buf: &mut [u8; MAX_DATAGRAM_SIZE]) -> Option<(PeerId, usize)> {
        if self.now(Sabotage::SendTwice)
            && let Some((peer, bytes)) = self.sent.take()
        {
            buf[..bytes.len()].copy_from_slice(&bytes);
            return Some((peer, bytes.len()));
        }
        let (peer, len) = self.inner.transmit(buf)?;
        if self.now(Sabotage::SwallowDatagrams) && self.opportunities % 8 < 4 {
            return self.transmit(buf);
        }
        self.sent = Some((peer, buf[..len].to_vec()));
        Some((peer, len))
    }

    fn event(&mut self, input: &mut [u8; INPUT_MAX]) -> Option<Reported> {
        if let Some((event, bytes)) = self.last.take()
            && self.now(Sabotage::DeliverTwice)
        {
            *input = bytes;
            return Some(event);
        }
        let event = self.inner.event(input)?;
        if let Reported::Input { .. } = event {
            if self.now(Sabotage::SkipAnInput) {
                return self.inner.event(input);
            }
            if self.now(Sabotage::AlterAnInput) {
                input[0] ^= 1;
            }
            self.last = Some((event, *input));
        }
        Some(event)
    }

    fn next_wake(&mut self) -> Option<Instant> {
        let wake = self.inner.next_wake()?;
        match self.how {
            Sabotage::WakeLate => Some(Instant::from_micros(wake.as_micros() + 400_000)),
            Sabotage::WakeInThePast => Some(Instant::from_micros(wake.as_micros().saturating_sub(200_000))),
            _ => Some(wake),
        }
    }

    fn last_frame(&self, peer: PeerId) -> Option<u32> {
        self.inner.last_frame(peer)
    }

    fn confirmed_frame(&self) -> Option<u32> {
        self.inner.confirmed_frame()
    }

    fn unacked(&self, peer: PeerId) -> u32 {
        self.inner.unacked(peer)
    }

    fn rtt_us(&self, peer: PeerId) -> Option<u64> {
        self.inner.rtt_us(peer)
    }

    fn silence_us(&self, peer: PeerId) -> Option<u64> {
        self.inner.silence_us(peer)
    }

    fn has_left(&self, peer: PeerId) -> bool {
        self.inner.has_left(peer)
    }

    fn health(&self, peer: PeerId) -> Option<Health> {
        self.inner.health(peer)
    }

    fn lead_millis(&self, peer: PeerId) -> Option<i32> {
        self.inner.lead_millis(peer)
    }

    fn suggested_delay(&self, peer: PeerId) -> Option<u32> {
        self.inner.suggested_delay(peer)
    }

    fn missing(&self, peer: PeerId) -> u32 {
        self.inner.missing(peer)
    }

    fn has_local_input(&self, frame: u64) -> bool {
        self.how != Sabotage::ForgetInputs && self.inner.has_local_input(frame)
    }

    fn sizes(&self) -> (usize, u64) {
        self.inner.sizes()
    }
}

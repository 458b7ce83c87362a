//! Sessions that misbehave in one way each, to prove that the world notices.

use inputwire::{DATAGRAM_MAX, EpochError, Frame, Instant, PeerId, PushError};

use super::breach::Breach;
use super::machine::{Expect, Handled, INPUT_MAX, Look, Machine, Told};

/// What a session does wrong, sooner or later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sabotage {
    AlterAnInput,
    AlterAChecksum,
    SkipAnInput,
    TellTwice,
    SayTwice,
    WakeLate,
    WakeInThePast,
    SwallowDatagrams,
    RefuseDatagrams,
    ForgetInputs,
    AcceptEverything,
    Panic,
}

/// A session and what it does wrong from its n-th chance on.
pub(crate) struct Saboteur {
    pub(crate) inner: Box<dyn Machine>,
    pub(crate) how: Sabotage,
    pub(crate) chances: u32,
    pub(crate) last: Option<(Told, [u8; INPUT_MAX])>,
    pub(crate) said: Option<(PeerId, Vec<u8>)>,
}

impl Saboteur {
    pub(crate) fn new(inner: Box<dyn Machine>, how: Sabotage) -> Self {
        Self { inner, how, chances: 0, last: None, said: None }
    }

    /// Whether it is time for this.
    fn now(&mut self, how: Sabotage) -> bool {
        self.chances += u32::from(self.how == how);
        self.how == how && self.chances > if how == Sabotage::AlterAChecksum { 2 } else { 20 }
    }
}

impl Machine for Saboteur {
    fn add_peer(&mut self, now: Instant, expect: Expect) -> Option<PeerId> {
        self.inner.add_peer(now, expect)
    }

    fn close_peer(&mut self, now: Instant, peer: PeerId) {
        self.inner.close_peer(now, peer);
    }

    fn open_peer(&mut self, now: Instant, peer: PeerId) {
        self.inner.open_peer(now, peer);
    }

    fn remove_peer(&mut self, now: Instant, peer: PeerId) {
        self.inner.remove_peer(now, peer);
    }

    fn leave(&mut self, now: Instant) {
        self.inner.leave(now);
    }

    fn push(&mut self, now: Instant, input: &[u8]) -> Result<Frame, PushError> {
        assert!(!self.now(Sabotage::Panic), "on purpose");
        self.inner.push(now, input)
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

    fn handle(&mut self, now: Instant, from: PeerId, bytes: &[u8], look: Look) -> Result<Handled, Breach> {
        if self.now(Sabotage::RefuseDatagrams) && self.chances % 8 < 4 {
            return Ok(Err(inputwire::DatagramError::Check));
        }
        let handled = self.inner.handle(now, from, bytes, look)?;
        Ok(if self.now(Sabotage::AcceptEverything) { Ok(()) } else { handled })
    }

    fn transmit(&mut self, buf: &mut [u8; DATAGRAM_MAX]) -> Option<(PeerId, usize)> {
        if self.now(Sabotage::SayTwice)
            && let Some((peer, bytes)) = self.said.take()
        {
            buf[..bytes.len()].copy_from_slice(&bytes);
            return Some((peer, bytes.len()));
        }
        let (peer, len) = self.inner.transmit(buf)?;
        if self.now(Sabotage::SwallowDatagrams) && self.chances % 8 < 4 {
            return self.transmit(buf);
        }
        self.said = Some((peer, buf[..len].to_vec()));
        Some((peer, len))
    }

    fn event(&mut self, input: &mut [u8; INPUT_MAX]) -> Option<Told> {
        if let Some((told, bytes)) = self.last.take()
            && self.now(Sabotage::TellTwice)
        {
            *input = bytes;
            return Some(told);
        }
        let told = self.inner.event(input)?;
        if let Told::Input { .. } = told {
            if self.now(Sabotage::SkipAnInput) {
                return self.inner.event(input);
            }
            if self.now(Sabotage::AlterAnInput) {
                input[0] ^= 1;
            }
            self.last = Some((told, *input));
        }
        Some(told)
    }

    fn next_wake(&mut self) -> Option<Instant> {
        let wake = self.inner.next_wake()?;
        match self.how {
            Sabotage::WakeLate => Some(Instant::from_micros(wake.as_micros() + 400_000)),
            Sabotage::WakeInThePast => Some(Instant::from_micros(wake.as_micros().saturating_sub(200_000))),
            _ => Some(wake),
        }
    }

    fn next_frame(&self) -> u32 {
        self.inner.next_frame()
    }

    fn known(&self, peer: PeerId) -> Option<u32> {
        self.inner.known(peer)
    }

    fn confirmed(&self) -> Option<u32> {
        self.inner.confirmed()
    }

    fn unacked(&self, peer: PeerId) -> u32 {
        self.inner.unacked(peer)
    }

    fn silence_us(&self, peer: PeerId) -> Option<u64> {
        self.inner.silence_us(peer)
    }

    fn gaps(&self, peer: PeerId) -> u32 {
        self.inner.gaps(peer)
    }

    fn has_own(&self, frame: u64) -> bool {
        self.how != Sabotage::ForgetInputs && self.inner.has_own(frame)
    }

    fn sizes(&self) -> (usize, u64) {
        self.inner.sizes()
    }
}

//! One peer: its wire-independent state (`Remote`), its receive window and its link. Only the link knows the wire.

use core::ops::Range;

use crate::checksum::Checksum;
use crate::config::{MAX_DATAGRAM_SIZE, PeerSettings};
use crate::departure::Departure;
use crate::error::{DatagramError, PushError};
use crate::estimate::liveness::{Health, Limits};
use crate::estimate::time_sync::Pace;
use crate::event::PeerEvent;
use crate::ids::{Frame, PeerId};
use crate::link::compact::Compact;
use crate::link::compact::timing::TimingEstimator;
use crate::link::{Link, Written};
use crate::local::Local;
use crate::remote::{Remote, Transport};
use crate::stats::{PeerStats, Totals};
use crate::time::{Instant, duration_from_micros, saturating_micros_u32};
use crate::timer::{Deadline, Timer};
use crate::window::recv::{RecvView, RecvWindow, Undelivered};
use crate::window::send::SendView;
use crate::wire::compact::control::Bye;
use crate::wire::compact::tag::TagState;
use crate::wire::compact::word::Word;

/// One peer, without the bytes of its inputs: so it is not generic over `INPUT_LEN` and is compiled once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Peer {
    pub(crate) id: PeerId,
    pub(crate) remote: Remote,
    pub(crate) recv: RecvWindow,
    link: Link,
    reported: Reported,
}

/// What has been reported of a peer: an event is a difference between this and what is true.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Reported {
    connected: bool,
    health: Health,
}

impl Peer {
    /// `local_run` is the run of this endpoint on the link to this peer.
    pub(crate) fn new(id: PeerId, local: &Local, settings: &PeerSettings, local_run: u64) -> Self {
        let send = &local.send;
        let join_frame = settings.from.map_or(local.first_frame(), Frame::get);
        let link = Link::new(local, settings, join_frame, local_run);
        let limits = Limits::new(link.ping_us(local), &local.config);
        Self {
            id,
            remote: Remote::new(settings.player, join_frame, local, limits),
            recv: RecvWindow::new(join_frame, send.capacity(), send.input_len()),
            link,
            reported: Reported::default(),
        }
    }

    pub(crate) fn player(&self) -> u16 {
        self.remote.player
    }

    pub(crate) fn transport_closed(&mut self) {
        self.remote.transport = Transport::Closed;
    }

    pub(crate) fn transport_opened(&mut self, local: &Local) {
        if self.remote.transport == Transport::Closed && local.closed_at.is_none() {
            self.remote.transport_opened(local);
            self.link.transport_opened(local);
        }
    }

    /// The session was closed: what the peer has not acknowledged is delivered, unless it was named or nothing is to be, then
    /// byes are sent, where the wire has them.
    pub(crate) fn close(&mut self, local: &Local, delivers: bool) {
        if self.remote.takes_words() {
            self.remote.transport = Transport::Closing;
            self.link.close(local, delivers && self.remote.standing.is_present());
        }
    }

    /// Whether nothing is left to send, once the session was closed.
    pub(crate) fn is_closed(&self, local: &Local) -> bool {
        self.link.is_closed(local, &self.remote)
    }

    /// The greatest epoch that the peer announced.
    pub(crate) fn announced(&self) -> u32 {
        self.link.announced()
    }

    /// Whether an epoch of the reserve may be begun for this peer: it is ahead, or was started anew.
    pub(crate) fn needs_epoch(&self, local: &Local) -> bool {
        self.link.needs_epoch(local)
    }

    pub(crate) fn begin_epoch(&mut self, local: &Local, slots: &mut [u8]) {
        RecvView { window: &mut self.recv, slots }.restart(local.first_frame());
        self.remote.standing.begin_epoch(local.first_frame());
        self.remote.restart_arrivals();
        self.link.begin_epoch(local, &mut self.remote);
    }

    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(crate) fn handle_datagram(
        &mut self,
        local: &Local,
        slots: &mut [u8],
        datagram: &[u8],
    ) -> Result<(), DatagramError> {
        let outcome = if datagram.len() > MAX_DATAGRAM_SIZE {
            Err(DatagramError::TooLong)
        } else {
            let mut recv = RecvView { window: &mut self.recv, slots };
            self.link.handle(local, &mut self.remote, &mut recv, datagram)
        };
        self.count(datagram, outcome.as_ref().err());
        outcome
    }

    /// Counts what became of a datagram.
    pub(crate) fn count(&mut self, datagram: &[u8], refused: Option<&DatagramError>) {
        match refused {
            None => self.remote.totals.receive(datagram.len()),
            Some(reason) => self.remote.totals.refused.count(*reason),
        }
    }

    /// Whether it takes part in what a mesh agrees on.
    pub(crate) fn is_compact(&self) -> bool {
        self.link.compact().is_some()
    }

    /// Whether survivors have to agree on it: it was named.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(crate) fn is_in_set(&self, local: &Local) -> bool {
        !self.remote.standing.is_present() && self.is_compact() && local.config.mesh()
    }

    /// The end of the frames for which nothing can still come: all below it are known or lost.
    pub(crate) fn end(&self) -> u32 {
        self.recv.end()
    }

    /// The bytes of its inputs among those of all peers, of which it is the one at `at`.
    pub(crate) fn slots_range(&self, at: usize) -> Range<usize> {
        let len = self.recv.slots_len();
        let start = at.saturating_mul(len);
        start..start.saturating_add(len)
    }

    /// Verifies and decodes a word of this peer.
    pub(crate) fn open_word<'a>(&self, datagram: &'a [u8]) -> Result<Word<'a>, DatagramError> {
        self.link.compact().ok_or(DatagramError::UnknownType)?.open_word(datagram)
    }

    /// Notes that it has more of a player that left than any survivor may.
    pub(crate) fn out_of_sync(&mut self) {
        if let Link::Compact(link) = &mut self.link {
            link.out_of_sync();
        }
    }

    /// The tag of words to this peer.
    pub(crate) fn word_tag(&self) -> Option<TagState> {
        self.link.compact()?.word_tag()
    }

    /// When a word is due to this peer.
    pub(crate) fn word_due(&self, local: &Local) -> Option<Instant> {
        self.remote.standing.active_at()?;
        self.link.compact()?.word_due(local, &self.remote)
    }

    /// The peer's goodbye, if there is one and a key proves it.
    pub(crate) fn keyed_bye(&self) -> Option<Bye> {
        self.link.compact()?.keyed_bye()
    }

    /// Writes the next datagram that is due.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(crate) fn poll_transmit(&mut self, local: &Local, send: &SendView<'_>, buf: &mut [u8]) -> Option<Written> {
        #[cfg(test)]
        visits::note(self.id);
        let mut written = self.link.poll_transmit(local, &mut self.remote, &self.recv, send, buf)?;
        self.remote.totals.send(written.len);
        written.last &= self.remote.standing.active_at().is_none();
        Some(written)
    }

    /// The soonest deadline after now. What is due already needs draining, not waking.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(crate) fn soonest_deadline(&self, local: &Local) -> Option<(Instant, Timer)> {
        #[cfg(test)]
        visits::note(self.id);
        let mut soonest = None;
        let mut consider = |deadline: &Deadline| soonest = deadline.sooner(soonest, local.now);
        // Of those at one moment the first counts: what becomes of the peer, rather than what is sent then.
        if self.remote.is_open() {
            for Deadline { at, timer } in self.remote.liveness.deadlines(self.remote.rtt.smoothed_us()) {
                consider(&timer.at(at.and_then(|at| local.judges(at))));
            }
        }
        self.link.deadlines(local, &self.remote, &self.recv).iter().for_each(&mut consider);
        consider(&Timer::Word.at(self.word_due(local)));
        soonest
    }

    /// Returns the next event that leaves the window as it is: these come before all inputs.
    pub(crate) fn poll_event(&mut self, local: &Local) -> Option<PeerEvent> {
        #[cfg(test)]
        visits::note(self.id);
        if let Some(event) = self.link.poll_event(local) {
            return Some(event);
        }
        if self.remote.connected != self.reported.connected {
            self.reported.connected = self.remote.connected;
            if self.reported.connected {
                return Some(PeerEvent::Connected);
            }
        }
        if let Some(event) = self.remote.standing.poll_departing() {
            return Some(event);
        }
        let health = self.health(local);
        if health != self.reported.health {
            self.reported.health = health;
            let silence = self.remote.liveness.take_silence(local.judged_at(), health);
            return Some(PeerEvent::Health { health, silence });
        }
        let lost = self.recv.take_lost()?;
        Some(PeerEvent::Lost { first: Frame::new(lost.first), count: lost.count })
    }

    /// Returns the next input to deliver, which is the last thing to poll if no barrier event follows.
    pub(crate) fn poll_input(&mut self, local: &Local) -> Option<Undelivered> {
        let undelivered = self.recv.take_undelivered()?;
        let follows = self.link.has_barrier_event(local) || self.remote.standing.has_departed_event();
        Some(Undelivered { last: undelivered.last && !follows, ..undelivered })
    }

    /// Returns the next event that makes an application throw its window away: these come after all inputs.
    pub(crate) fn poll_barrier_event(&mut self, local: &Local) -> Option<PeerEvent> {
        if let Some(event) = self.link.poll_barrier_event(local) {
            return Some(event);
        }
        let end = self.end();
        self.remote.standing.poll_departed(end)
    }

    /// Whether a call that comes `micros` late is a local stall.
    pub(crate) fn is_stalled(&self, micros: u64) -> bool {
        // Half of the limit: the peer may have been silent for the other half before.
        self.remote.is_open() && micros >= self.remote.liveness.interrupt_us() >> 1
    }

    /// Whether the oldest input may leave the send window, and the peer is not too far behind. One that has departed holds nothing.
    pub(crate) fn validate_push(&self, local: &Local) -> Result<(), PushError> {
        if self.unacked(local) >= local.window() && !self.remote.standing.is_departed() {
            Err(PushError::WindowFull(self.id))
        } else if local.config.max_lead().is_some_and(|most| self.lead(local) >= most) {
            Err(PushError::TooFarAhead(self.id))
        } else {
            Ok(())
        }
    }

    /// How many frames the pushes are ahead of the latest known input of a peer that plays.
    fn lead(&self, local: &Local) -> u32 {
        let ahead = local.send.send_next().saturating_sub(self.recv.recv_next());
        if self.remote.standing.is_present() { ahead } else { 0 }
    }

    /// How many local inputs an open peer on a wire without acknowledgement has never been sent.
    pub(crate) fn unsent(&self, local: &Local) -> u32 {
        if self.remote.is_open() { self.link.unsent(local) } else { 0 }
    }

    /// Whether the peer may still need the local checksum of a frame.
    pub(crate) fn needs_checksum(&self, local: &Local, frame: u32) -> bool {
        self.remote.is_open() && self.link.needs_checksum(local, frame)
    }

    pub(crate) fn push_checksum(&mut self, checksum: Checksum) {
        self.link.push_checksum(checksum);
    }

    pub(crate) fn clear_counters(&mut self) {
        self.remote.totals = Totals::default();
        self.recv.clear_lost_inputs();
        self.link.clear_counters();
    }

    pub(crate) fn health(&self, local: &Local) -> Health {
        let Remote { liveness, rtt, .. } = &self.remote;
        if self.remote.is_open() { liveness.health(local.judged_at(), rtt.smoothed_us()) } else { Health::Disconnected }
    }

    /// The slot of a frame that is known and still in the window.
    pub(crate) fn slot(&self, frame: Frame) -> Option<u8> {
        self.recv.slot(frame.get())
    }

    /// The latest known frame, with its slot.
    pub(crate) fn latest(&self) -> Option<(Frame, u8)> {
        let frame = Frame::new(self.recv.recv_next().checked_sub(1)?);
        Some((frame, self.slot(frame)?))
    }

    /// Whether nothing can still come for any frame up to this one.
    pub(crate) fn is_confirmed(&self, frame: u32) -> bool {
        frame < self.end() || self.remote.standing.is_departed()
    }

    /// The latest frame without a missing one below it. Those before a peer joined are known.
    pub(crate) fn last_frame(&self, local: &Local) -> Option<Frame> {
        self.end().checked_sub(1).filter(|frame| *frame >= local.first_frame()).map(Frame::new)
    }

    /// How its departure stands.
    pub(crate) fn departure(&self) -> Departure {
        self.remote.standing.departure(self.end())
    }

    pub(crate) fn unacked(&self, local: &Local) -> u32 {
        self.link.unacked(local)
    }

    pub(crate) fn pace(&self, local: &Local) -> Option<Pace> {
        if !self.remote.standing.is_present() {
            return None;
        }
        let pace =
            self.remote.time_sync.pace(local.measures(self.link.shortest_us()?), self.link.announced_lead(local))?;
        match self.link.compact().map(Compact::margin).filter(|margin| margin.has_target()) {
            Some(margin) => Some(Pace { stretch_ppm: margin.stretch_ppm()?, ..pace }),
            None => Some(pace),
        }
    }

    /// How early the local inputs come to the peer, in thousandths of a frame.
    pub(crate) fn margin_millis(&self, local: &Local) -> Option<i32> {
        let link = self.link.compact().filter(|_| local.send.has_begun())?;
        Some(link.margin().get()?.saturating_mul(1_000))
    }

    /// How many frames of input delay hide the way from the peer: the shortest way and what inputs are later than that, and a
    /// frame. On the classic wire, which does not show how late an input is, the mean latency and three times its variation.
    pub(crate) fn suggested_delay(&self, local: &Local) -> Option<u32> {
        let late_us = if let Some(timing) = self.link.timing() {
            (timing.shortest_us()? >> 1).saturating_add(self.remote.lateness.get())
        } else {
            let rtt = self.remote.rtt.stats()?;
            (saturating_micros_u32(rtt.mean) >> 1)
                .saturating_add(saturating_micros_u32(rtt.variation.saturating_mul(3)))
        };
        late_us.div_ceil(local.config.frame_us_u32().max(1)).checked_add(1)
    }

    pub(crate) fn stats(&self, local: &Local) -> PeerStats {
        let Remote { liveness, rtt, totals, .. } = &self.remote;
        let timing = self.link.timing();
        PeerStats {
            at: local.now,
            health: self.health(local),
            rtt: rtt.stats(),
            latency: rtt.mean_us().map(|mean| duration_from_micros(mean >> 1)),
            jitter: timing.and_then(TimingEstimator::jitter),
            silence: liveness.silence(local.now),
            longest_silence: liveness.longest_silence(local.judged_at()),
            inbound_lost: timing.and_then(TimingEstimator::inbound_lost),
            unacked: self.unacked(local),
            window: local.window(),
            missing: self.recv.missing_count(),
            lost_inputs: self.recv.lost_inputs(),
            margin_millis: self.margin_millis(local),
            totals: *totals,
        }
    }
}

/// Which peers were polled, for the tests of what a drain costs.
#[cfg(test)]
pub(crate) mod visits {
    use std::cell::RefCell;
    use std::collections::BTreeSet;

    use super::PeerId;

    std::thread_local! {
        static VISITED: RefCell<BTreeSet<u32>> = const { RefCell::new(BTreeSet::new()) };
    }

    pub(super) fn note(peer: PeerId) {
        VISITED.with_borrow_mut(|visited| visited.insert(peer.get()));
    }

    /// Returns the peers that were polled since the last call.
    pub(crate) fn take() -> Vec<u32> {
        VISITED.take().into_iter().collect()
    }
}

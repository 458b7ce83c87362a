//! Law 10: once the network has healed, every input is delivered by a deadline that follows from the plan.

use super::breach::{Breach, ensure};
use super::endpoint::{Deadline, Link};
use super::plan::Plan;
use super::tally::Kind;
use super::world::{Scheduled, World};

/// After this long without a response a peer is sent keep-alives only.
const SLOW_US: u64 = 10_000_000;
/// From this queuing delay on, an endpoint may hold datagrams back, so long at most.
const QUEUE_US: u64 = 50_000;
const REST_US: u64 = 200_000;
/// How long after a long round trip a deadline may still be one of those times.
const QUEUED_FOR_US: u64 = 2_000_000;
const LAW: &str = "10 liveness";

impl World<'_> {
    /// Ends all faults: the network delivers, clocks run, and every game polls. Datagrams under way still arrive.
    pub(crate) fn heal(&mut self) -> Result<(), Breach> {
        self.healed = true;
        self.tally.count(Kind::Healed);
        let count = self.endpoints.len();
        for link in 0..count * count {
            self.network.heal(link / count, link % count, self.plan.healed_us[link]);
        }
        for index in 0..count {
            // A session that was closed is over; whoever comes back has a new one.
            if self.endpoints[index].closed_at.is_some() {
                self.stop(index, 0);
            }
            let endpoint = &mut self.endpoints[index];
            (endpoint.muted_until, endpoint.deaf_until, endpoint.late_until) = (0, 0, 0);
            let shown = if endpoint.alive {
                endpoint.seen.max(endpoint.clock.read(self.now))
            } else {
                endpoint.clock.read(self.now)
            };
            endpoint.clock.set(self.now, shown);
            endpoint.clock.set_rate(self.now, endpoint.plan.permille);
            self.run_scheduled(Scheduled::Start(index))?;
            (0..count).filter(|peer| *peer != index).try_for_each(|peer| self.reopen(index, peer))?;
            self.run_scheduled(Scheduled::Resume(index))?;
            self.run_scheduled(Scheduled::Follow(index))?;
            self.run_scheduled(Scheduled::Readmit(index))?;
            self.endpoints[index].tick_at = self.now;
        }
        for (sender, receiver) in pairs(count) {
            if self.connected(sender, receiver) {
                self.expect_all(sender, receiver);
            }
        }
        Ok(())
    }

    /// Checks that all endpoints have met.
    pub(crate) fn settle(&mut self) -> Result<(), Breach> {
        if self.endpoints.iter().any(|endpoint| endpoint.links.iter().any(|link| link.tainted))
            && !self.plan.classic.contains(&true)
        {
            return Ok(());
        }
        for (sender, receiver) in pairs(self.endpoints.len()) {
            if self.never_connects(sender, receiver) {
                continue;
            }
            let (one, other) = (&self.endpoints[sender], &self.endpoints[receiver]);
            ensure(self.connected(sender, receiver), LAW, || {
                let (there, here) = (&one.links[receiver], &other.links[sender]);
                format!(
                    "{sender} and {receiver} have not met: epochs {} {}, {:?}, {:?}",
                    one.epoch, other.epoch, there.runs, here.runs
                )
            })?;
            if !self.endpoints[receiver].links[sender].live {
                self.expect_all(sender, receiver);
            }
        }
        Ok(())
    }

    /// Whether nothing can be demanded of two endpoints: their settings differ, they accepted forged datagrams, or one
    /// removed the other.
    fn never_connects(&self, one: usize, other: usize) -> bool {
        let (there, here) = (&self.endpoints[one].links, &self.endpoints[other].links);
        let gone = |links: &[Link], peer: usize| {
            links.get(peer).is_none_or(|link| link.id.is_none() || link.left || link.tainted)
        };
        !self.plan.compatible(one, other) || gone(there, other) || gone(here, one)
    }

    /// Whether inputs can flow from one endpoint to the other.
    pub(crate) fn connected(&self, sender: usize, receiver: usize) -> bool {
        let (from, to) = (&self.endpoints[sender], &self.endpoints[receiver]);
        if self.never_connects(sender, receiver) || !from.alive || !to.alive || from.epoch != to.epoch {
            return false;
        }
        let (there, here) = (&from.links[receiver], &to.links[sender]);
        let met = there.runs.playing() == Some(here.runs.local) && here.runs.playing() == Some(there.runs.local);
        met || self.plan.classic(sender, receiver)
    }

    /// Whether inputs go on flowing from one endpoint to the other. Before a run is known, the hello of a second program takes its
    /// place, and so does a repeated one of an earlier run.
    fn is_certain(&self, sender: usize, receiver: usize) -> bool {
        let knows = |index: usize, peer: usize| self.endpoints[index].links[peer].runs.run().is_some();
        self.connected(sender, receiver) && knows(sender, receiver) && knows(receiver, sender)
    }

    /// From now on deadlines hold; inputs that are already pushed have until the sender's next resend.
    fn expect_all(&mut self, sender: usize, receiver: usize) {
        let classic = self.plan.classic(sender, receiver);
        let delay = self.plan.delay_of(sender, receiver);
        let live_from = if classic { self.now + self.catching_up_us(sender, receiver) } else { self.now };
        let wait = if self.may_be_slow(sender, receiver) {
            stretched(self.endpoints[sender].ping_us)
        } else {
            stretched(self.plan.ack_delay_us(sender))
        };
        let next = self.endpoints[sender].next;
        let acked = self.endpoints[sender].acked(receiver);
        let fits = self.fits(sender, receiver, next - acked);
        let (rest_us, certain) = (self.rest_us(sender, receiver), self.is_certain(sender, receiver));
        let link = &mut self.endpoints[receiver].links[sender];
        (link.live, link.live_from) = (true, live_from);
        // The classic wire resends a lost input only on request.
        if !classic && certain && fits && next > link.delivered {
            link.deadlines.push_back(Deadline { by: self.now + wait + delay, rest_us, frame: next - 1 });
        }
    }

    /// Returns how long a receiver on the classic wire refuses the latest frames as too far ahead. Its limit grows by two
    /// frames in the time of one.
    fn catching_up_us(&self, sender: usize, receiver: usize) -> u64 {
        let link = &self.endpoints[receiver].links[sender];
        let (_, window) = self.endpoints[receiver].machine.sizes();
        let newest = link.delivered_frames.last().map_or(self.endpoints[receiver].first, |frame| u64::from(*frame) + 1);
        // Datagrams under way carry older frames, and keep its limit low.
        let under_way_us = self.plan.under_way_us(sender * self.endpoints.len() + receiver);
        let newer = under_way_us / self.plan.frame_us + 4;
        let beyond = (self.endpoints[sender].next + newer).saturating_sub(newest + window);
        under_way_us + beyond * self.plan.frame_us * 5 / 4
    }

    /// Whether this many inputs fit the next datagram, whatever they are. It begins with the first of them, unless the one before
    /// was cut.
    fn fits(&self, sender: usize, receiver: usize, inputs: u64) -> bool {
        if self.endpoints[sender].links[receiver].cut_end.is_some() {
            return false;
        }
        let (size, _) = self.endpoints[sender].machine.sizes();
        let size = u64::try_from(size).expect("a size");
        let bits = if size == 1 { 11 } else { 8 * size + 2 };
        let free = u64::try_from(self.plan.max_datagram_size).expect("a length") - 20;
        (inputs * bits).div_ceil(8) <= free
    }

    /// Whether the latest round trip of an endpoint was longer than the shortest one by a queue.
    pub(crate) fn queues(&self, sender: usize, receiver: usize) -> bool {
        let endpoint = &self.endpoints[sender];
        let Some(link) = endpoint.links.get(receiver) else { return false };
        let latest = link.id.and_then(|id| endpoint.machine.rtt_us(id));
        latest.zip(link.least_rtt_us).is_some_and(|(latest, least)| latest > least + QUEUE_US)
    }

    /// How long an endpoint may hold datagrams back from a peer, because they queue on the way.
    pub(crate) fn rest_us(&self, sender: usize, receiver: usize) -> u64 {
        let endpoint = &self.endpoints[sender];
        let queued_at = endpoint.links.get(receiver).and_then(|link| link.queued_at);
        if self.plan.classic(sender, receiver)
            || !self.queues(sender, receiver) && queued_at.is_none_or(|at| endpoint.seen - at > QUEUED_FOR_US)
        {
            return 0;
        }
        let unnoticed = self.silence_limit_us(sender, receiver) * 2 / 5;
        stretched(REST_US.min(unnoticed))
    }

    pub(crate) fn may_be_slow(&self, sender: usize, receiver: usize) -> bool {
        let endpoint = &self.endpoints[sender];
        let link = &endpoint.links[receiver];
        let silence = link.id.and_then(|id| endpoint.machine.silence_us(id)).unwrap_or(endpoint.seen - link.opened_at);
        silence.max(endpoint.seen - link.progress_at).saturating_add(4 * self.plan.frame_us) > SLOW_US
    }

    /// Sets the deadline of an input that was just pushed: one trip later it is delivered.
    pub(crate) fn expect_input(&mut self, sender: usize) {
        if !self.healed {
            return;
        }
        for receiver in (0..self.endpoints.len()).filter(|receiver| *receiver != sender) {
            let frame = self.endpoints[sender].next - 1;
            let delay = self.plan.delay_of(sender, receiver);
            let acked = self.endpoints[sender].acked(receiver);
            let slow = self.may_be_slow(sender, receiver);
            let fits = self.fits(sender, receiver, self.endpoints[sender].next - acked);
            let rest_us = self.rest_us(sender, receiver);
            let certain = self.is_certain(sender, receiver);
            let link = &mut self.endpoints[receiver].links[sender];
            let meant = certain && fits && !slow || self.plan.classic(sender, receiver);
            if link.live && meant && link.live_from <= self.now {
                link.deadlines.push_back(Deadline { by: self.now + delay, rest_us, frame });
            }
        }
    }

    /// Endpoints that have met hear from each other all the time, whether they play or not: of two datagrams a ping
    /// interval apart, at least one has a new timing block.
    pub(crate) fn check_silence(&self) -> Result<(), Breach> {
        for (sender, receiver) in pairs(self.endpoints.len()).filter(|(one, other)| self.connected(*one, *other)) {
            let longest = self.longest_silence_us(sender, receiver);
            let (endpoint, link) = (&self.endpoints[receiver], &self.endpoints[receiver].links[sender]);
            let silence = link.id.and_then(|id| endpoint.machine.silence_us(id));
            let judged = link.live && link.live_from + longest <= self.now;
            ensure(!judged || silence.is_some_and(|us| us <= stretched(longest)), LAW, || {
                format!("{receiver} has not heard from {sender} for {silence:?} us")
            })?;
        }
        Ok(())
    }

    fn longest_silence_us(&self, sender: usize, receiver: usize) -> u64 {
        let ping_us = self.plan.ping_us_of(sender, self.plan.classic(sender, receiver));
        2 * stretched(ping_us)
            + self.plan.delay_of(sender, receiver)
            + stretched(self.plan.frame_us)
            + 2 * self.rest_us(sender, receiver)
    }

    /// Whether an endpoint has had the time to hear from another one after they met, and to be answered.
    pub(crate) fn must_hear(&self, receiver: usize, sender: usize) -> bool {
        let heard_by = |one: usize, other: usize| {
            let link = &self.endpoints[one].links[other];
            link.live && link.live_from.max(self.quiet_from) + 2 * self.longest_silence_us(other, one) <= self.now
        };
        self.connected(sender, receiver)
            && self.connected(receiver, sender)
            && heard_by(receiver, sender)
            && heard_by(sender, receiver)
    }

    /// Sets the deadline for the acknowledgement of inputs that just arrived, even if nothing else is to be sent.
    pub(crate) fn expect_ack(&mut self, receiver: usize, sender: usize) {
        let slow = self.may_be_slow(receiver, sender);
        // An acknowledgement in a datagram that follows a lost one, which was cut, is refused with it.
        let acker = &self.endpoints[receiver];
        let fits = self.fits(receiver, sender, acker.next - acker.acked(sender));
        // A late hello of an earlier run may take the place of one that was only signalled.
        let certain = self.is_certain(receiver, sender);
        if !self.healed || slow || !fits || !certain || !self.endpoints[sender].links[receiver].live {
            return;
        }
        let patience = stretched(self.plan.ack_delay_us(receiver));
        let by = self.now + patience + self.plan.delay_of(receiver, sender);
        let frame = self.endpoints[receiver].links[sender].recv_next;
        let rest_us = self.rest_us(receiver, sender);
        self.endpoints[sender].links[receiver].acks.push_back(Deadline { by, rest_us, frame });
    }

    /// Checks the deadlines of an endpoint that have passed.
    pub(crate) fn check_deadlines(&mut self, index: usize) -> Result<(), Breach> {
        let now = self.now;
        let rests: Vec<_> = (0..self.endpoints.len()).map(|from| self.rest_us(from, index)).collect();
        for ((from, link), rest_us) in self.endpoints[index].links.iter_mut().enumerate().zip(rests) {
            while let Some(due) = link.acks.front().copied().filter(|due| due.by + rest_us.max(due.rest_us) < now) {
                link.acks.pop_front();
                ensure(link.tainted || link.acked >= due.frame, LAW, || {
                    format!(
                        "{from} did not acknowledge the frames below {} by {} us, only those below {}",
                        due.frame, due.by, link.acked
                    )
                })?;
            }
            while let Some(due) = link.deadlines.front().copied().filter(|due| due.by + rest_us.max(due.rest_us) < now)
            {
                link.deadlines.pop_front();
                if link.tainted {
                    continue;
                }
                self.tally.deadlines += 1;
                let delivered = u32::try_from(due.frame).is_ok_and(|frame| link.delivered_frames.contains(&frame));
                ensure(link.delivered > due.frame || delivered, LAW, || {
                    format!(
                        "input {} of {from} was not delivered by {} us; the next one is {}",
                        due.frame, due.by, link.delivered
                    )
                })?;
            }
        }
        Ok(())
    }
}

pub(crate) fn pairs(count: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..count).flat_map(move |one| (0..count).map(move |other| (one, other))).filter(|(one, other)| one != other)
}

fn stretched(us: u64) -> u64 {
    Plan::stretched(us)
}

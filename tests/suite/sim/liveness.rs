//! Law 10: once the network has healed, every input is told by a moment that was stated before.

use super::breach::{Breach, demand};
use super::end::{Demand, Link};
use super::plan::Plan;
use super::tally::Kind;
use super::world::{Later, World};

/// A peer that does not answer for so long is sent keep-alives only.
const SLOW_US: u64 = 10_000_000;
const LAW: &str = "10 liveness";

impl World<'_> {
    /// All faults end: the network delivers, clocks run, and every game does its duty. What is under way still arrives.
    pub(crate) fn heal(&mut self) -> Result<(), Breach> {
        self.healed = true;
        self.tally.count(Kind::Healed);
        let count = self.ends.len();
        for link in 0..count * count {
            self.network.heal(link / count, link % count, self.plan.healed_us[link]);
        }
        for index in 0..count {
            let end = &mut self.ends[index];
            (end.muted_until, end.deaf_until) = (0, 0);
            let shown = if end.alive { end.seen.max(end.clock.read(self.now)) } else { end.clock.read(self.now) };
            end.clock.set(self.now, shown);
            end.clock.set_rate(self.now, end.plan.permille);
            self.happen(Later::Start(index))?;
            (0..count).filter(|peer| *peer != index).try_for_each(|peer| self.reopen(index, peer))?;
            self.happen(Later::Resume(index))?;
            self.happen(Later::Follow(index))?;
            self.ends[index].tick_at = self.now;
        }
        for (sender, receiver) in pairs(count) {
            if self.in_touch(sender, receiver) {
                self.expect_all(sender, receiver);
            }
        }
        Ok(())
    }

    /// By now everybody must know everybody.
    pub(crate) fn settle(&mut self) -> Result<(), Breach> {
        if self.ends.iter().any(|end| end.links.iter().any(|link| link.lax)) && !self.plan.classic.contains(&true) {
            return Ok(());
        }
        for (sender, receiver) in pairs(self.ends.len()) {
            if self.is_hopeless(sender, receiver) {
                continue;
            }
            let (one, other) = (&self.ends[sender], &self.ends[receiver]);
            demand(self.in_touch(sender, receiver), LAW, || {
                let (there, here) = (&one.links[receiver], &other.links[sender]);
                format!(
                    "{sender} and {receiver} are not in touch: epochs {} {}, runs {} {}, known {:?} {:?}, halted {} {}",
                    one.epoch, other.epoch, other.run, one.run, there.knows, here.knows, there.halted, here.halted
                )
            })?;
            if !self.ends[receiver].links[sender].live {
                self.expect_all(sender, receiver);
            }
        }
        Ok(())
    }

    /// Nothing may be demanded of two ends that are set up differently, or were fooled, or do not know each other.
    fn is_hopeless(&self, one: usize, other: usize) -> bool {
        let (there, here) = (&self.ends[one].links, &self.ends[other].links);
        let gone = |links: &[Link], peer: usize| links.get(peer).is_none_or(|link| link.id.is_none() || link.lax);
        !self.plan.compatible(one, other) || gone(there, other) || gone(here, one)
    }

    /// Inputs can flow from one end to the other.
    fn in_touch(&self, sender: usize, receiver: usize) -> bool {
        let (from, to) = (&self.ends[sender], &self.ends[receiver]);
        if self.is_hopeless(sender, receiver) || !from.alive || !to.alive || from.epoch != to.epoch {
            return false;
        }
        let (there, here) = (&from.links[receiver], &to.links[sender]);
        let acquainted = there.knows == Some(to.run) && here.knows == Some(from.run) && !there.halted && !here.halted;
        acquainted || self.plan.classic(sender, receiver)
    }

    /// From now on deadlines hold: for what was pushed, after what the sender may wait before it says it again.
    fn expect_all(&mut self, sender: usize, receiver: usize) {
        let classic = self.plan.classic(sender, receiver);
        let delay = self.plan.delay_of(sender, receiver);
        let live_from = if classic { self.now + self.catching_up_us(sender, receiver) } else { self.now };
        let wait = if self.may_be_slow(sender, receiver) {
            stretched(self.ends[sender].ping_us)
        } else {
            stretched(self.plan.patience_us(sender))
        };
        let next = self.ends[sender].next;
        let acked = self.ends[sender].acked(receiver);
        let fits = self.fits(sender, next - acked);
        let link = &mut self.ends[receiver].links[sender];
        (link.live, link.live_from) = (true, live_from);
        // The classic wire says what is lost only when it is asked to.
        if !classic && fits && next > link.told {
            link.demands.push_back(Demand { by: self.now + wait + delay, frame: next - 1 });
        }
    }

    /// How long a receiver on the classic wire takes the newest frames for too far ahead: with every frame that passes, it
    /// allows for two.
    fn catching_up_us(&self, sender: usize, receiver: usize) -> u64 {
        let link = &self.ends[receiver].links[sender];
        let (_, window) = self.ends[receiver].machine.sizes();
        let newest = link.told_frames.last().map_or(self.ends[receiver].first, |frame| u64::from(*frame) + 1);
        // What is still under way keeps telling it that nobody is that far.
        let faults = &self.plan.faults[sender * self.ends.len() + receiver];
        let under_way_us = faults.delay_us + faults.jitter_us;
        let newer = under_way_us / self.plan.frame_us + 4;
        let beyond = (self.ends[sender].next + newer).saturating_sub(newest + window);
        under_way_us + beyond * self.plan.frame_us * 5 / 4
    }

    /// Whether this many inputs always fit one datagram.
    fn fits(&self, sender: usize, inputs: u64) -> bool {
        let (size, _) = self.ends[sender].machine.sizes();
        let size = u64::try_from(size).expect("a size");
        let bits = if size == 1 { 11 } else { 8 * size + 2 };
        let room = u64::try_from(self.plan.datagram_max).expect("a length") - 19;
        (inputs * bits).div_ceil(8) <= room
    }

    pub(crate) fn may_be_slow(&self, sender: usize, receiver: usize) -> bool {
        let end = &self.ends[sender];
        let link = &end.links[receiver];
        let silence = link.id.and_then(|id| end.machine.silence_us(id)).unwrap_or(end.seen - link.opened_at);
        silence.max(end.seen - link.moved_at).saturating_add(4 * self.plan.frame_us) > SLOW_US
    }

    /// An input was just pushed: one trip later it is told.
    pub(crate) fn expect_input(&mut self, sender: usize) {
        if !self.healed {
            return;
        }
        for receiver in (0..self.ends.len()).filter(|receiver| *receiver != sender) {
            let frame = self.ends[sender].next - 1;
            let delay = self.plan.delay_of(sender, receiver);
            let acked = self.ends[sender].acked(receiver);
            let slow = self.may_be_slow(sender, receiver);
            let fits = self.fits(sender, self.ends[sender].next - acked);
            let link = &mut self.ends[receiver].links[sender];
            let meant = fits && !slow || self.plan.classic(sender, receiver);
            if link.live && meant && link.live_from <= self.now {
                link.demands.push_back(Demand { by: self.now + delay, frame });
            }
        }
    }

    /// Who is in touch hears the other again and again, whether it plays or not: of two datagrams a ping interval apart at
    /// least one has a timing block that counts.
    pub(crate) fn judge_silence(&self) -> Result<(), Breach> {
        for (sender, receiver) in pairs(self.ends.len()).filter(|(one, other)| self.in_touch(*one, *other)) {
            let ping_us = self.plan.ping_us(self.plan.classic(sender, receiver));
            let longest = 2 * stretched(ping_us) + self.plan.delay_of(sender, receiver) + stretched(self.plan.frame_us);
            let (end, link) = (&self.ends[receiver], &self.ends[receiver].links[sender]);
            let silence = link.id.and_then(|id| end.machine.silence_us(id));
            let judged = link.live && link.live_from + longest <= self.now;
            demand(!judged || silence.is_some_and(|us| us <= stretched(longest)), LAW, || {
                format!("{receiver} has not heard {sender} for {silence:?} us")
            })?;
        }
        Ok(())
    }

    /// Inputs just arrived: they are acknowledged soon, also by an end that has nothing else to say.
    pub(crate) fn expect_ack(&mut self, receiver: usize, sender: usize) {
        let slow = self.may_be_slow(receiver, sender);
        if !self.healed || slow || !self.ends[sender].links[receiver].live {
            return;
        }
        let patience = stretched(self.plan.patience_us(receiver));
        let by = self.now + patience + self.plan.delay_of(receiver, sender);
        let frame = self.ends[receiver].links[sender].want;
        self.ends[sender].links[receiver].acks.push_back(Demand { by, frame });
    }

    /// Deadlines of an end that are over must have been kept.
    pub(crate) fn expire(&mut self, index: usize) -> Result<(), Breach> {
        let now = self.now;
        for (from, link) in self.ends[index].links.iter_mut().enumerate() {
            while let Some(due) = link.acks.front().copied().filter(|due| due.by < now) {
                link.acks.pop_front();
                demand(link.lax || link.acked >= due.frame, LAW, || {
                    format!("{} of {from} was not acknowledged by {} us, but {}", due.frame, due.by, link.acked)
                })?;
            }
            while let Some(due) = link.demands.front().copied().filter(|due| due.by < now) {
                link.demands.pop_front();
                if link.lax {
                    continue;
                }
                self.tally.demands += 1;
                let told = u32::try_from(due.frame).is_ok_and(|frame| link.told_frames.contains(&frame));
                demand(link.told > due.frame || told, LAW, || {
                    format!(
                        "input {} of {from} was not told by {} us; the next one is {}",
                        due.frame, due.by, link.told
                    )
                })?;
            }
        }
        Ok(())
    }
}

fn pairs(count: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..count).flat_map(move |one| (0..count).map(move |other| (one, other))).filter(|(one, other)| one != other)
}

fn stretched(us: u64) -> u64 {
    Plan::stretched(us)
}

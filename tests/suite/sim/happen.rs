//! What befalls an end from outside: starts, restarts, epochs, clocks and habits; and the end of all that.

use super::breach::{Breach, demand};
use super::end::{Link, Run, machine};
use super::machine::Expect;
use super::plan::Action;
use super::rng::mix;
use super::tally::Kind;
use super::world::{Later, World};

impl World<'_> {
    pub(crate) fn happen(&mut self, later: Later) -> Result<(), Breach> {
        match later {
            Later::Start(end) if !self.ends[end].alive => self.start(end),
            Later::Act(index) if !self.healed => self.act(self.plan.actions[index].1),
            Later::Thaw(end) => self.thaw(end),
            Later::Resume(end) => self.resume(end),
            Later::Follow(end) => self.follow(end),
            Later::Reopen(end, peer) => self.reopen(end, peer),
            Later::Heal => self.heal(),
            Later::Settle => self.settle(),
            Later::Start(_) | Later::Act(_) => Ok(()),
        }
    }

    fn act(&mut self, action: Action) -> Result<(), Breach> {
        let until = |us: u64| self.now + us;
        match action {
            Action::Outage { from, to, us } => self.network.cut(from, to, until(us)),
            Action::Blackout { us } => {
                let count = self.ends.len();
                (0..count * count).for_each(|link| self.network.cut(link / count, link % count, self.now + us));
            }
            Action::Step { end, ahead, us } => {
                self.tally.count(if ahead { Kind::Step } else { Kind::StepBack });
                let shown = self.ends[end].clock.read(self.now);
                let shown = if ahead { shown.saturating_add(us) } else { shown.saturating_sub(us) };
                self.ends[end].clock.set(self.now, shown);
                return self.stir(end);
            }
            Action::FarClock { end, before_us } => {
                self.tally.count(Kind::FarClock);
                self.ends[end].clock.set(self.now, u64::MAX - before_us);
                return self.stir(end);
            }
            Action::Freeze { end, us } => {
                self.tally.count(Kind::Freeze);
                self.at(until(us), Later::Thaw(end));
                self.ends[end].clock.set_rate(self.now, 0);
                return self.stir(end);
            }
            Action::Stall { end, us } => {
                self.tally.count(Kind::Stall);
                self.at(until(us), Later::Resume(end));
                self.ends[end].stalled = true;
            }
            Action::Mute { end, us } => {
                self.tally.count(Kind::Mute);
                self.ends[end].muted_until = until(us);
            }
            Action::Deaf { end, us } => {
                self.tally.count(Kind::Deaf);
                self.ends[end].deaf_until = until(us);
            }
            Action::Epoch { end, by } if self.ends[end].alive => {
                self.tally.count(Kind::Epoch);
                return self.begin(end, self.ends[end].epoch.saturating_add(by));
            }
            Action::Restart { end, gap_us } => {
                self.tally.count(Kind::Restart);
                self.stop(end, gap_us);
            }
            Action::Rematch => {
                self.tally.count(Kind::Rematch);
                self.session = mix(self.session);
                (0..self.ends.len()).for_each(|end| self.stop(end, 0));
            }
            Action::Close { end, peer, us } if self.ends[end].alive => {
                self.tally.count(Kind::Closed);
                let own = &mut self.ends[end];
                let local = own.look_at_clock(self.now);
                if let Some(id) = own.links[peer].id {
                    own.machine.close_peer(local, id);
                    own.links[peer].closed = true;
                }
                self.at(until(us), Later::Reopen(end, peer));
            }
            Action::Remove { end, peer } if self.ends[end].alive => {
                self.tally.count(Kind::Removed);
                let own = &mut self.ends[end];
                let local = own.look_at_clock(self.now);
                if let Some(id) = own.links[peer].id.take() {
                    own.machine.remove_peer(local, id);
                    own.links[peer] = Link::default();
                }
                self.ends[peer].links.get_mut(end).into_iter().for_each(|link| link.live = false);
            }
            Action::Leave { end, us } if self.ends[end].alive => {
                self.tally.count(Kind::Left);
                let own = &mut self.ends[end];
                let local = own.look_at_clock(self.now);
                own.machine.leave(local);
                own.links.iter_mut().for_each(|link| link.closed = true);
                self.drain(end)?;
                self.stop(end, us);
            }
            Action::Epoch { .. } | Action::Close { .. } | Action::Remove { .. } | Action::Leave { .. } => {}
        }
        Ok(())
    }

    /// An end is gone, and will start anew.
    fn stop(&mut self, index: usize, gap_us: u64) {
        let end = &mut self.ends[index];
        if !end.alive {
            return;
        }
        end.alive = false;
        end.incarnation = end.incarnation.saturating_add(1);
        end.run = self.runs.len();
        let run = Run { session: self.session, incarnation: end.incarnation, pushed: Vec::new() };
        self.runs.push(run);
        self.at(self.now + gap_us, Later::Start(index));
        self.ends.iter_mut().filter_map(|other| other.links.get_mut(index)).for_each(|link| {
            link.live = false;
            link.demands.clear();
            link.acks.clear();
        });
    }

    fn start(&mut self, index: usize) -> Result<(), Breach> {
        self.tally.sessions += 1;
        let plan = self.plan;
        self.runs[self.ends[index].run].session = self.session;
        let incarnations: Vec<_> = self.ends.iter().map(|end| (end.incarnation, end.run)).collect();
        let end = &mut self.ends[index];
        end.machine = machine(plan, index, self.session, end.incarnation, self.build);
        end.alive = true;
        end.seen = 0;
        end.stalled = false;
        end.follow = None;
        end.backlog.clear();
        end.ping_us = plan.ping_us((0..plan.ends.len()).any(|peer| peer != index && plan.classic(index, peer)));
        let local = end.look_at_clock(self.now);
        end.machine.timeout(local);
        let signalled = end.plan.signalled;
        end.links = vec![Link::default(); incarnations.len()];
        for (peer, (incarnation, run)) in incarnations.into_iter().enumerate().filter(|(peer, _)| *peer != index) {
            let classic = plan.classic(index, peer) && end.machine.sizes().0 == 1;
            let expect = Expect {
                player: u16::try_from(peer).expect("few ends"),
                classic,
                incarnation: (signalled && !classic).then_some(incarnation),
            };
            end.links[peer].id = end.machine.add_peer(local, expect);
            end.links[peer].knows = expect.incarnation.map(|_| run);
            end.links[peer].opened_at = end.seen;
        }
        end.enter(0);
        end.tick_at = self.now;
        if plan.first_epoch > 0 {
            self.begin(index, plan.first_epoch)?;
        }
        self.drain(index)
    }

    pub(crate) fn begin(&mut self, index: usize, epoch: u32) -> Result<(), Breach> {
        self.expire(index)?;
        let end = &mut self.ends[index];
        let local = end.look_at_clock(self.now);
        let begun = end.machine.begin_epoch(local, epoch);
        demand(begun.is_ok() == (epoch > end.epoch), "E epoch", || format!("{} to {epoch}: {begun:?}", end.epoch))?;
        if begun.is_ok() {
            end.enter(epoch);
            self.ends.iter_mut().filter_map(|other| other.links.get_mut(index)).for_each(|link| {
                link.live = false;
                link.demands.clear();
                link.acks.clear();
            });
        }
        self.drain(index)
    }

    fn follow(&mut self, index: usize) -> Result<(), Breach> {
        match self.ends[index].follow.take() {
            Some(epoch) if self.ends[index].alive && epoch > self.ends[index].epoch => self.begin(index, epoch),
            _ => Ok(()),
        }
    }

    fn thaw(&mut self, index: usize) -> Result<(), Breach> {
        let end = &mut self.ends[index];
        end.clock.set_rate(self.now, end.plan.permille);
        self.stir(index)
    }

    fn resume(&mut self, index: usize) -> Result<(), Breach> {
        self.ends[index].stalled = false;
        if !self.ends[index].alive {
            return Ok(());
        }
        self.ends[index].tick_at = self.ends[index].tick_at.max(self.now);
        for datagram in std::mem::take(&mut self.ends[index].backlog) {
            self.arrive(datagram)?;
        }
        self.stir(index)
    }

    pub(crate) fn reopen(&mut self, index: usize, peer: usize) -> Result<(), Breach> {
        let end = &mut self.ends[index];
        if end.alive
            && end.links[peer].closed
            && let Some(id) = end.links[peer].id
        {
            let local = end.look_at_clock(self.now);
            end.machine.open_peer(local, id);
            end.links[peer].closed = false;
            end.links[peer].hello_at = None;
            end.links[peer].pings = [false; 2];
            (end.links[peer].moved_at, end.links[peer].opened_at) = (end.seen, end.seen);
            return self.drain(index);
        }
        Ok(())
    }

    /// An end looks at its clock.
    pub(crate) fn stir(&mut self, index: usize) -> Result<(), Breach> {
        if !self.ends[index].alive || self.ends[index].stalled {
            return Ok(());
        }
        self.expire(index)?;
        let end = &mut self.ends[index];
        let local = end.look_at_clock(self.now);
        end.machine.timeout(local);
        self.drain(index)
    }
}

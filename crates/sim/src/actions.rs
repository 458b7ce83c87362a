//! The scheduled actions of a plan: starts, restarts, epochs, changes of clocks and habits.

use super::breach::{Breach, ensure};
use super::endpoint::{Link, Run, Unanswered, machine};
use super::machine::ExpectedPeer;
use super::plan::Action;
use super::rng::mix;
use super::tally::Kind;
use super::world::{Scheduled, World};

impl World<'_> {
    pub(crate) fn run_scheduled(&mut self, scheduled: Scheduled) -> Result<(), Breach> {
        match scheduled {
            Scheduled::Start(endpoint) if !self.endpoints[endpoint].alive => self.start(endpoint),
            Scheduled::Act(index) if !self.healed => self.act(self.plan.actions[index].1),
            Scheduled::Thaw(endpoint) => self.thaw(endpoint),
            Scheduled::Resume(endpoint) => self.resume(endpoint),
            Scheduled::Follow(endpoint) => self.follow(endpoint),
            Scheduled::Reopen(endpoint, peer) => self.reopen(endpoint, peer),
            Scheduled::Heal => self.heal(),
            Scheduled::Settle => self.settle(),
            Scheduled::Start(_) | Scheduled::Act(_) => Ok(()),
        }
    }

    fn act(&mut self, action: Action) -> Result<(), Breach> {
        let until = |us: u64| self.now + us;
        match action {
            Action::Outage { from, to, us } => self.network.cut(from, to, until(us)),
            Action::Blackout { us } => {
                let count = self.endpoints.len();
                (0..count * count).for_each(|link| self.network.cut(link / count, link % count, self.now + us));
            }
            Action::Step { endpoint, ahead, us } => {
                self.tally.count(if ahead { Kind::Step } else { Kind::StepBack });
                let shown = self.endpoints[endpoint].clock.read(self.now);
                let shown = if ahead { shown.saturating_add(us) } else { shown.saturating_sub(us) };
                self.endpoints[endpoint].clock.set(self.now, shown);
                return self.wake(endpoint);
            }
            Action::FarClock { endpoint, before_us } => {
                self.tally.count(Kind::FarClock);
                self.endpoints[endpoint].clock.set(self.now, u64::MAX - before_us);
                return self.wake(endpoint);
            }
            Action::Freeze { endpoint, us } => {
                self.tally.count(Kind::Freeze);
                self.at(until(us), Scheduled::Thaw(endpoint));
                self.endpoints[endpoint].clock.set_rate(self.now, 0);
                return self.wake(endpoint);
            }
            Action::Stall { endpoint, us } => {
                self.tally.count(Kind::Stall);
                self.at(until(us), Scheduled::Resume(endpoint));
                self.endpoints[endpoint].stalled = true;
            }
            Action::Mute { endpoint, us } => {
                self.tally.count(Kind::Mute);
                self.endpoints[endpoint].muted_until = until(us);
            }
            Action::Deaf { endpoint, us } => {
                self.tally.count(Kind::Deaf);
                self.endpoints[endpoint].deaf_until = until(us);
            }
            Action::Epoch { endpoint, by } if self.endpoints[endpoint].alive => {
                self.tally.count(Kind::Epoch);
                return self.begin(endpoint, self.endpoints[endpoint].epoch.saturating_add(by));
            }
            Action::Restart { endpoint, gap_us } => {
                self.tally.count(Kind::Restart);
                self.stop(endpoint, gap_us);
            }
            Action::Rematch => {
                self.tally.count(Kind::Rematch);
                self.session = mix(self.session);
                (0..self.endpoints.len()).for_each(|endpoint| self.stop(endpoint, 0));
            }
            Action::CloseTransport { endpoint, peer, us } if self.endpoints[endpoint].alive => {
                self.tally.count(Kind::TransportClosed);
                let own = &mut self.endpoints[endpoint];
                let local = own.read_clock(self.now);
                if let Some(id) = own.links[peer].id {
                    own.machine.handle_transport_closed(local, id);
                    own.links[peer].closed = true;
                }
                self.at(until(us), Scheduled::Reopen(endpoint, peer));
            }
            Action::Remove { endpoint, peer } if self.endpoints[endpoint].alive => {
                self.tally.count(Kind::Removed);
                let own = &mut self.endpoints[endpoint];
                let local = own.read_clock(self.now);
                if let Some(id) = own.links[peer].id.take() {
                    own.machine.remove_peer(local, id);
                    own.links[peer] = Link::default();
                }
                self.endpoints[peer].links.get_mut(endpoint).into_iter().for_each(|link| link.live = false);
            }
            Action::Close { endpoint, us } if self.endpoints[endpoint].alive => {
                self.tally.count(Kind::Closed);
                let own = &mut self.endpoints[endpoint];
                let local = own.read_clock(self.now);
                own.machine.close(local);
                own.links.iter_mut().for_each(|link| link.closed = true);
                self.drain(endpoint)?;
                self.stop(endpoint, us);
            }
            Action::Epoch { .. } | Action::CloseTransport { .. } | Action::Remove { .. } | Action::Close { .. } => {}
        }
        Ok(())
    }

    /// Stops an endpoint without a goodbye; it restarts after a while.
    fn stop(&mut self, index: usize, gap_us: u64) {
        let endpoint = &mut self.endpoints[index];
        if !endpoint.alive {
            return;
        }
        endpoint.alive = false;
        endpoint.incarnation = endpoint.incarnation.saturating_add(1);
        endpoint.run = self.runs.len();
        let run = Run { session: self.session, pushed: Vec::new() };
        self.runs.push(run);
        self.at(self.now + gap_us, Scheduled::Start(index));
        self.endpoints.iter_mut().filter_map(|other| other.links.get_mut(index)).for_each(|link| {
            link.live = false;
            link.deadlines.clear();
            link.acks.clear();
        });
    }

    fn start(&mut self, index: usize) -> Result<(), Breach> {
        self.tally.sessions += 1;
        let plan = self.plan;
        self.runs[self.endpoints[index].run].session = self.session;
        let incarnations: Vec<_> = self.endpoints.iter().map(|endpoint| (endpoint.incarnation, endpoint.run)).collect();
        let endpoint = &mut self.endpoints[index];
        endpoint.machine = machine(plan, index, self.session, endpoint.incarnation, self.build);
        endpoint.alive = true;
        endpoint.seen = 0;
        endpoint.stalled = false;
        endpoint.follow = None;
        endpoint.backlog.clear();
        endpoint.ping_us =
            plan.ping_us((0..plan.endpoints.len()).any(|peer| peer != index && plan.classic(index, peer)));
        let local = endpoint.read_clock(self.now);
        endpoint.machine.timeout(local);
        let signalled = endpoint.plan.signalled;
        endpoint.links = vec![Link::default(); incarnations.len()];
        for (peer, (incarnation, run)) in incarnations.into_iter().enumerate().filter(|(peer, _)| *peer != index) {
            let classic = plan.classic(index, peer) && endpoint.machine.sizes().0 == 1;
            let expect = ExpectedPeer {
                player: u16::try_from(peer).expect("few ends"),
                classic,
                incarnation: (signalled && !classic).then_some(incarnation),
            };
            endpoint.links[peer].id = endpoint.machine.add_peer(local, expect);
            endpoint.links[peer].known_run = expect.incarnation.map(|_| run);
            endpoint.links[peer].opened_at = endpoint.seen;
        }
        endpoint.enter(0);
        endpoint.tick_at = self.now;
        if plan.first_epoch > 0 {
            self.begin(index, plan.first_epoch)?;
        }
        self.drain(index)
    }

    pub(crate) fn begin(&mut self, index: usize, epoch: u32) -> Result<(), Breach> {
        self.check_deadlines(index)?;
        let endpoint = &mut self.endpoints[index];
        let local = endpoint.read_clock(self.now);
        let begun = endpoint.machine.begin_epoch(local, epoch);
        ensure(begun.is_ok() == (epoch > endpoint.epoch), "E epoch", || {
            format!("{} to {epoch}: {begun:?}", endpoint.epoch)
        })?;
        if begun.is_ok() {
            endpoint.enter(epoch);
            self.endpoints.iter_mut().filter_map(|other| other.links.get_mut(index)).for_each(|link| {
                link.live = false;
                link.deadlines.clear();
                link.acks.clear();
            });
        }
        self.drain(index)
    }

    fn follow(&mut self, index: usize) -> Result<(), Breach> {
        match self.endpoints[index].follow.take() {
            Some(epoch) if self.endpoints[index].alive && epoch > self.endpoints[index].epoch => {
                self.begin(index, epoch)
            }
            _ => Ok(()),
        }
    }

    fn thaw(&mut self, index: usize) -> Result<(), Breach> {
        let endpoint = &mut self.endpoints[index];
        endpoint.clock.set_rate(self.now, endpoint.plan.permille);
        self.wake(index)
    }

    fn resume(&mut self, index: usize) -> Result<(), Breach> {
        self.endpoints[index].stalled = false;
        if !self.endpoints[index].alive {
            return Ok(());
        }
        self.endpoints[index].tick_at = self.endpoints[index].tick_at.max(self.now);
        for datagram in std::mem::take(&mut self.endpoints[index].backlog) {
            self.arrive(datagram)?;
        }
        self.wake(index)
    }

    pub(crate) fn reopen(&mut self, index: usize, peer: usize) -> Result<(), Breach> {
        let endpoint = &mut self.endpoints[index];
        if endpoint.alive
            && endpoint.links[peer].closed
            && let Some(id) = endpoint.links[peer].id
        {
            let local = endpoint.read_clock(self.now);
            endpoint.machine.handle_transport_opened(local, id);
            endpoint.links[peer].closed = false;
            endpoint.links[peer].hello_at = None;
            endpoint.links[peer].pings = [false; 2];
            endpoint.links[peer].unanswered = Unanswered::default();
            (endpoint.links[peer].progress_at, endpoint.links[peer].opened_at) = (endpoint.seen, endpoint.seen);
            return self.drain(index);
        }
        Ok(())
    }

    /// Lets an endpoint read its clock and poll.
    pub(crate) fn wake(&mut self, index: usize) -> Result<(), Breach> {
        if !self.endpoints[index].alive || self.endpoints[index].stalled {
            return Ok(());
        }
        self.check_deadlines(index)?;
        let endpoint = &mut self.endpoints[index];
        let local = endpoint.read_clock(self.now);
        endpoint.machine.timeout(local);
        self.drain(index)
    }
}

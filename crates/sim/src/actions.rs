//! The scheduled actions of a plan: starts, restarts, epochs, changes of clocks and habits.

use inputwire::{Epoch, Instant, MAX_DATAGRAM_SIZE};

use super::breach::{Breach, ensure};
use super::endpoint::{Endpoint, Label, Link, Run, Unanswered, machine};
use super::machine::ExpectedPeer;
use super::plan::{Action, Mismatch};
use super::rng::{Rng, mix};
use super::runs::Runs;
use super::tally::Kind;
use super::world::{Scheduled, SecondProgram, World};

/// The time from one hello of a second program to the next.
const SECOND_HELLO_US: u64 = 170_000;

impl World<'_> {
    pub(crate) fn run_scheduled(&mut self, scheduled: Scheduled) -> Result<(), Breach> {
        match scheduled {
            Scheduled::Start(endpoint) if !self.endpoints[endpoint].alive => self.start(endpoint),
            Scheduled::Act(index) if !self.healed => self.act(self.plan.actions[index].1),
            Scheduled::Thaw(endpoint) => self.thaw(endpoint),
            Scheduled::Resume(endpoint) => self.resume(endpoint),
            Scheduled::Doze(endpoint) => {
                self.doze(endpoint);
                Ok(())
            }
            Scheduled::Follow(endpoint) => self.follow(endpoint),
            Scheduled::Second(number) => {
                self.say_hello(number);
                Ok(())
            }
            Scheduled::Stop(endpoint) => {
                if self.endpoints[endpoint].closed_at.is_some() {
                    self.stop(endpoint, 0);
                }
                Ok(())
            }
            Scheduled::Reopen(endpoint, peer) => self.reopen(endpoint, peer),
            Scheduled::Readmit(endpoint) => self.readmit(endpoint),
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
            Action::Restart { endpoint, gap_us, reuse } => {
                self.tally.count(Kind::Restart);
                self.restart(endpoint, gap_us, reuse);
            }
            Action::Rejoin { endpoint, peer }
                if self.endpoints[endpoint].alive && !self.plan.classic(endpoint, peer) =>
            {
                return self.rejoin(endpoint, peer);
            }
            Action::Second { endpoint, peer, other, hellos } if !self.plan.classic(endpoint, peer) => {
                self.tally.count(Kind::Second);
                let incarnation = self.rng.between(1 << 32, u64::MAX);
                self.seconds.push(SecondProgram { endpoint, peer, other, incarnation, hellos });
                self.say_hello(self.seconds.len() - 1);
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
                    own.removed += 1;
                }
                self.endpoints[peer].links.get_mut(endpoint).into_iter().for_each(|link| link.live = false);
            }
            Action::Close { endpoint, us } if self.endpoints[endpoint].alive => {
                self.tally.count(Kind::Closed);
                let own = &mut self.endpoints[endpoint];
                let local = own.read_clock(self.now);
                own.machine.close(local);
                // A second call changes nothing.
                own.closed_at.get_or_insert(own.seen);
                self.at(until(us), Scheduled::Stop(endpoint));
                return self.drain(endpoint);
            }
            Action::Step { .. }
            | Action::FarClock { .. }
            | Action::Freeze { .. }
            | Action::Stall { .. }
            | Action::Sleep { .. }
            | Action::Late { .. } => return self.act_on_time(action),
            Action::Epoch { .. }
            | Action::CloseTransport { .. }
            | Action::Remove { .. }
            | Action::Rejoin { .. }
            | Action::Second { .. }
            | Action::Close { .. } => {}
        }
        Ok(())
    }

    /// Lets a clock or its machine stop, jump or come late.
    fn act_on_time(&mut self, action: Action) -> Result<(), Breach> {
        let now = self.now;
        let until = |us: u64| now + us;
        match action {
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
            Action::Sleep { endpoint, us } => {
                self.tally.count(Kind::Sleep);
                self.at(until(us), Scheduled::Thaw(endpoint));
                self.at(until(us), Scheduled::Resume(endpoint));
                self.endpoints[endpoint].clock.set_rate(self.now, 0);
                self.endpoints[endpoint].stalled = true;
            }
            Action::Late { endpoint, us, every_us } => {
                self.tally.count(Kind::Late);
                let late = &mut self.endpoints[endpoint];
                (late.late_until, late.called_every_us) = (self.now + us, every_us);
                self.doze(endpoint);
            }
            _ => {}
        }
        Ok(())
    }

    /// Removes a peer and adds it again: the peer meets another run of this endpoint.
    fn rejoin(&mut self, index: usize, peer: usize) -> Result<(), Breach> {
        self.tally.count(Kind::Rejoined);
        if !self.remove(index, peer) {
            return Ok(());
        }
        self.add(index, peer);
        self.drain(index)
    }

    /// Lets in whoever has left and may be back: in a new epoch, as frames of the present one are gone.
    fn readmit(&mut self, index: usize) -> Result<(), Breach> {
        let own = &self.endpoints[index];
        let left: Vec<usize> = (0..own.links.len()).filter(|peer| own.links[*peer].left).collect();
        if left.is_empty() || !own.alive || own.closed_at.is_some() {
            return Ok(());
        }
        let announced = own.links.iter().map(|link| link.runs.announced).fold(own.epoch, u32::max);
        self.begin(index, announced.saturating_add(1))?;
        for peer in &left {
            self.remove(index, *peer);
        }
        for peer in left {
            self.add(index, peer);
        }
        self.drain(index)
    }

    fn remove(&mut self, index: usize, peer: usize) -> bool {
        let own = &mut self.endpoints[index];
        let local = own.read_clock(self.now);
        let Some(id) = own.links[peer].id.take() else { return false };
        own.machine.remove_peer(local, id);
        own.removed += 1;
        self.endpoints[peer].links.get_mut(index).into_iter().for_each(Link::relieve);
        true
    }

    fn add(&mut self, index: usize, peer: usize) {
        let own = &mut self.endpoints[index];
        let local = own.read_clock(self.now);
        let expect = ExpectedPeer { player: u16::try_from(peer).expect("few ends"), classic: false, incarnation: None };
        let (first, seen) = (own.first, own.seen);
        let tainted = own.reused || own.links[peer].tainted;
        own.links[peer] = Link {
            id: own.machine.add_peer(local, expect),
            runs: Runs::new(own.local_run(), None),
            recv_next: first,
            acked: first,
            delivered: first,
            progress_at: seen,
            opened_at: seen,
            tainted,
            ..Link::default()
        };
    }

    /// Crashes an endpoint, which restarts after a while.
    fn restart(&mut self, index: usize, gap_us: u64, reuse: bool) {
        let (alive, incarnation) = (self.endpoints[index].alive, self.endpoints[index].incarnation);
        self.stop(index, gap_us);
        if reuse && alive {
            self.tally.count(Kind::Reused);
            self.endpoints[index].incarnation = incarnation;
            self.endpoints[index].reused = true;
            self.taint(index);
        }
    }

    /// Nothing can be demanded of any link of this endpoint any more.
    fn taint(&mut self, index: usize) {
        self.endpoints[index].links.iter_mut().for_each(|link| link.tainted = true);
        self.endpoints.iter_mut().filter_map(|other| other.links.get_mut(index)).for_each(|link| link.tainted = true);
    }

    /// Lets a second program of a player say its next hello.
    fn say_hello(&mut self, number: usize) {
        let SecondProgram { endpoint: from, peer: to, other, incarnation, hellos } = self.seconds[number];
        let Some(left) = hellos.checked_sub(1).filter(|_| !self.healed) else { return };
        self.seconds[number].hellos = left;
        self.at(self.now + SECOND_HELLO_US, Scheduled::Second(number));
        if other && self.plan.mismatch.is_some() {
            return;
        }
        let mut plan = self.plan.clone();
        if other {
            plan.mismatch = Some((from, if left % 2 == 0 { Mismatch::Window } else { Mismatch::InputLen }));
        }
        // A new run each time, whose hello is its first one.
        let incarnation = incarnation.wrapping_add(left.into()).max(1 << 32);
        let mut program = machine(&plan, from, self.session, incarnation, self.build);
        let player = u16::try_from(to).expect("few ends");
        program.add_peer(Instant::ORIGIN, ExpectedPeer { player, classic: false, incarnation: None });
        let mut buf = [0; MAX_DATAGRAM_SIZE];
        let Some((_, len)) = program.transmit(&mut buf) else { return };
        self.endpoints[to].links.get_mut(from).into_iter().for_each(|link| link.doubled = true);
        let run = self.endpoints[from].run;
        let label = Label {
            from,
            to,
            run,
            incarnation,
            to_run: None,
            session: self.session,
            foreign: other,
            epoch: 0,
            input_end: 0,
            ack: 0,
            follows: false,
        };
        self.labels.push(label);
        self.network.send(self.now, from, to, &buf[..len]);
    }

    /// Stops an endpoint without a goodbye; it restarts after a while.
    pub(crate) fn stop(&mut self, index: usize, gap_us: u64) {
        let endpoint = &mut self.endpoints[index];
        if !endpoint.alive {
            return;
        }
        (endpoint.alive, endpoint.closed_at) = (false, None);
        endpoint.incarnation = Rng::new(endpoint.incarnation).between(1 << 32, u64::MAX);
        endpoint.run = self.runs.len();
        let run = Run { session: self.session, pushed: Vec::new() };
        self.runs.push(run);
        self.at(self.now + gap_us, Scheduled::Start(index));
        self.endpoints.iter_mut().filter_map(|other| other.links.get_mut(index)).for_each(Link::relieve);
    }

    fn start(&mut self, index: usize) -> Result<(), Breach> {
        self.tally.sessions += 1;
        let plan = self.plan;
        self.runs[self.endpoints[index].run].session = self.session;
        // What the others call themselves on their link to this endpoint.
        let local_run = |other: &Endpoint| other.links.get(index).map_or(0, |link| link.runs.local);
        let incarnations = self.endpoints.iter().map(|other| match local_run(other) {
            0 => other.incarnation,
            local_run => local_run,
        });
        let incarnations: Vec<_> = incarnations.collect();
        let reused: Vec<_> = self.endpoints.iter().map(|other| other.reused).collect();
        let endpoint = &mut self.endpoints[index];
        endpoint.removed = 0;
        endpoint.machine = machine(plan, index, self.session, endpoint.incarnation, self.build);
        endpoint.machine.set_input_delay(endpoint.plan.input_delay);
        endpoint.alive = true;
        (endpoint.seen, endpoint.late_call) = (0, None);
        endpoint.stalled = false;
        endpoint.follow = None;
        endpoint.backlog.clear();
        endpoint.ping_us =
            plan.ping_us_of(index, (0..plan.endpoints.len()).any(|peer| peer != index && plan.classic(index, peer)));
        let local = endpoint.read_clock(self.now);
        endpoint.machine.timeout(local);
        let signalled = endpoint.plan.signalled;
        endpoint.links = vec![Link::default(); incarnations.len()];
        for (peer, incarnation) in incarnations.into_iter().enumerate().filter(|(peer, _)| *peer != index) {
            let classic = plan.classic(index, peer) && endpoint.machine.sizes().0 == 1;
            let expect = ExpectedPeer {
                player: u16::try_from(peer).expect("few ends"),
                classic,
                incarnation: (signalled && !classic).then_some(incarnation),
            };
            endpoint.links[peer].id = endpoint.machine.add_peer(local, expect);
            endpoint.links[peer].runs = Runs::new(endpoint.incarnation, expect.incarnation);
            endpoint.links[peer].tainted = endpoint.reused || reused[peer];
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
        let reserve = endpoint.links.iter().any(|link| link.runs.needs_epoch(endpoint.epoch));
        let tainted = endpoint.links.iter().any(|link| link.tainted);
        let last = if reserve { Epoch::MAX } else { Epoch::LAST_FREE };
        let free = endpoint.closed_at.is_none() && epoch > endpoint.epoch && epoch <= last.get();
        ensure(begun.is_ok() == free || tainted, "E epoch", || format!("{} to {epoch}: {begun:?}", endpoint.epoch))?;
        if begun.is_ok() {
            endpoint.enter(epoch);
            self.endpoints.iter_mut().filter_map(|other| other.links.get_mut(index)).for_each(Link::relieve);
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
        // It plays the frame that is due, and sleeps again.
        self.at(self.now + 1, Scheduled::Doze(index));
        self.wake(index)
    }

    /// Lets an endpoint that is called late do nothing until its next call.
    fn doze(&mut self, index: usize) {
        let endpoint = &mut self.endpoints[index];
        if self.now < endpoint.late_until && endpoint.alive && !endpoint.stalled {
            endpoint.stalled = true;
            let next = self.now + endpoint.called_every_us;
            self.at(next, Scheduled::Resume(index));
        }
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

//! Polls an endpoint: every datagram that it sends and every event is checked against the laws.

use inputwire::{Health, MAX_DATAGRAM_SIZE, PeerId};

use super::breach::{Breach, ensure};
use super::endpoint::{Endpoint, Label, fill};
use super::machine::{INPUT_MAX, Reported};
use super::runs::Hello;
use super::tally::Kind;
use super::world::{Scheduled, World};

/// The most events about a peer besides its inputs.
const FEW: u64 = 16;
/// How long a session that was closed delivers inputs at most.
const CLOSED_US: u64 = 2_000_000;

impl World<'_> {
    /// Polls an endpoint until nothing is left, as far as it polls at this time.
    pub(crate) fn drain(&mut self, index: usize) -> Result<(), Breach> {
        if !self.endpoints[index].alive {
            return Ok(());
        }
        let endpoint = &self.endpoints[index];
        let (deaf, muted) = (endpoint.deaf_until > self.now, endpoint.muted_until > self.now);
        let events_first = endpoint.plan.events_first;
        if events_first && !deaf {
            self.take_events(index)?;
        }
        if !muted {
            self.take_datagrams(index)?;
        }
        if !events_first && !deaf {
            self.take_events(index)?;
        }
        let endpoint = &mut self.endpoints[index];
        let wake = endpoint.machine.next_wake().map(inputwire::Instant::as_micros);
        ensure(wake.is_none_or(|wake| wake > endpoint.seen), "8 progress", || {
            format!("{wake:?} at {}", endpoint.seen)
        })?;
        let delivered =
            endpoint.closed_at.map(|at| at.saturating_add(CLOSED_US).saturating_add(3 * self.plan.frame_us));
        let due = delivered.is_some_and(|at| at <= endpoint.seen) && !muted && !endpoint.is_at_last_instant();
        let closed = !due || endpoint.machine.is_closed();
        ensure(closed, "close", || format!("not over by {delivered:?}"))?;
        endpoint.wake_at =
            wake.and_then(|wake| endpoint.clock.when(wake)).filter(|_| !endpoint.plan.lazy || self.healed);
        Ok(())
    }

    fn take_datagrams(&mut self, index: usize) -> Result<(), Breach> {
        let mut buf = [0; MAX_DATAGRAM_SIZE];
        let mut sent = [0_u64; 8];
        while let Some((id, len)) = self.endpoints[index].machine.transmit(&mut buf) {
            let peer = self.endpoints[index].peer(id);
            let Some(peer) = peer else { return Err(Breach::of("13 totality", "a datagram to an unknown peer")) };
            let bytes = &buf[..len];
            let kind = 1 << (if bytes[0] < 0x80 { bytes[0] & 0x3f } else { 0x3f });
            ensure(sent[peer] & kind == 0, "9 bound", || format!("{:02x} twice in a drain", bytes[0]))?;
            sent[peer] |= kind;
            let label = self.check_sent(index, peer, bytes)?;
            self.labels.push(label);
            self.network.send(self.now, index, peer, bytes);
            self.trace_number(self.now);
            self.trace_bytes(bytes);
        }
        self.check_owed_acks(index)?;
        self.check_health(index)
    }

    /// A peer is silent from its limit on, which follows from the longer ping interval of both endpoints, and not before.
    fn check_health(&self, index: usize) -> Result<(), Breach> {
        let endpoint = &self.endpoints[index];
        for (peer, link) in endpoint.links.iter().enumerate() {
            let Some(id) = link.id.filter(|_| !link.closed && !link.tainted && endpoint.closed_at.is_none()) else {
                continue;
            };
            if self.plan.classic(index, peer) || endpoint.is_at_last_instant() {
                continue;
            }
            if link.left {
                let health = endpoint.machine.health(id);
                ensure(health == Some(Health::Disconnected), "health", || format!("{health:?} of {peer}, which left"))?;
                continue;
            }
            let unjudged = endpoint.seen - endpoint.judged_at();
            let silence = endpoint.machine.silence_us(id).map(|us| us.saturating_sub(unjudged));
            let health = endpoint.machine.health(id);
            let limit_us = self.silence_limit_us(index, peer);
            let right = match (silence, health) {
                (None, health) => health == Some(Health::Connecting),
                (Some(us), Some(Health::Interrupted | Health::Disconnected)) => us >= limit_us,
                (Some(us), _) => us < limit_us,
            };
            ensure(right, "health", || format!("{health:?} of {peer} after {silence:?} us, limit {limit_us}"))?;
            let judged = self.must_hear(index, peer) && !self.seems_to_arrive_before_it_was_sent(index, peer);
            let alarm = judged && health.is_none_or(|health| health > Health::Critical);
            ensure(!alarm, "17 no false alarm", || format!("{peer} is {health:?} on a quiet network"))?;
        }
        Ok(())
    }

    /// Every datagram was polled, so no acknowledgement may be overdue.
    fn check_owed_acks(&self, index: usize) -> Result<(), Breach> {
        let endpoint = &self.endpoints[index];
        let patience = self.plan.ack_delay_us(index);
        for (peer, link) in endpoint.links.iter().enumerate() {
            let patience = patience + self.rest_us(index, peer);
            let due = link.ack_owed_since.is_some_and(|since| endpoint.seen - since >= patience)
                && !endpoint.is_at_last_instant();
            let excused = endpoint.closed_at.is_some()
                || link.closed
                || link.left
                || link.runs.halted
                || link.tainted
                || link.id.is_none()
                || self.may_be_slow(index, peer);
            ensure(!due || excused, "10 liveness", || format!("{peer} still waits for its acknowledgement"))?;
        }
        Ok(())
    }

    fn check_sent(&mut self, index: usize, peer: usize, bytes: &[u8]) -> Result<Label, Breach> {
        let session = self.session;
        let silence_limit_us = self.silence_limit_us(index, peer);
        let endpoint = &mut self.endpoints[index];
        let (_, window) = endpoint.machine.sizes();
        let silence_us = endpoint.links[peer].id.and_then(|id| endpoint.machine.silence_us(id));
        let silent = silence_us.is_none_or(|us| us >= silence_limit_us);
        let seen = endpoint.seen;
        // At the end of time no later moment comes.
        let is_last = endpoint.is_at_last_instant();
        let ping_us = endpoint.ping_us;
        let told_us = self.plan.ping_us_of(index, false);
        let link = &mut endpoint.links[peer];
        if let Some(at) = endpoint.closed_at.filter(|_| bytes[0] == 0x21) {
            let delivered =
                endpoint.machine.unacked(link.id.expect("a peer")) == 0 || seen - at >= CLOSED_US || is_last;
            ensure(delivered || link.left || link.tainted, "close", || "a goodbye before the last inputs".into())?;
        }
        let meant = !link.left || matches!(bytes[0], 0x21 | 0x23);
        ensure(meant, "14 amplification", || format!("{:02x} to {peer}, which left", bytes[0]))?;
        let closed = link.closed || endpoint.closed_at.is_some() && !matches!(bytes[0], 0x21 | 0x80..);
        ensure(!closed, "14 amplification", || format!("{:02x} while closed", bytes[0]))?;
        ensure(bytes.len() <= self.plan.max_datagram_size.max(300) || bytes[0] < 0x20, "9 bound", || {
            format!("{} bytes", bytes.len())
        })?;
        let mut label = Label {
            from: index,
            to: peer,
            run: endpoint.run,
            incarnation: link.runs.local,
            to_run: if bytes[0] == 0x21 { link.runs.run() } else { link.runs.playing() },
            session,
            foreign: false,
            epoch: endpoint.epoch,
            input_end: endpoint.next,
            ack: link.recv_next,
            follows: false,
        };
        let spaced = |last: Option<u64>, us: u64| last.is_none_or(|last| seen - last >= us);
        match bytes[0] {
            0x80.. => {
                link.ack_owed_since = None;
                self.check_input_sent(&mut label, bytes)?;
            }
            0x01 => self.check_classic_input_sent(&label, bytes)?,
            0x20 => {
                let interval = ping_us.min(100_000);
                ensure(link.tainted || spaced(link.hello_at, interval), "14 amplification", || {
                    "two hellos in an interval".into()
                })?;
                let hello = Hello::read(bytes, self.plan.control_tag_len());
                let reason = link.hello_at.is_none()
                    || link.tainted
                    || silent
                    || link.is_stale()
                    || link.runs.has_reason(endpoint.epoch);
                ensure(reason, "14 amplification", || format!("a hello without a reason: {:?}", link.runs))?;
                link.hello_at = Some(seen);
                let expected = link.runs.send(&hello);
                ensure(link.tainted || hello == expected, "hello", || format!("{hello:?} instead of {expected:?}"))?;
            }
            // A pong answers one ping, the latest.
            0x03 | 0x11 => {
                let pinged = std::mem::take(&mut link.pings[usize::from(bytes[0] == 0x11)]);
                ensure(pinged, "14 amplification", || "a pong without a ping".into())?;
            }
            0x13 => {
                let fits = u64::try_from(bytes.len()).is_ok_and(|len| len <= 5 + 5 * window);
                ensure(fits && spaced(link.response_at, ping_us), "14 amplification", || {
                    "too many inputs in a response".into()
                })?;
                link.response_at = Some(seen);
            }
            // Whoever left and plays on is told so.
            0x23 => {
                let answers = std::mem::take(&mut link.told_due) && spaced(link.told_at, told_us);
                let short = bytes.len() == 4 + self.plan.control_tag_len();
                ensure(link.left && short && (answers || link.tainted), "14 amplification", || {
                    format!("{bytes:02x?} to {peer}")
                })?;
                link.told_at = Some(seen);
            }
            0x10 => {
                link.unanswered.validation_pings += 1;
                let needed = !link.unanswered.validated && link.unanswered.validation_pings <= 10;
                ensure(needed, "14 amplification", || format!("{:?}", link.unanswered))?;
            }
            0x12 => {
                let spaced = spaced(link.unanswered.requested_at, link.unanswered.request_us(self.plan.frame_us));
                ensure(spaced, "14 amplification", || format!("another request, of {:?}", link.unanswered))?;
                link.unanswered.requests += 1;
                link.unanswered.requested_at = Some(seen);
            }
            _ => {}
        }
        Ok(label)
    }

    /// A datagram carries all unacknowledged inputs, or as many of them as fit; after one that was cut, those that follow.
    fn check_input_sent(&mut self, label: &mut Label, bytes: &[u8]) -> Result<(), Breach> {
        let endpoint = &self.endpoints[label.from];
        let (size, _) = endpoint.machine.sizes();
        label.input_end = endpoint.next - (endpoint.next - u64::from(bytes[1]) % 256) % 256;
        let tag_len = self.plan.input_tag_len(label.from);
        let count = match bytes[0] & 15 {
            15 => 15 + u64::from(bytes[3 + tag_len]),
            count => u64::from(count),
        };
        let acked = endpoint.acked(label.to);
        let law = "6 first survivor";
        let begin = label.input_end - count;
        let cut_end = endpoint.links[label.to].cut_end;
        label.follows = begin > acked;
        let right = begin == acked || cut_end.is_some_and(|end| begin == end.max(acked));
        ensure(right, law, || format!("{count} to {} after {acked}, cut at {cut_end:?}", label.input_end))?;
        ensure(bytes[2] == label.ack.to_le_bytes()[0], law, || {
            format!("acknowledges {}, not {}", bytes[2], label.ack)
        })?;
        let fits = count <= 1 || bytes.len() <= self.plan.max_datagram_size;
        ensure(fits, "9 bound", || format!("{} bytes", bytes.len()))?;
        let cut = label.input_end < endpoint.next;
        self.endpoints[label.from].links[label.to].cut_end = cut.then_some(label.input_end);
        if cut {
            self.endpoints[label.from].links[label.to].cut_at = Some(self.now);
            self.tally.count(Kind::Cut);
            let longer = bytes.len() + (size * 11).div_ceil(8) + 2;
            ensure(longer > self.plan.max_datagram_size, law, || format!("cut at {} bytes", bytes.len()))?;
        }
        Ok(())
    }

    /// An INPUT of the classic wire carries the latest inputs of the epoch, and whatever none has carried yet.
    fn check_classic_input_sent(&mut self, label: &Label, bytes: &[u8]) -> Result<(), Breach> {
        let endpoint = &mut self.endpoints[label.from];
        let all = endpoint.next - endpoint.first;
        let newest = frame_of(&bytes[3..7]) + 1;
        let count = u64::from(bytes[7]);
        let (_, window) = endpoint.machine.sizes();
        let sent_end = &mut endpoint.links[label.to].sent_end;
        let unsent = endpoint.next - *sent_end;
        let most = window.min(unsent.max(self.plan.redundancy.into()));
        let holds = unsent > 0 && newest == endpoint.next && count == all.min(most);
        *sent_end = endpoint.next;
        ensure(holds, "6 first survivor", || format!("{count} to {newest} of {all} to {}", endpoint.next))
    }

    fn take_events(&mut self, index: usize) -> Result<(), Breach> {
        let mut bytes = [0; INPUT_MAX];
        let (_, window) = self.endpoints[index].machine.sizes();
        let peers = u64::try_from(self.endpoints.len()).expect("few ends") - 1;
        let mut count = 0;
        let mut newest: [Option<u32>; 8] = [None; 8];
        while let Some(report) = self.endpoints[index].machine.event(&mut bytes) {
            count += 1;
            ensure(count <= peers * (window + FEW), "9 bound", || format!("{count} events at once"))?;
            if let Reported::Input { peer, frame } = report {
                let from = self.endpoints[index].peer(peer).expect("a peer");
                ensure(newest[from] < Some(frame), "2 order", || format!("{frame} after {:?}", newest[from]))?;
                newest[from] = Some(frame);
                self.check_delivered(index, from, frame, &bytes)?;
            } else {
                self.take_report(index, report)?;
            }
        }
        self.check_lost(index)
    }

    /// Every event was polled, so on the classic wire each frame is delivered, lost or still missing.
    fn check_lost(&self, index: usize) -> Result<(), Breach> {
        let endpoint = &self.endpoints[index];
        for (peer, link) in endpoint.links.iter().enumerate().filter(|(peer, _)| self.plan.classic(index, *peer)) {
            let Some(id) = link.id else { continue };
            let delivered = u64::try_from(link.delivered_frames.len()).expect("a number of frames");
            let missing = u64::from(endpoint.machine.missing(id));
            ensure(delivered + link.lost + missing == link.front - endpoint.first, "2 order", || {
                format!("of {peer}: {delivered} delivered, {} lost, {missing} missing, up to {}", link.lost, link.front)
            })?;
        }
        Ok(())
    }

    fn take_report(&mut self, index: usize, report: Reported) -> Result<(), Breach> {
        match report {
            Reported::Restarted { peer } => {
                let from = self.endpoints[index].peer(peer).expect("a peer");
                self.check_all_delivered(index, peer)?;
                let link = &mut self.endpoints[index].links[from];
                let expected = std::mem::take(&mut link.restarts) > 0 || link.tainted;
                ensure(expected, "restart", || format!("{from} did not restart"))?;
                let announced = link.runs.announced;
                self.will_follow(index, self.endpoints[index].epoch.max(announced).saturating_add(1));
            }
            Reported::Runs { peer } => {
                let link = &self.endpoints[index].links[self.endpoints[index].peer(peer).expect("a peer")];
                // A hello that was on its way since before the link is late by as much as a clock jumps ahead.
                let told = self.plan.has_restarts() || self.plan.has_jumps() || link.tainted || link.doubled;
                return ensure(told, "runs", || "a second program was reported where nobody restarted".into());
            }
            Reported::Ahead { peer, epoch } => {
                self.check_all_delivered(index, peer)?;
                let link = &self.endpoints[index].links[self.endpoints[index].peer(peer).expect("a peer")];
                ensure(link.tainted || link.runs.announced == epoch, "E epoch", || {
                    format!("ahead in {epoch}, while its run announced {}", link.runs.announced)
                })?;
                self.will_follow(index, epoch);
            }
            Reported::Mismatch { peer } => {
                let from = self.endpoints[index].peer(peer).expect("a peer");
                self.endpoints[index].links[from].mismatch_reported = true;
            }
            Reported::Lost { peer, first, count } => {
                let from = self.endpoints[index].peer(peer).expect("a peer");
                self.endpoints[index].links[from].lost += u64::from(count);
                let delivered = self.endpoints[index].links[from].delivered_frames.contains(&first);
                return ensure(!delivered, "2 order", || format!("{first} is lost, but was delivered"));
            }
            Reported::Desync { peer, frame } => {
                let tainted = self.endpoints[index].links[self.endpoints[index].peer(peer).expect("a peer")].tainted;
                return ensure(tainted, "desync", || format!("both endpoints have the same state after {frame}"));
            }
            Reported::Departed { peer } => {
                let from = self.endpoints[index].peer(peer).expect("a peer");
                self.check_all_delivered(index, peer)?;
                ensure(self.endpoints[index].links[from].left, "departure", || format!("{from} did not leave"))?;
                self.tally.count(Kind::Departed);
                let lag = if self.healed { 0 } else { self.endpoints[index].plan.lag_us };
                self.at(self.now + lag, Scheduled::Readmit(index));
            }
            Reported::Dropped { by } => {
                let tainted = self.endpoints[index].links[self.endpoints[index].peer(by).expect("a peer")].tainted;
                ensure(tainted, "departure", || "an endpoint that did not leave was dropped".into())?;
                let endpoint = &mut self.endpoints[index];
                endpoint.closed_at.get_or_insert(endpoint.seen);
                self.at(self.now, Scheduled::Stop(index));
            }
            Reported::Input { .. } | Reported::Other => {}
        }
        Ok(())
    }

    /// Whoever is told of another epoch throws the window away, so every input that is held comes first.
    fn check_all_delivered(&self, index: usize, peer: PeerId) -> Result<(), Breach> {
        let from = self.endpoints[index].peer(peer).expect("a peer");
        let link = &self.endpoints[index].links[from];
        ensure(link.delivered >= link.recv_next || link.tainted, "2 order", || {
            format!("another epoch before the inputs {} to {} of {from}", link.delivered, link.recv_next)
        })
    }

    fn will_follow(&mut self, index: usize, epoch: u32) {
        let lag = if self.healed { 0 } else { self.endpoints[index].plan.lag_us };
        let endpoint = &mut self.endpoints[index];
        endpoint.follow = endpoint.follow.max(Some(epoch));
        self.at(self.now + lag, Scheduled::Follow(index));
    }

    /// Laws 1 and 2: every delivered input is the one that was pushed, and each frame is delivered once.
    fn check_delivered(
        &mut self,
        index: usize,
        from: usize,
        frame: u32,
        bytes: &[u8; INPUT_MAX],
    ) -> Result<(), Breach> {
        self.tally.delivered += 1;
        self.trace_number(u64::from(frame));
        let classic = self.plan.classic(index, from);
        let endpoint = &mut self.endpoints[index];
        let (size, _) = endpoint.machine.sizes();
        let epoch = endpoint.epoch;
        let link = &mut endpoint.links[from];
        if classic {
            ensure(link.delivered_frames.insert(frame), "2 order", || format!("{frame} is delivered twice"))?;
        } else {
            ensure(u64::from(frame) == link.delivered, "2 order", || {
                format!("{frame} is delivered instead of {}", link.delivered)
            })?;
            link.delivered += 1;
        }
        if link.tainted {
            return Ok(());
        }
        let source = link.source;
        ensure(self.plan.compatible(index, from), "1 integrity", || format!("{frame} of a mismatched end"))?;
        let Some(run) = source else { return Err(Breach::of("1 integrity", "an input that no datagram carried")) };
        let mut pushed = [0; INPUT_MAX];
        fill(self.plan, run, epoch, u64::from(frame), &mut pushed[..size]);
        let pushed_to = self.runs[run].pushed_in(epoch);
        ensure(u64::from(frame) < pushed_to, "1 integrity", || format!("{frame} was never pushed"))?;
        ensure(pushed[..size] == bytes[..size], "1 integrity", || {
            format!("{frame} is {:02x?}, not {:02x?}", &bytes[..size], &pushed[..size])
        })
    }

    /// Every endpoint that accepted a hello with other settings reports it, if it polls its events.
    pub(crate) fn check_mismatches(&mut self) -> Result<(), Breach> {
        let polls = |endpoint: &&Endpoint| {
            endpoint.alive && !endpoint.stalled && endpoint.deaf_until == 0 && !endpoint.plan.lazy
        };
        for endpoint in self.endpoints.iter().filter(polls) {
            let unreported =
                endpoint.links.iter().position(|link| link.mismatch && !link.mismatch_reported && !link.tainted);
            ensure(unreported.is_none(), "mismatch", || {
                format!("the settings of {unreported:?} differ, which was not reported")
            })?;
        }
        Ok(())
    }
}

/// Reads a frame as the classic wire writes it.
pub(crate) fn frame_of(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

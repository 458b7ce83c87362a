//! A datagram arrives: what the session does with it is compared with what the oracle knows about it.

use inputwire::DatagramError;

use super::breach::{Breach, ensure};
use super::drain::frame_of;
use super::endpoint::{Label, Link};
use super::machine::{Checks, Handled};
use super::network::Datagram;
use super::plan::Mismatch;
use super::runs::{Expected, Hello};
use super::tally::Kind;
use super::world::World;

pub(crate) const HELLO: u8 = 0x20;
const BYE: u8 = 0x21;
const CHECKSUMS: u8 = 0x22;
const WORD: u8 = 0x23;
/// After this silence a peer is interrupted, if the ping intervals are short.
const INTERRUPT_US: u64 = 500_000;

/// The state of a receiver before a datagram arrived.
#[derive(Clone, Copy, Debug)]
struct Before {
    recv_next: u64,
    acked: u64,
    /// How long the session had not heard from the sender, and the latest time that it had been given.
    silence_us: Option<u64>,
    seen: u64,
}

impl World<'_> {
    pub(crate) fn arrive(&mut self, datagram: Datagram) -> Result<(), Breach> {
        let (index, from) = (datagram.to, datagram.from);
        if self.endpoints[index].stalled && self.endpoints[index].alive {
            self.endpoints[index].backlog.push(datagram);
            return Ok(());
        }
        if !self.endpoints[index].alive || index == from {
            return Ok(());
        }
        let Some(id) = self.endpoints[index].links[from].id else { return Ok(()) };
        self.check_deadlines(index)?;

        let label = self.labels[datagram.id];
        let strange = datagram.altered
            || label.foreign
            || label.run != self.endpoints[from].run
            || label.epoch != self.endpoints[index].epoch;
        let checks = self.choose_checks(index, strange);
        self.tally.twins += u64::from(checks.refusal) + u64::from(checks.repetition);
        let endpoint = &mut self.endpoints[index];
        let link = &endpoint.links[from];
        let silence_us = endpoint.machine.silence_us(id);
        let mut before = Before { recv_next: link.recv_next, acked: link.acked, silence_us, seen: endpoint.seen };
        let local = endpoint.read_clock(self.now);
        if datagram.bytes.first() == Some(&HELLO) {
            // What a hello may do depends on the silence when it arrives.
            endpoint.machine.timeout(local);
            before.silence_us = endpoint.machine.silence_us(id);
        }
        let left = endpoint.links[from].left;
        let handled = endpoint.machine.handle(local, id, &datagram.bytes, checks)?;
        let (recv_next, acked) = (endpoint.recv_next(from), endpoint.acked(from));
        let rtt_us = endpoint.machine.rtt_us(id);
        let link = &mut endpoint.links[from];
        link.least_rtt_us = link.least_rtt_us.into_iter().chain(rtt_us).min();
        ensure(recv_next >= before.recv_next && acked >= before.acked, "5 monotony", || {
            format!("next frame {} to {recv_next}, acknowledged {} to {acked}", before.recv_next, before.acked)
        })?;
        let link = &mut endpoint.links[from];
        (link.recv_next, link.acked) = (recv_next, acked);
        if recv_next > before.recv_next || acked > before.acked {
            link.progress_at = endpoint.seen;
        }
        if self.queues(index, from) {
            self.endpoints[index].links[from].queued_at = Some(self.endpoints[index].seen);
        }
        self.count_old(&label, &datagram);
        if self.plan.classic(index, from) {
            self.check_classic(&label, &datagram, handled)?;
        } else {
            if left {
                self.check_unused(&label, &datagram, handled, before)?;
            } else {
                self.check_compact(&label, &datagram, handled, before)?;
                self.check_sign_of_life(&label, &datagram, handled, before)?;
            }
            self.check_departure(&datagram, handled)?;
        }
        if self.endpoints[index].plan.lazy && !self.healed { Ok(()) } else { self.drain(index) }
    }

    /// Chooses the laws to check: often where something is strange, and seldom where a clone is large.
    fn choose_checks(&mut self, index: usize, strange: bool) -> Checks {
        let (size, window) = self.endpoints[index].machine.sizes();
        let large = u64::try_from(size).expect("a size") * window > 2_048;
        let odds = if large { 32 } else { 4 };
        Checks {
            refusal: self.rng.one_in(if strange { odds / 4 } else { odds }),
            repetition: self.rng.one_in(odds * 4),
        }
    }

    fn count_old(&mut self, label: &Label, datagram: &Datagram) {
        let endpoint = &self.endpoints[datagram.to];
        if label.session != self.session {
            self.tally.count(Kind::OldSession);
        } else if label.run != self.endpoints[label.from].run {
            self.tally.count(Kind::OldRun);
        } else if label.epoch < endpoint.epoch {
            self.tally.count(Kind::OldEpoch);
        }
    }

    /// The classic wire has no tag: a stale or damaged datagram may be accepted, and then nothing can be demanded any more.
    fn check_classic(&mut self, label: &Label, datagram: &Datagram, handled: Handled) -> Result<(), Breach> {
        let frame_us = self.plan.frame_us;
        let endpoint = &mut self.endpoints[datagram.to];
        let (_, window) = endpoint.machine.sizes();
        let frames = carried_frames(&datagram.bytes);
        // Twice the frames that fit the time since the front moved.
        let seen = endpoint.seen;
        let limit = |link: &Link| link.front + window + (seen - link.front_at).saturating_mul(2) / frame_us;
        let link = &endpoint.links[datagram.from];
        if let Some(lowest) = frames.first()
            && !datagram.altered
            && label.from == datagram.from
        {
            let what = || format!("{handled:?} for {lowest} of {}", limit(link));
            ensure(handled.is_err() == (*lowest >= limit(link)), "far frame", what)?;
        }
        if handled.is_err() {
            return Ok(());
        }
        let link = &mut endpoint.links[datagram.from];
        // In the order of their numbers, until one is too far.
        for frame in frames {
            if frame >= limit(link) || frame == u32::MAX.into() {
                break;
            }
            if frame >= link.front {
                (link.front, link.front_at) = (frame + 1, seen);
            }
        }
        link.unanswered.receive(datagram.bytes[0]);
        let source = *link.source.get_or_insert(label.run);
        link.tainted |= datagram.altered || source != label.run || label.epoch != endpoint.epoch;
        match datagram.bytes.first() {
            Some(0x02) => link.pings[0] = true,
            Some(0x10) => link.pings[1] = true,
            _ => {}
        }
        Ok(())
    }

    /// Only a datagram that cannot be a replay is a sign of life: one with news, with a newer timing block, or a hello.
    fn check_sign_of_life(
        &mut self,
        label: &Label,
        datagram: &Datagram,
        handled: Handled,
        before: Before,
    ) -> Result<(), Breach> {
        let from_peer = self.is_hello_from(label, datagram);
        // The low byte of a block's `sent`: behind the front, the tag, a long count, the stamp and the echo.
        let long_count = usize::from(datagram.bytes.first().is_some_and(|first| first & 15 == 15));
        let number_at = 3 + self.plan.input_tag_len(datagram.from) + long_count + 5;
        let endpoint = &mut self.endpoints[datagram.to];
        let link = &mut endpoint.links[datagram.from];
        let Some(id) = link.id else { return Ok(()) };
        let alive = match datagram.bytes.first() {
            _ if link.tainted => return Ok(()),
            Some(&HELLO) if !from_peer => return Ok(()),
            Some(&HELLO) => std::mem::take(&mut link.hello_lives),
            Some(tag @ 0x80..) if handled.is_ok() => {
                let newer = link.block.is_none_or(|(run, block)| run != label.incarnation || block < datagram.id);
                let used = tag & 0x40 != 0 && newer;
                if let Some(number) = datagram.bytes.get(number_at).filter(|_| tag & 0x40 != 0) {
                    let (count, last) = link.old_blocks;
                    link.old_blocks = (if used { 0 } else { count + u32::from(last != *number) }, *number);
                }
                if used {
                    link.block = Some((label.incarnation, datagram.id));
                }
                if tag & 0x0f != 0 {
                    link.ack_owed_since.get_or_insert(endpoint.seen);
                }
                if link.runs.accept(true) {
                    link.hello_at = None;
                }
                let alive = used || link.recv_next > before.recv_next || link.acked > before.acked;
                if alive {
                    link.runs.live();
                }
                alive
            }
            _ => false,
        };
        if alive {
            link.lived_at = Some(endpoint.seen);
        }
        let silence_us = endpoint.machine.silence_us(id);
        let stands = before.seen == endpoint.seen || endpoint.is_at_last_instant();
        let as_before = before.silence_us == Some(0) && stands;
        ensure(alive == (silence_us == Some(0)) || as_before, "sign of life", || {
            format!(
                "silent for {:?} before, {silence_us:?} after {handled:?} to {:02x?}",
                before.silence_us, datagram.bytes
            )
        })
    }

    fn check_compact(
        &mut self,
        label: &Label,
        datagram: &Datagram,
        handled: Handled,
        before: Before,
    ) -> Result<(), Breach> {
        match datagram.bytes.first() {
            Some(0x80..) => self.check_input(label, datagram, handled, before),
            Some(&HELLO) => self.check_hello(label, datagram, handled, before),
            Some(&CHECKSUMS) => {
                let genuine = self.is_current(label, datagram);
                self.check_tag(datagram, handled, genuine)?;
                let link = &mut self.endpoints[datagram.to].links[datagram.from];
                if genuine && handled.is_ok() && link.runs.accept(false) {
                    link.hello_at = None;
                }
                Ok(())
            }
            Some(&BYE) => {
                let runs = &self.endpoints[datagram.to].links[datagram.from].runs;
                let of_these_runs = label.to_run == Some(runs.local) && runs.run() == Some(label.incarnation);
                self.check_tag(datagram, handled, self.is_from(label, datagram) && of_these_runs)
            }
            Some(&WORD) => {
                let genuine = self.is_current(label, datagram);
                self.check_tag(datagram, handled, genuine)
            }
            _ => ensure(handled.is_err(), "13 totality", || format!("{:02x?} was accepted", datagram.bytes)),
        }
    }

    /// Inputs and words of one that left are judged by their tag, the rest is ignored; nothing changes anything.
    fn check_unused(
        &mut self,
        label: &Label,
        datagram: &Datagram,
        handled: Handled,
        before: Before,
    ) -> Result<(), Breach> {
        match datagram.bytes.first() {
            Some(0x80..) => {
                let sent = self.is_from(label, datagram);
                self.check_tag(datagram, handled, sent)?;
                self.endpoints[datagram.to].links[datagram.from].told_due |= handled.is_ok();
            }
            Some(&WORD) => self.check_tag(datagram, handled, self.is_current(label, datagram))?,
            _ => {}
        }
        let endpoint = &self.endpoints[datagram.to];
        let link = &endpoint.links[datagram.from];
        let same = (link.recv_next, link.acked) == (before.recv_next, before.acked);
        let silence_us = link.id.and_then(|id| endpoint.machine.silence_us(id));
        let heard = silence_us == Some(0) && before.silence_us != Some(0);
        ensure(same && !heard, "departure", || format!("{handled:?}: {:02x?} of one that left", datagram.bytes))
    }

    /// Only a goodbye under a key ends a link.
    fn check_departure(&mut self, datagram: &Datagram, handled: Handled) -> Result<(), Breach> {
        let (index, from) = (datagram.to, datagram.from);
        let endpoint = &mut self.endpoints[index];
        let link = &mut endpoint.links[from];
        let Some(id) = link.id else { return Ok(()) };
        let bye = datagram.bytes.first() == Some(&BYE) && handled.is_ok();
        let leaves = self.plan.keyed && bye && endpoint.closed_at.is_none();
        let (expected, left) = (link.left || leaves, endpoint.machine.has_left(id));
        ensure(left == expected || link.tainted, "departure", || format!("{from} left: {left}, not {expected}"))?;
        if left && !link.left {
            link.left = true;
            link.relieve();
            self.endpoints[from].links.get_mut(index).into_iter().for_each(Link::relieve);
        }
        Ok(())
    }

    /// Whether the datagram is what its sender sent to this endpoint in this session.
    fn is_from(&self, label: &Label, datagram: &Datagram) -> bool {
        self.is_sent(label, datagram) && self.plan.compatible(datagram.from, datagram.to)
    }

    /// The same for a hello, whose tag covers no settings.
    fn is_hello_from(&self, label: &Label, datagram: &Datagram) -> bool {
        let readable = |mismatch| !matches!(mismatch, Mismatch::SessionId | Mismatch::Key);
        let (from, to) = (datagram.from, datagram.to);
        let agree = self
            .plan
            .mismatch
            .is_none_or(|(endpoint, mismatch)| readable(mismatch) || endpoint != from && endpoint != to);
        self.is_sent(label, datagram) && agree
    }

    fn is_sent(&self, label: &Label, datagram: &Datagram) -> bool {
        !datagram.altered && (label.from, label.to) == (datagram.from, datagram.to) && label.session == self.session
    }

    /// A datagram that is not `genuine` must be refused; without a key, one in 65,536 passes.
    fn check_tag(&mut self, datagram: &Datagram, handled: Handled, genuine: bool) -> Result<(), Breach> {
        let (one, other) = (datagram.to, datagram.from);
        let tainted = self.endpoints[one].links[other].tainted;
        if genuine || tainted {
            return Ok(());
        }
        self.tally.forged += u64::from(!self.plan.keyed);
        if handled.is_err() {
            return Ok(());
        }
        ensure(!self.plan.keyed, "tag", || format!("accepted a forged datagram: {datagram:?}"))?;
        self.tally.forged_accepted += 1;
        self.endpoints[one].links[other].tainted = true;
        self.endpoints[other].links.get_mut(one).into_iter().for_each(|link| link.tainted = true);
        Ok(())
    }

    /// Whether the datagram is of the current runs and of the receiver's epoch.
    fn is_current(&self, label: &Label, datagram: &Datagram) -> bool {
        let endpoint = &self.endpoints[datagram.to];
        let link = &endpoint.links[datagram.from];
        self.is_from(label, datagram)
            && (link.runs.playing(), label.to_run) == (Some(label.incarnation), Some(link.runs.local))
            && label.epoch == endpoint.epoch
    }

    fn check_input(
        &mut self,
        label: &Label,
        datagram: &Datagram,
        handled: Handled,
        before: Before,
    ) -> Result<(), Breach> {
        let next = self.endpoints[datagram.to].next;
        let genuine = self.is_current(label, datagram)
            && expand_end(before.recv_next, label.input_end) == Some(label.input_end)
            && expand_ack(next, label.ack) == Some(label.ack);
        self.check_tag(datagram, handled, genuine)?;
        let endpoint = &mut self.endpoints[datagram.to];
        let link = &mut endpoint.links[datagram.from];
        if !genuine || link.tainted {
            return Ok(());
        }
        let what = || format!("{handled:?}: next frame {} to {}, {label:?}", before.recv_next, link.recv_next);
        if handled.is_err() {
            let gap = label.follows && handled == Err(DatagramError::OutOfSync);
            return ensure(gap || label.input_end < before.recv_next, "6 first survivor", what);
        }
        let (_, window) = endpoint.machine.sizes();
        ensure(link.recv_next >= label.input_end.min(link.delivered + window), "6 first survivor", what)?;
        ensure(link.recv_next <= before.recv_next.max(label.input_end), "1 integrity", what)?;
        ensure(link.recv_next <= link.delivered + window, "9 bound", || {
            "more was accepted than there are free slots for".into()
        })?;
        if link.recv_next > before.recv_next {
            ensure(*link.source.get_or_insert(label.run) == label.run, "1 integrity", || {
                "the inputs of two runs are mixed".into()
            })?;
        }
        if datagram.bytes[0] & 15 > 0 {
            self.expect_ack(datagram.to, datagram.from);
        }
        self.check_ack(datagram.to, datagram.from)
    }

    /// Law 7: whatever the other endpoint lacks is still in the send window.
    fn check_ack(&self, index: usize, from: usize) -> Result<(), Breach> {
        let (endpoint, other) = (&self.endpoints[index], &self.endpoints[from]);
        let (link, back) = (&endpoint.links[from], &other.links[index]);
        let (ours, theirs) = (&link.runs, &back.runs);
        let together = other.alive && ours.playing() == Some(theirs.local) && theirs.playing() == Some(ours.local);
        if !together || other.epoch != endpoint.epoch || back.tainted {
            return Ok(());
        }
        let law = "7 no loss by ack";
        ensure(link.acked <= back.recv_next, law, || {
            format!("{} acknowledged of {} received", link.acked, back.recv_next)
        })?;
        let here = |frame: u64| frame >= endpoint.next || endpoint.machine.has_local_input(frame);
        ensure(here(back.recv_next) && here(link.acked), law, || format!("frame {} is gone", back.recv_next))
    }

    fn check_hello(
        &mut self,
        label: &Label,
        datagram: &Datagram,
        handled: Handled,
        before: Before,
    ) -> Result<(), Breach> {
        let (index, from) = (datagram.to, datagram.from);
        if self.is_misdirected(label, datagram) {
            // It is reported as one of wrong players, or refused as the endpoint's own. Either way it has no effect.
            return Ok(());
        }
        if !datagram.altered && label.session == self.session && self.mismatches(label, datagram) {
            // It is reported, and has no other effect.
            self.endpoints[index].links[from].mismatch = true;
            return ensure(handled.is_ok(), "hello", || format!("{handled:?}"));
        }
        let genuine = self.is_hello_from(label, datagram);
        self.check_tag(datagram, handled, genuine)?;
        if !genuine || self.endpoints[index].links[from].tainted {
            return Ok(());
        }
        let hello = Hello::read(&datagram.bytes, self.plan.control_tag_len());
        let silence_limit_us = self.silence_limit_us(index, from);
        let seen = self.endpoints[index].seen;
        let link = &mut self.endpoints[index].links[from];
        let alive = match (before.silence_us, link.lived_at) {
            (Some(us), _) => us < silence_limit_us,
            (None, None) => false,
            // The transport opened since.
            (None, Some(at)) => seen - at < silence_limit_us,
        };
        let expected = link.runs.receive(&hello, alive);
        let right = match expected {
            Expected::Late => handled == Err(DatagramError::LateHello),
            Expected::OtherRun => handled == Err(DatagramError::OtherRun),
            _ => handled.is_ok(),
        };
        ensure(right, "hello", || format!("{handled:?} instead of {expected:?} for {hello:?}, {:?}", link.runs))?;
        if matches!(expected, Expected::Candidate | Expected::Believed) {
            link.hello_at = None;
        }
        link.hello_lives = matches!(expected, Expected::Alive | Expected::Believed);
        if link.hello_lives && link.is_stale() {
            // The numbers of its blocks count anew.
            (link.block, link.old_blocks) = (None, (0, 0));
        }
        if expected == Expected::Believed && link.runs.halted {
            link.restarts += 1;
        }
        Ok(())
    }

    /// Whether a hello shows that the settings of two endpoints differ.
    fn mismatches(&self, label: &Label, datagram: &Datagram) -> bool {
        let (index, from) = (datagram.to, datagram.from);
        let mismatch = label.foreign.then_some((from, Mismatch::Window)).or(self.plan.mismatch);
        mismatch.is_some_and(|(endpoint, mismatch)| {
            (endpoint == index || endpoint == from)
                && match mismatch {
                    Mismatch::SessionId | Mismatch::Key | Mismatch::FrameInterval => false,
                    Mismatch::FirstFrame => label.epoch == self.endpoints[index].epoch,
                    Mismatch::InputLen | Mismatch::Window | Mismatch::Player | Mismatch::TagSize => true,
                }
        })
    }

    /// After which silence an endpoint gives up another's run.
    pub(crate) fn silence_limit_us(&self, index: usize, from: usize) -> u64 {
        let endpoint = &self.endpoints[index];
        let ping_us = self.plan.ping_us_of(index, false).max(endpoint.links[from].runs.ping_us);
        INTERRUPT_US.max(ping_us * 5 / 2)
    }

    /// Whether this is an intact hello from or for another endpoint.
    fn is_misdirected(&self, label: &Label, datagram: &Datagram) -> bool {
        !datagram.altered
            && label.session == self.session
            && (label.from, label.to) != (datagram.from, datagram.to)
            && datagram.bytes.first() == Some(&HELLO)
    }
}

/// Expands the low bits of an end of frames as a receiver does (PROTOCOL 3.7).
fn expand_end(recv_next: u64, endpoint: u64) -> Option<u64> {
    let ahead = endpoint.wrapping_sub(recv_next) & 0xff;
    if ahead < 0x80 { recv_next.checked_add(ahead) } else { (recv_next + ahead).checked_sub(0x100) }
}

fn expand_ack(next: u64, ack: u64) -> Option<u64> {
    next.checked_sub(next.wrapping_sub(ack) & 0xff)
}

/// Returns the frames of a classic datagram with inputs, in the order of their numbers.
fn carried_frames(bytes: &[u8]) -> Vec<u64> {
    let head = match bytes.first() {
        Some(0x01) => 9,
        Some(0x13) => 5,
        _ => return Vec::new(),
    };
    let pairs = bytes.get(head..).filter(|pairs| pairs.len() % 5 == 0).unwrap_or_default();
    let mut frames: Vec<u64> = pairs.chunks(5).map(|pair| frame_of(&pair[..4])).collect();
    frames.sort_unstable();
    frames
}

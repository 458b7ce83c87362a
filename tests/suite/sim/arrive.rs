//! A datagram arrives: what the session makes of it is held against what the oracle knows of it.

use super::breach::{Breach, demand};
use super::drain::frame_of;
use super::end::Label;
use super::machine::{Handled, Look};
use super::network::Datagram;
use super::plan::Mismatch;
use super::tally::Kind;
use super::world::World;

const HELLO: u8 = 0x20;
const BYE: u8 = 0x21;
const CHECKSUMS: u8 = 0x22;

/// What a receiver held before a datagram came.
#[derive(Clone, Copy, Debug)]
struct Before {
    want: u64,
    acked: u64,
    /// When the session had heard the other last, by its clock, and the time it was told last.
    silence_us: Option<u64>,
    seen: u64,
}

impl World<'_> {
    pub(crate) fn arrive(&mut self, datagram: Datagram) -> Result<(), Breach> {
        let (index, from) = (datagram.to, datagram.from);
        if self.ends[index].stalled && self.ends[index].alive {
            self.ends[index].backlog.push(datagram);
            return Ok(());
        }
        if !self.ends[index].alive || index == from {
            return Ok(());
        }
        let Some(id) = self.ends[index].links[from].id else { return Ok(()) };
        self.expire(index)?;

        let label = self.labels[datagram.id];
        let strange = datagram.altered || label.run != self.ends[from].run || label.epoch != self.ends[index].epoch;
        let look = self.look(index, strange);
        self.tally.twins += u64::from(look.refusal) + u64::from(look.repetition);
        let end = &mut self.ends[index];
        let link = &end.links[from];
        let silence_us = end.machine.silence_us(id);
        let before = Before { want: link.want, acked: link.acked, silence_us, seen: end.seen };
        let local = end.look_at_clock(self.now);
        let handled = end.machine.handle(local, id, &datagram.bytes, look)?;
        let (want, acked) = (end.want(from), end.acked(from));
        demand(want >= before.want && acked >= before.acked, "5 monotony", || {
            format!("want {} to {want}, acknowledged {} to {acked}", before.want, before.acked)
        })?;
        let link = &mut end.links[from];
        (link.want, link.acked) = (want, acked);
        if want > before.want || acked > before.acked {
            link.moved_at = end.seen;
        }
        self.count_what_is_old(&label, &datagram);
        if self.plan.classic(index, from) {
            self.judge_classic(&label, &datagram, handled)?;
        } else {
            self.judge_compact(&label, &datagram, handled, before)?;
            self.judge_hearing(&label, &datagram, handled, before)?;
        }
        if self.ends[index].plan.lazy && !self.healed { Ok(()) } else { self.drain(index) }
    }

    /// Twins are dear where windows are large, and tell most where something is strange.
    fn look(&mut self, index: usize, strange: bool) -> Look {
        let (size, window) = self.ends[index].machine.sizes();
        let large = u64::try_from(size).expect("a size") * window > 2_048;
        let odds = if large { 32 } else { 4 };
        Look { refusal: self.rng.one_in(if strange { odds / 4 } else { odds }), repetition: self.rng.one_in(odds * 4) }
    }

    fn count_what_is_old(&mut self, label: &Label, datagram: &Datagram) {
        let end = &self.ends[datagram.to];
        if label.session != self.session {
            self.tally.count(Kind::OldSession);
        } else if label.run != self.ends[label.from].run {
            self.tally.count(Kind::OldRun);
        } else if label.epoch < end.epoch {
            self.tally.count(Kind::OldEpoch);
        }
    }

    /// This wire has no check: whatever is of another time or was damaged may be taken, and then proves nothing.
    fn judge_classic(&mut self, label: &Label, datagram: &Datagram, handled: Handled) -> Result<(), Breach> {
        let frame_us = self.plan.frame_us;
        let end = &mut self.ends[datagram.to];
        let (_, window) = end.machine.sizes();
        let newest = newest(&datagram.bytes);
        // Twice what the time since then allows.
        let link = &end.links[datagram.from];
        let limit = link.front + window + (end.seen - link.front_at).saturating_mul(2) / frame_us;
        if let Some(newest) = newest
            && !datagram.altered
            && label.from == datagram.from
            && !end.is_at_the_end_of_time()
        {
            let what = || format!("{handled:?} for {newest} of {limit}");
            demand(handled.is_err() == (newest >= limit), "far frame", what)?;
        }
        if handled.is_err() {
            return Ok(());
        }
        let link = &mut end.links[datagram.from];
        if let Some(newest) = newest.filter(|newest| *newest >= link.front) {
            (link.front, link.front_at) = (newest + 1, end.seen);
        }
        let source = *link.source.get_or_insert(label.run);
        link.lax |= datagram.altered || source != label.run || label.epoch != end.epoch;
        match datagram.bytes.first() {
            Some(0x02) => link.pings[0] = true,
            Some(0x10) => link.pings[1] = true,
            _ => {}
        }
        Ok(())
    }

    /// Only what cannot be a replay is a sign of life: what moves something, a newer timing block, a hello.
    fn judge_hearing(
        &mut self,
        label: &Label,
        datagram: &Datagram,
        handled: Handled,
        before: Before,
    ) -> Result<(), Breach> {
        let from_peer = self.is_from(label, datagram);
        let end = &mut self.ends[datagram.to];
        let link = &mut end.links[datagram.from];
        let Some(id) = link.id else { return Ok(()) };
        let heard = match datagram.bytes.first() {
            _ if link.lax => return Ok(()),
            Some(&HELLO) if !from_peer => return Ok(()),
            Some(&HELLO) => handled.is_ok(),
            Some(tag @ 0x80..) if handled.is_ok() => {
                let newer = link.block.is_none_or(|(run, block)| run != label.run || block < datagram.id);
                let used = tag & 0x40 != 0 && newer;
                if used {
                    link.block = Some((label.run, datagram.id));
                }
                if tag & 0x0f != 0 {
                    link.owes_since.get_or_insert(end.seen);
                }
                used || link.want > before.want || link.acked > before.acked
            }
            _ => false,
        };
        let silence_us = end.machine.silence_us(id);
        let stands = before.seen == end.seen || end.is_at_the_end_of_time();
        let as_before = before.silence_us == Some(0) && stands;
        demand(heard == (silence_us == Some(0)) || as_before, "hearing", || {
            format!(
                "silent for {:?} before, {silence_us:?} after {handled:?} for {:02x?}",
                before.silence_us, datagram.bytes
            )
        })
    }

    fn judge_compact(
        &mut self,
        label: &Label,
        datagram: &Datagram,
        handled: Handled,
        before: Before,
    ) -> Result<(), Breach> {
        match datagram.bytes.first() {
            Some(0x80..) => self.judge_input(label, datagram, handled, before),
            Some(&HELLO) => self.judge_hello(label, datagram, handled),
            Some(&CHECKSUMS) => {
                let genuine = self.is_current(label, datagram);
                self.judge_check(datagram, handled, genuine)
            }
            Some(&BYE) => {
                let end = &self.ends[datagram.to];
                let ours = self.is_from(label, datagram) && label.to_run == Some(end.run);
                self.judge_check(datagram, handled, ours && end.links[datagram.from].knows == Some(label.run))
            }
            _ => demand(handled.is_err(), "13 totality", || format!("{:02x?} was accepted", datagram.bytes)),
        }
    }

    /// The datagram is what its sender sent to this end in this session.
    fn is_from(&self, label: &Label, datagram: &Datagram) -> bool {
        !datagram.altered
            && (label.from, label.to) == (datagram.from, datagram.to)
            && label.session == self.session
            && self.plan.compatible(datagram.from, datagram.to)
    }

    /// What is not `genuine` is refused; without a key, all but once in 65,536 times.
    fn judge_check(&mut self, datagram: &Datagram, handled: Handled, genuine: bool) -> Result<(), Breach> {
        let (one, other) = (datagram.to, datagram.from);
        let lax = self.ends[one].links[other].lax;
        if genuine || lax {
            return Ok(());
        }
        self.tally.false_ones += u64::from(!self.plan.keyed);
        if handled.is_err() {
            return Ok(());
        }
        demand(!self.plan.keyed, "check", || format!("accepted what it must not: {datagram:?}"))?;
        self.tally.false_accepted += 1;
        self.ends[one].links[other].lax = true;
        self.ends[other].links.get_mut(one).into_iter().for_each(|link| link.lax = true);
        Ok(())
    }

    /// The datagram is of the runs and the epoch in which the receiver is.
    fn is_current(&self, label: &Label, datagram: &Datagram) -> bool {
        let end = &self.ends[datagram.to];
        let link = &end.links[datagram.from];
        self.is_from(label, datagram)
            && (link.knows, label.to_run, label.epoch) == (Some(label.run), Some(end.run), end.epoch)
            && !link.halted
    }

    fn judge_input(
        &mut self,
        label: &Label,
        datagram: &Datagram,
        handled: Handled,
        before: Before,
    ) -> Result<(), Breach> {
        let next = self.ends[datagram.to].next;
        let genuine = self.is_current(label, datagram)
            && expand_end(before.want, label.end) == Some(label.end)
            && expand_ack(next, label.ack) == Some(label.ack);
        self.judge_check(datagram, handled, genuine)?;
        let end = &mut self.ends[datagram.to];
        let link = &mut end.links[datagram.from];
        if !genuine || link.lax {
            return Ok(());
        }
        let what = || format!("{handled:?}: want {} to {}, {label:?}", before.want, link.want);
        if handled.is_err() {
            return demand(label.end < before.want, "6 first survivor", what);
        }
        let (_, window) = end.machine.sizes();
        demand(link.want >= label.end.min(link.told + window), "6 first survivor", what)?;
        demand(link.want <= before.want.max(label.end), "1 integrity", what)?;
        demand(link.want <= link.told + window, "9 bound", || "more was taken than there is room for".into())?;
        if link.want > before.want {
            demand(*link.source.get_or_insert(label.run) == label.run, "1 integrity", || "two runs are mixed".into())?;
        }
        if datagram.bytes[0] & 15 > 0 {
            self.expect_ack(datagram.to, datagram.from);
        }
        self.judge_ack(datagram.to, datagram.from)
    }

    /// Law 7: what the other lacks is still here.
    fn judge_ack(&self, index: usize, from: usize) -> Result<(), Breach> {
        let (end, other) = (&self.ends[index], &self.ends[from]);
        let (link, back) = (&end.links[from], &other.links[index]);
        let together = other.alive && link.knows == Some(other.run) && back.knows == Some(end.run);
        if !together || other.epoch != end.epoch || back.lax {
            return Ok(());
        }
        let law = "7 no loss by ack";
        demand(link.acked <= back.want, law, || format!("{} acknowledged, {} wanted", link.acked, back.want))?;
        let here = |frame: u64| frame >= end.next || end.machine.has_own(frame);
        demand(here(back.want) && here(link.acked), law, || format!("frame {} is gone", back.want))
    }

    fn judge_hello(&mut self, label: &Label, datagram: &Datagram, handled: Handled) -> Result<(), Breach> {
        let (index, from) = (datagram.to, datagram.from);
        if self.is_misdirected(label, datagram) {
            // Told as a mismatch of player numbers, or refused as our own; it teaches nothing.
            return Ok(());
        }
        let mismatched = self.plan.mismatch.is_some_and(|(end, mismatch)| {
            (end == index || end == from) && !matches!(mismatch, Mismatch::Session | Mismatch::Key)
        });
        let unaltered = !datagram.altered && label.session == self.session;
        if mismatched && unaltered {
            let frame_only = self.plan.compatible(index, from);
            self.ends[index].links[from].mismatch |= handled.is_ok();
            if !frame_only {
                let late = self.ends[index].links[from].knows > Some(label.run);
                return demand(handled.is_ok() || late, "hello", || format!("{handled:?}"));
            }
        }
        let genuine = self.is_from(label, datagram);
        let link = &self.ends[index].links[from];
        let older = link.knows > Some(label.run);
        self.judge_check(datagram, handled, genuine && !older)?;
        let link = &mut self.ends[index].links[from];
        if !genuine || older || link.lax {
            return Ok(());
        }
        demand(handled.is_ok(), "hello", || format!("{handled:?} for {label:?}"))?;
        link.halted |= link.knows.is_some_and(|run| run < label.run);
        link.knows = Some(label.run);
        Ok(())
    }

    /// A whole hello that is for somebody else, or of somebody else.
    fn is_misdirected(&self, label: &Label, datagram: &Datagram) -> bool {
        !datagram.altered
            && label.session == self.session
            && (label.from, label.to) != (datagram.from, datagram.to)
            && datagram.bytes.first() == Some(&HELLO)
    }
}

/// The end that a receiver makes of its low bits (PROTOCOL 3.7).
fn expand_end(want: u64, end: u64) -> Option<u64> {
    let ahead = end.wrapping_sub(want) & 0xff;
    if ahead < 0x80 { want.checked_add(ahead) } else { (want + ahead).checked_sub(0x100) }
}

fn expand_ack(next: u64, ack: u64) -> Option<u64> {
    next.checked_sub(next.wrapping_sub(ack) & 0xff)
}

/// The newest frame of a classic datagram with inputs.
fn newest(bytes: &[u8]) -> Option<u64> {
    let head = match bytes.first()? {
        0x01 => 9,
        0x13 => 5,
        _ => return None,
    };
    let pairs = bytes.get(head..).filter(|pairs| !pairs.is_empty() && pairs.len() % 5 == 0)?;
    Some(frame_of(&pairs[pairs.len() - 5..pairs.len() - 1]))
}

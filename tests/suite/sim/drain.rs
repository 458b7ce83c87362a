//! What an end says and tells: every datagram and every event is held against the laws.

use inputwire::DATAGRAM_MAX;

use super::breach::{Breach, demand};
use super::end::{End, Label, fill};
use super::machine::{INPUT_MAX, Told};
use super::tally::Kind;
use super::world::{Later, World};

/// Events to a peer besides its inputs.
const FEW: u64 = 16;

impl World<'_> {
    /// Takes everything that an end has to say and to tell, unless it is out of the mood for it.
    pub(crate) fn drain(&mut self, index: usize) -> Result<(), Breach> {
        if !self.ends[index].alive {
            return Ok(());
        }
        let end = &self.ends[index];
        let (deaf, muted) = (end.deaf_until > self.now, end.muted_until > self.now);
        let events_first = end.plan.events_first;
        if events_first && !deaf {
            self.take_events(index)?;
        }
        if !muted {
            self.take_datagrams(index)?;
        }
        if !events_first && !deaf {
            self.take_events(index)?;
        }
        let end = &mut self.ends[index];
        let wake = end.machine.next_wake().map(inputwire::Instant::as_micros);
        demand(wake.is_none_or(|wake| wake > end.seen), "8 progress", || format!("{wake:?} at {}", end.seen))?;
        end.wake_at = wake.and_then(|wake| end.clock.when(wake)).filter(|_| !end.plan.lazy || self.healed);
        Ok(())
    }

    fn take_datagrams(&mut self, index: usize) -> Result<(), Breach> {
        let mut buf = [0; DATAGRAM_MAX];
        let mut said = [0_u64; 8];
        while let Some((id, len)) = self.ends[index].machine.transmit(&mut buf) {
            let peer = self.ends[index].peer(id);
            let Some(peer) = peer else { return Err(Breach::of("13 totality", "a datagram to nobody")) };
            let bytes = &buf[..len];
            let kind = 1 << (if bytes[0] < 0x80 { bytes[0] & 0x3f } else { 0x3f });
            demand(said[peer] & kind == 0, "9 bound", || format!("{:02x} twice in a drain", bytes[0]))?;
            said[peer] |= kind;
            let label = self.judge_datagram(index, peer, bytes)?;
            self.labels.push(label);
            self.network.send(self.now, index, peer, bytes);
            self.note(self.now);
            self.note_bytes(bytes);
        }
        self.judge_what_is_owed(index)
    }

    /// Everything was polled, so no acknowledgement is overdue.
    fn judge_what_is_owed(&self, index: usize) -> Result<(), Breach> {
        let end = &self.ends[index];
        let patience = self.plan.patience_us(index);
        for (peer, link) in end.links.iter().enumerate() {
            let due = link.owes_since.is_some_and(|since| end.seen - since >= patience) && !end.is_at_the_end_of_time();
            let excused = link.closed || link.halted || link.lax || link.id.is_none() || self.may_be_slow(index, peer);
            demand(!due || excused, "10 liveness", || format!("{peer} waits for an acknowledgement"))?;
        }
        Ok(())
    }

    fn judge_datagram(&mut self, index: usize, peer: usize, bytes: &[u8]) -> Result<Label, Breach> {
        let session = self.session;
        let end = &mut self.ends[index];
        let (_, window) = end.machine.sizes();
        let seen = end.seen;
        let ping_us = end.ping_us;
        let link = &mut end.links[peer];
        demand(!link.closed || bytes[0] == 0x21, "14 amplification", || format!("{:02x} while closed", bytes[0]))?;
        demand(bytes.len() <= self.plan.datagram_max.max(300) || bytes[0] < 0x20, "9 bound", || {
            format!("{} bytes", bytes.len())
        })?;
        let mut label = Label {
            from: index,
            to: peer,
            run: end.run,
            to_run: link.knows,
            session,
            epoch: end.epoch,
            end: end.next,
            ack: link.want,
        };
        let spaced = |last: Option<u64>, us: u64| last.is_none_or(|last| seen - last >= us);
        match bytes[0] {
            0x80.. => {
                link.owes_since = None;
                self.judge_input_sent(&mut label, bytes)?;
            }
            0x01 => self.judge_classic_input_sent(&label, bytes)?,
            0x20 => {
                let interval = ping_us.min(100_000);
                demand(spaced(link.hello_at, interval), "14 amplification", || "two hellos in an interval".into())?;
                link.hello_at = Some(seen);
            }
            // A pong answers a ping; the newest one only.
            0x03 | 0x11 => {
                let asked = std::mem::take(&mut link.pings[usize::from(bytes[0] == 0x11)]);
                demand(asked, "14 amplification", || "a pong that was not asked for".into())?;
            }
            0x13 => {
                let fits = u64::try_from(bytes.len()).is_ok_and(|len| len <= 5 + 5 * window);
                demand(fits && spaced(link.response_at, ping_us), "14 amplification", || "too much said".into())?;
                link.response_at = Some(seen);
            }
            _ => {}
        }
        Ok(label)
    }

    /// A datagram carries everything unacknowledged, or as much of it as fits.
    fn judge_input_sent(&mut self, label: &mut Label, bytes: &[u8]) -> Result<(), Breach> {
        let end = &self.ends[label.from];
        let (size, _) = end.machine.sizes();
        label.end = end.next - (end.next - u64::from(bytes[1]) % 256) % 256;
        let check = if self.plan.keyed { 8 } else { 2 };
        let count = match bytes[0] & 15 {
            15 => 15 + u64::from(bytes[3 + check]),
            count => u64::from(count),
        };
        let acked = end.acked(label.to);
        let law = "6 first survivor";
        demand(label.end - count == acked, law, || format!("{count} to {} after {acked}", label.end))?;
        demand(bytes[2] == label.ack.to_le_bytes()[0], law, || format!("{} said, not {}", bytes[2], label.ack))?;
        let fits = count <= 1 || bytes.len() <= self.plan.datagram_max;
        demand(fits, "9 bound", || format!("{} bytes", bytes.len()))?;
        if label.end < end.next {
            self.tally.count(Kind::Cut);
            let longer = bytes.len() + (size * 11).div_ceil(8) + 2;
            demand(longer > self.plan.datagram_max, law, || format!("cut at {} bytes", bytes.len()))?;
        }
        Ok(())
    }

    /// An INPUT of the classic wire carries the newest inputs of the epoch, at least one.
    fn judge_classic_input_sent(&self, label: &Label, bytes: &[u8]) -> Result<(), Breach> {
        let end = &self.ends[label.from];
        let all = end.next - end.first;
        let newest = frame_of(&bytes[3..7]) + 1;
        let count = u64::from(bytes[7]);
        let (_, window) = end.machine.sizes();
        let most = window.min(u64::from(self.plan.redundancy));
        let holds = all > 0 && newest == end.next && count == all.min(most);
        demand(holds, "6 first survivor", || format!("{count} to {newest} of {all} to {}", end.next))
    }

    fn take_events(&mut self, index: usize) -> Result<(), Breach> {
        let mut bytes = [0; INPUT_MAX];
        let (_, window) = self.ends[index].machine.sizes();
        let peers = u64::try_from(self.ends.len()).expect("few ends") - 1;
        let mut count = 0;
        let mut newest: [Option<u32>; 8] = [None; 8];
        while let Some(news) = self.ends[index].machine.event(&mut bytes) {
            count += 1;
            demand(count <= peers * (window + FEW), "9 bound", || format!("{count} events at once"))?;
            if let Told::Input { peer, frame } = news {
                let from = self.ends[index].peer(peer).expect("a peer");
                demand(newest[from] < Some(frame), "2 order", || format!("{frame} after {:?}", newest[from]))?;
                newest[from] = Some(frame);
                self.judge_told(index, from, frame, &bytes)?;
            } else {
                self.take_news(index, news)?;
            }
        }
        self.judge_what_is_lost(index)
    }

    /// Everything was taken, so on the classic wire each frame is told, or lost, or missing still.
    fn judge_what_is_lost(&self, index: usize) -> Result<(), Breach> {
        let end = &self.ends[index];
        for (peer, link) in end.links.iter().enumerate().filter(|(peer, _)| self.plan.classic(index, *peer)) {
            let Some(id) = link.id else { continue };
            let told = u64::try_from(link.told_frames.len()).expect("a number of frames");
            let gaps = u64::from(end.machine.gaps(id));
            demand(told + link.lost + gaps == link.front - end.first, "2 order", || {
                format!("of {peer}: {told} told, {} lost, {gaps} missing to {}", link.lost, link.front)
            })?;
        }
        Ok(())
    }

    fn take_news(&mut self, index: usize, news: Told) -> Result<(), Breach> {
        match news {
            Told::Restarted => self.will_follow(index, self.ends[index].epoch.saturating_add(1)),
            Told::Ahead { epoch } => self.will_follow(index, epoch),
            Told::Mismatch { peer } => {
                let from = self.ends[index].peer(peer).expect("a peer");
                self.ends[index].links[from].mismatch_told = true;
            }
            Told::Lost { peer, first, count } => {
                let from = self.ends[index].peer(peer).expect("a peer");
                self.ends[index].links[from].lost += u64::from(count);
                let told = self.ends[index].links[from].told_frames.contains(&first);
                return demand(!told, "2 order", || format!("{first} is lost, but was told"));
            }
            Told::Desync { peer, frame } => {
                let lax = self.ends[index].links[self.ends[index].peer(peer).expect("a peer")].lax;
                return demand(lax, "desync", || format!("both have the same state after {frame}"));
            }
            Told::Input { .. } | Told::Other => {}
        }
        Ok(())
    }

    fn will_follow(&mut self, index: usize, epoch: u32) {
        let lag = if self.healed { 0 } else { self.ends[index].plan.lag_us };
        let end = &mut self.ends[index];
        end.follow = end.follow.max(Some(epoch));
        self.at(self.now + lag, Later::Follow(index));
    }

    /// Laws 1 and 2: what is told is what was pushed, each frame once.
    fn judge_told(&mut self, index: usize, from: usize, frame: u32, bytes: &[u8; INPUT_MAX]) -> Result<(), Breach> {
        self.tally.told += 1;
        self.note(u64::from(frame));
        let classic = self.plan.classic(index, from);
        let end = &mut self.ends[index];
        let (size, _) = end.machine.sizes();
        let epoch = end.epoch;
        let link = &mut end.links[from];
        if classic {
            demand(link.told_frames.insert(frame), "2 order", || format!("{frame} is told twice"))?;
        } else {
            demand(u64::from(frame) == link.told, "2 order", || format!("{frame} is told instead of {}", link.told))?;
            link.told += 1;
        }
        if link.lax {
            return Ok(());
        }
        let source = link.source;
        demand(self.plan.compatible(index, from), "1 integrity", || format!("{frame} of a mismatched end"))?;
        let Some(run) = source else { return Err(Breach::of("1 integrity", "an input from nowhere")) };
        let mut pushed = [0; INPUT_MAX];
        fill(self.plan, run, epoch, u64::from(frame), &mut pushed[..size]);
        let pushed_to = self.runs[run].pushed_in(epoch);
        demand(u64::from(frame) < pushed_to, "1 integrity", || format!("{frame} was never pushed"))?;
        demand(pushed[..size] == bytes[..size], "1 integrity", || {
            format!("{frame} is {:02x?}, not {:02x?}", &bytes[..size], &pushed[..size])
        })
    }

    /// What differs is told at every end that heard of it, if it took its events.
    pub(crate) fn judge_mismatches(&mut self) -> Result<(), Breach> {
        let heeds = |end: &&End| end.alive && !end.stalled && end.deaf_until == 0 && !end.plan.lazy;
        for end in self.ends.iter().filter(heeds) {
            let untold = end.links.iter().position(|link| link.mismatch && !link.mismatch_told && !link.lax);
            demand(untold.is_none(), "mismatch", || format!("that {untold:?} differs was not told"))?;
        }
        Ok(())
    }
}

/// A frame as the classic wire writes it.
pub(crate) fn frame_of(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

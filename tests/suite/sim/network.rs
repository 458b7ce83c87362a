//! A hostile network in virtual time. It knows nothing of sessions, so a game can use it for tests of its own:
//!
//! ```text
//! let mut network = Network::new(2, seed);
//! network.set_faults(0, 1, Faults { loss: 300, delay_us: 50_000, ..Faults::default() });
//! network.send(now, 0, 1, &bytes);
//! while let Some(datagram) = network.deliver(now) { .. }      // network.next() says when to come back
//! ```

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::rng::Rng;
use super::tally::{Kind, Tally};

/// How many datagrams are remembered for replays.
const TAPE: usize = 1_024;

/// What happens to the datagrams of one direction between two ends. Probabilities are in a thousand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Faults {
    pub(crate) loss: u32,
    /// Gilbert-Elliott: nothing comes through in bad spells. Mean lengths of good and bad ones; a spell is at most
    /// twice as long as the mean. No bad ones if 0.
    pub(crate) good_us: u64,
    pub(crate) bad_us: u64,
    /// One way; up to `jitter_us` is added.
    pub(crate) delay_us: u64,
    pub(crate) jitter_us: u64,
    /// How many are held back, until up to `hold_depth` later ones were sent.
    pub(crate) hold: u32,
    pub(crate) hold_depth: u64,
    pub(crate) duplicate: u32,
    /// How often one of the datagrams sent before, by anybody, is sent again.
    pub(crate) replay: u32,
    pub(crate) flip: u32,
    pub(crate) truncate: u32,
    pub(crate) extend: u32,
    /// How often the sender gets a copy back, as though from the receiver.
    pub(crate) reflect: u32,
    /// How often a copy reaches somebody else, as though from somebody.
    pub(crate) misdirect: u32,
}

/// A datagram that arrives.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Datagram {
    pub(crate) at: u64,
    order: u64,
    /// Whose address it bears, and who gets it.
    pub(crate) from: usize,
    pub(crate) to: usize,
    /// What `send` returned for it.
    pub(crate) id: usize,
    /// Its bytes are not those that were sent.
    pub(crate) altered: bool,
    pub(crate) bytes: Vec<u8>,
}

#[derive(Clone, Debug, Default)]
struct Link {
    faults: Faults,
    down_until: u64,
    /// Whether a bad spell lasts, and until when this one does.
    bad: bool,
    spell_until: u64,
    sent: u64,
    /// Held back until this many were sent.
    held: BinaryHeap<Reverse<(u64, Datagram)>>,
    newest_arrival: u64,
}

/// See the [module](self).
#[derive(Clone, Debug)]
pub(crate) struct Network {
    ends: usize,
    rng: Rng,
    links: Vec<Link>,
    queue: BinaryHeap<Reverse<Datagram>>,
    tape: Vec<Datagram>,
    sent: usize,
    order: u64,
    pub(crate) tally: Tally,
}

impl Network {
    pub(crate) fn new(ends: usize, seed: u64) -> Self {
        Self {
            ends,
            rng: Rng::new(seed),
            links: vec![Link::default(); ends * ends],
            queue: BinaryHeap::new(),
            tape: Vec::new(),
            sent: 0,
            order: 0,
            tally: Tally::default(),
        }
    }

    pub(crate) fn set_faults(&mut self, from: usize, to: usize, faults: Faults) {
        self.links[from * self.ends + to].faults = faults;
    }

    /// Nothing gets from one end to another until `until`.
    pub(crate) fn cut(&mut self, from: usize, to: usize, until: u64) {
        let link = &mut self.links[from * self.ends + to];
        link.down_until = link.down_until.max(until);
    }

    /// From now on this direction delivers everything once, in order, after `delay_us`. What is under way arrives.
    pub(crate) fn heal(&mut self, from: usize, to: usize, delay_us: u64) {
        let link = &mut self.links[from * self.ends + to];
        *link = Link { faults: Faults { delay_us, ..Faults::default() }, sent: link.sent, ..Link::default() };
    }

    /// Hands a datagram to the network. Returns its number, under which it arrives, however often.
    pub(crate) fn send(&mut self, now: u64, from: usize, to: usize, bytes: &[u8]) -> usize {
        let id = self.sent;
        self.sent += 1;
        self.tally.datagrams += 1;
        let index = from * self.ends + to;
        let datagram = Datagram { at: now, order: 0, from, to, id, altered: false, bytes: bytes.to_vec() };
        let faults = self.links[index].faults;
        self.release_held(now, index);
        self.replay(now, &datagram, &faults);
        if let Some(kind) = self.dropped(now, index) {
            self.tally.count(kind);
            return id;
        }
        if self.rng.chance(faults.duplicate) {
            self.tally.count(Kind::Duplicated);
            self.forward(now, index, datagram.clone());
        }
        if self.rng.chance(faults.reflect) {
            self.tally.count(Kind::Reflected);
            self.enqueue(now + faults.delay_us, Datagram { from: to, to: from, ..datagram.clone() });
        }
        if self.ends > 2 && self.rng.chance(faults.misdirect) {
            self.tally.count(Kind::Misdirected);
            let strayed =
                Datagram { from: self.rng.index(self.ends), to: self.rng.index(self.ends), ..datagram.clone() };
            self.enqueue(now + faults.delay_us, strayed);
        }
        self.forward(now, index, datagram);
        id
    }

    /// The next datagram that has arrived by `now`.
    pub(crate) fn deliver(&mut self, now: u64) -> Option<Datagram> {
        if self.next()? > now {
            return None;
        }
        self.queue.pop().map(|Reverse(datagram)| datagram)
    }

    /// When the next datagram arrives.
    pub(crate) fn next(&self) -> Option<u64> {
        self.queue.peek().map(|Reverse(datagram)| datagram.at)
    }

    fn dropped(&mut self, now: u64, index: usize) -> Option<Kind> {
        let link = &mut self.links[index];
        let faults = &link.faults;
        while faults.bad_us > 0 && link.spell_until <= now {
            link.bad = !link.bad;
            let mean = if link.bad { faults.bad_us } else { faults.good_us };
            link.spell_until += self.rng.between(1, mean * 2);
        }
        if now < link.down_until {
            Some(Kind::Outage)
        } else if link.bad {
            Some(Kind::Burst)
        } else {
            self.rng.chance(faults.loss).then_some(Kind::Lost)
        }
    }

    fn release_held(&mut self, now: u64, index: usize) {
        let link = &mut self.links[index];
        link.sent += 1;
        while let Some(Reverse((due, _))) = link.held.peek()
            && *due <= link.sent
        {
            let Some(Reverse((_, datagram))) = link.held.pop() else { return };
            self.order += 1;
            self.queue.push(Reverse(Datagram { at: now, order: self.order, ..datagram }));
        }
    }

    fn replay(&mut self, now: u64, datagram: &Datagram, faults: &Faults) {
        if faults.replay == 0 {
            return;
        }
        if self.tape.len() < TAPE {
            self.tape.push(datagram.clone());
        } else {
            let place = self.rng.index(TAPE);
            self.tape[place] = datagram.clone();
        }
        if self.rng.chance(faults.replay) {
            self.tally.count(Kind::Replayed);
            let again = self.tape[self.rng.index(self.tape.len())].clone();
            self.enqueue(now + faults.delay_us, again);
        }
    }

    /// Damages, delays or holds back a datagram that gets through.
    fn forward(&mut self, now: u64, index: usize, mut datagram: Datagram) {
        let faults = self.links[index].faults;
        self.damage(&mut datagram, &faults);
        let at = now + faults.delay_us + self.rng.below(faults.jitter_us + 1);
        if faults.delay_us > 0 {
            self.tally.count(Kind::Delayed);
        }
        if self.rng.chance(faults.hold) {
            let depth = self.rng.magnitude(faults.hold_depth.max(1));
            self.tally.count(if depth < 1_000 { Kind::Reordered } else { Kind::Overtaken });
            let link = &mut self.links[index];
            link.held.push(Reverse((link.sent + depth, datagram)));
            return;
        }
        let link = &mut self.links[index];
        if at < link.newest_arrival {
            self.tally.count(Kind::Reordered);
        }
        link.newest_arrival = at.max(link.newest_arrival);
        self.enqueue(at, datagram);
    }

    fn damage(&mut self, datagram: &mut Datagram, faults: &Faults) {
        if faults.flip + faults.truncate + faults.extend == 0 {
            return;
        }
        let sent = datagram.bytes.clone();
        let bytes = &mut datagram.bytes;
        if self.rng.chance(faults.flip) {
            self.tally.count(Kind::Flipped);
            for _ in 0..self.rng.magnitude(8) {
                let place = self.rng.index(bytes.len());
                bytes[place] ^= 1 << self.rng.below(8);
            }
        }
        if self.rng.chance(faults.truncate) {
            self.tally.count(Kind::Truncated);
            bytes.truncate(self.rng.index(bytes.len()));
        }
        if self.rng.chance(faults.extend) {
            self.tally.count(Kind::Extended);
            for _ in 0..self.rng.magnitude(1_500) {
                let byte = if self.rng.one_in(2) { 0 } else { self.rng.next().to_le_bytes()[0] };
                bytes.push(byte);
            }
        }
        datagram.altered = datagram.bytes != sent;
    }

    fn enqueue(&mut self, at: u64, datagram: Datagram) {
        self.order += 1;
        self.queue.push(Reverse(Datagram { at, order: self.order, ..datagram }));
    }
}

//! A hostile network in virtual time. It carries bytes of any kind between any number of endpoints, so a game can test
//! its own code over it.
//!
//! ```
//! use inputwire_sim::network::{Faults, Network};
//!
//! let mut network = Network::new(2, 7);
//! network.set_faults(0, 1, Faults { loss: 300, delay_us: 50_000, ..Faults::default() });
//! let mut now = 0;
//! for number in 0..10 {
//!     network.send(now, 0, 1, &[number]);
//! }
//! let mut received = 0;
//! while let Some(arrival) = network.next_arrival() {
//!     now = arrival;
//!     while let Some(datagram) = network.deliver(now) {
//!         assert_eq!((datagram.from, datagram.to), (0, 1));
//!         received += 1;
//!     }
//! }
//! assert!(now == 50_000 && (1..10).contains(&received));
//! ```

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt;

use super::bottleneck::Bottleneck;
use super::rng::{Rng, mix, nth};
use super::tally::{Kind, Tally};

/// How many datagrams are kept for replays.
const TAPE: usize = 1_024;

/// The faults of one direction between two endpoints. Probabilities are in a thousand datagrams, times in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// Lost at random.
    pub loss: u32,
    /// The mean length of the good spells between two bad ones (Gilbert-Elliott).
    pub good_us: u64,
    /// The mean length of the bad spells, in which nothing is delivered; 0 for none. No spell is longer than twice the
    /// mean.
    pub bad_us: u64,
    /// The least delay, one way.
    pub delay_us: u64,
    /// The most that is added to the delay at random.
    pub jitter_us: u64,
    /// Later than the others, by up to `late_us` more: reordered by time.
    pub late: u32,
    /// The most that is added to the delay of those.
    pub late_us: u64,
    /// Held back until up to `hold_depth` later datagrams were sent.
    pub hold: u32,
    /// How many later datagrams may overtake one that is held back.
    pub hold_depth: u64,
    /// Delivered twice.
    pub duplicate: u32,
    /// Followed by one of the datagrams sent before, from any endpoint to any.
    pub replay: u32,
    /// Delivered with some bits flipped.
    pub flip: u32,
    /// Cut short.
    pub truncate: u32,
    /// Delivered with bytes appended.
    pub extend: u32,
    /// Also sent back to the sender, with the receiver's address.
    pub reflect: u32,
    /// Also delivered to a random endpoint, with a random address.
    pub misdirect: u32,
}

/// A datagram that has arrived.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Datagram {
    /// When it arrived.
    pub at: u64,
    order: u64,
    /// Whose address it bears.
    pub from: usize,
    /// Who receives it.
    pub to: usize,
    /// What [`Network::send`] returned for it.
    pub id: usize,
    /// Whether its bytes differ from those that were sent.
    pub altered: bool,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// What became of a copy of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum What {
    /// Lost at random.
    Lost,
    /// Lost in a bad spell.
    Burst,
    /// Lost because the direction was cut.
    Outage,
    /// Lost because the queue was full.
    Overflowed,
    /// Held back until later ones have overtaken it.
    Held,
    /// On its way.
    Arrives {
        /// When it arrives.
        at: u64,
        /// Whether its bytes differ from those that were sent.
        altered: bool,
    },
}

/// A line of the record: what became of a copy of a datagram. `Display` writes it as one line of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Happening {
    /// When.
    pub at: u64,
    /// Whose address it bears.
    pub from: usize,
    /// Who receives it.
    pub to: usize,
    /// What [`Network::send`] returned for it.
    pub id: usize,
    /// Its length in bytes.
    pub len: usize,
    /// What became of it.
    pub what: What,
}

impl fmt::Display for Happening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, from, to, id, len, what } = self;
        let seconds = |micros: u64| format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
        write!(f, "{}  {from} -> {to}  #{id}  {len} bytes  ", seconds(*at))?;
        match what {
            What::Lost => f.write_str("lost"),
            What::Burst => f.write_str("lost in a bad spell"),
            What::Outage => f.write_str("lost in an outage"),
            What::Overflowed => f.write_str("lost in a full queue"),
            What::Held => f.write_str("held back"),
            What::Arrives { at, altered } => {
                write!(f, "arrives at {}{}", seconds(*at), if *altered { ", altered" } else { "" })
            }
        }
    }
}

#[derive(Clone, Debug, Default)]
struct Link {
    faults: Faults,
    bottleneck: Option<Bottleneck>,
    down_until: u64,
    /// Whether this is a bad spell, and when it ends.
    bad: bool,
    spell_until: u64,
    /// How many spells there were.
    spells: u64,
    sent: u64,
    /// Each is held back until this many were sent.
    held: BinaryHeap<Reverse<(u64, Datagram)>>,
    newest_arrival: u64,
}

/// The network between some endpoints. The [module](self) shows its use.
#[derive(Clone, Debug)]
pub struct Network {
    endpoints: usize,
    rng: Rng,
    links: Vec<Link>,
    queue: BinaryHeap<Reverse<Datagram>>,
    tape: Vec<Datagram>,
    sent: usize,
    order: u64,
    record: Option<Vec<Happening>>,
    /// The seed and the length of a slot, if what happens follows from the time.
    by_time: Option<(u64, u64)>,
    pub(crate) tally: Tally,
}

impl Network {
    /// Creates a network without faults between this many endpoints.
    #[must_use]
    pub fn new(endpoints: usize, seed: u64) -> Self {
        Self {
            endpoints,
            rng: Rng::new(seed),
            links: vec![Link::default(); endpoints * endpoints],
            queue: BinaryHeap::new(),
            tape: Vec::new(),
            sent: 0,
            order: 0,
            record: None,
            by_time: None,
            tally: Tally::default(),
        }
    }

    /// Creates a network in which the fate of a datagram follows from the seed, the direction and the time alone, whatever was sent
    /// before: all that is sent within `slot_us` meets the same fate. So different programs meet the same network, and can
    /// be compared.
    #[must_use]
    pub fn by_time(endpoints: usize, seed: u64, slot_us: u64) -> Self {
        Self { by_time: Some((seed, slot_us.max(1))), ..Self::new(endpoints, seed) }
    }

    /// Returns the number of endpoints.
    #[must_use]
    pub const fn endpoints(&self) -> usize {
        self.endpoints
    }

    /// Begins to record what becomes of each datagram. The record grows with each.
    pub fn start_record(&mut self) {
        self.record.get_or_insert_default();
    }

    /// Returns what has happened since [`start_record`](Self::start_record), in order.
    #[must_use]
    pub fn record(&self) -> &[Happening] {
        self.record.as_deref().unwrap_or(&[])
    }

    /// Returns how many datagrams are under way, without those that are held back.
    #[must_use]
    pub fn under_way(&self) -> usize {
        self.queue.len()
    }

    /// Sets the faults of one direction.
    ///
    /// # Panics
    ///
    /// If there is no such endpoint.
    pub fn set_faults(&mut self, from: usize, to: usize, faults: Faults) {
        self.links[from * self.endpoints + to].faults = faults;
    }

    /// Sets the rate and the queue of one direction, or takes them away. Each copy of a datagram passes them.
    ///
    /// # Panics
    ///
    /// If there is no such endpoint.
    pub fn set_bottleneck(&mut self, from: usize, to: usize, bottleneck: Option<Bottleneck>) {
        self.links[from * self.endpoints + to].bottleneck = bottleneck;
    }

    /// Cuts one direction until `until`.
    ///
    /// # Panics
    ///
    /// If there is no such endpoint.
    pub fn cut(&mut self, from: usize, to: usize, until: u64) {
        let link = &mut self.links[from * self.endpoints + to];
        link.down_until = link.down_until.max(until);
    }

    /// Lets one direction deliver everything once, in order and after `delay_us` from now on. Datagrams under way still
    /// arrive; those held back are lost.
    ///
    /// # Panics
    ///
    /// If there is no such endpoint.
    pub fn heal(&mut self, from: usize, to: usize, delay_us: u64) {
        let link = &mut self.links[from * self.endpoints + to];
        *link = Link { faults: Faults { delay_us, ..Faults::default() }, sent: link.sent, ..Link::default() };
    }

    /// Sends a datagram. Returns its number, which every copy of it bears.
    ///
    /// # Panics
    ///
    /// If there is no such endpoint.
    pub fn send(&mut self, now: u64, from: usize, to: usize, bytes: &[u8]) -> usize {
        let id = self.sent;
        self.sent += 1;
        self.tally.datagrams += 1;
        let index = from * self.endpoints + to;
        let datagram = Datagram { at: now, order: 0, from, to, id, altered: false, bytes: bytes.to_vec() };
        let faults = self.links[index].faults;
        if let Some((seed, slot_us)) = self.by_time {
            let place = u64::try_from(index).unwrap_or(u64::MAX);
            self.rng = Rng::new(nth(mix(seed).wrapping_add(place), now / slot_us));
        }
        self.release_held(now, index);
        self.replay(now, &datagram, &faults);
        if let Some(kind) = self.dropped(now, index) {
            self.tally.count(kind);
            self.note(
                now,
                &datagram,
                match kind {
                    Kind::Outage => What::Outage,
                    Kind::Burst => What::Burst,
                    _ => What::Lost,
                },
            );
            return id;
        }
        if self.rng.chance(faults.duplicate) {
            self.tally.count(Kind::Duplicated);
            self.forward(now, index, datagram.clone());
        }
        if self.rng.chance(faults.reflect) {
            self.tally.count(Kind::Reflected);
            self.enqueue(now, now + faults.delay_us, Datagram { from: to, to: from, ..datagram.clone() });
        }
        if self.endpoints > 2 && self.rng.chance(faults.misdirect) {
            self.tally.count(Kind::Misdirected);
            let strayed = Datagram {
                from: self.rng.index(self.endpoints),
                to: self.rng.index(self.endpoints),
                ..datagram.clone()
            };
            self.enqueue(now, now + faults.delay_us, strayed);
        }
        self.forward(now, index, datagram);
        id
    }

    /// Returns the next datagram that has arrived by `now`, or `None`.
    pub fn deliver(&mut self, now: u64) -> Option<Datagram> {
        if self.next_arrival()? > now {
            return None;
        }
        self.queue.pop().map(|Reverse(datagram)| datagram)
    }

    /// Returns when the next datagram arrives, or `None` if none is under way.
    #[must_use]
    pub fn next_arrival(&self) -> Option<u64> {
        self.queue.peek().map(|Reverse(datagram)| datagram.at)
    }

    fn dropped(&mut self, now: u64, index: usize) -> Option<Kind> {
        let link = &mut self.links[index];
        let faults = &link.faults;
        while faults.bad_us > 0 && link.spell_until <= now {
            link.bad = !link.bad;
            let mean = if link.bad { faults.bad_us } else { faults.good_us };
            let place = u64::try_from(index).unwrap_or(u64::MAX);
            link.spell_until += match self.by_time {
                Some((seed, _)) => Rng::new(nth(mix(!seed).wrapping_add(place), link.spells)).between(1, mean * 2),
                None => self.rng.between(1, mean * 2),
            };
            link.spells += 1;
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
        self.links[index].sent += 1;
        loop {
            let link = &mut self.links[index];
            if link.held.peek().is_none_or(|Reverse((due, _))| *due > link.sent) {
                return;
            }
            let Some(Reverse((_, datagram))) = link.held.pop() else { return };
            self.enqueue(now, now, datagram);
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
            self.enqueue(now, now + faults.delay_us, again);
        }
    }

    /// Damages, delays or holds back a datagram that is not lost.
    fn forward(&mut self, now: u64, index: usize, mut datagram: Datagram) {
        let faults = self.links[index].faults;
        self.damage(&mut datagram, &faults);
        let leaves = match &mut self.links[index].bottleneck {
            Some(bottleneck) => bottleneck.pass(now, datagram.bytes.len()),
            None => Some(now),
        };
        let Some(leaves) = leaves else {
            self.tally.count(Kind::Overflowed);
            self.note(now, &datagram, What::Overflowed);
            return;
        };
        if leaves > now {
            self.tally.count(Kind::Queued);
        }
        let late = if self.rng.chance(faults.late) { self.rng.below(faults.late_us + 1) } else { 0 };
        let at = leaves + faults.delay_us + self.rng.below(faults.jitter_us + 1) + late;
        if faults.delay_us > 0 {
            self.tally.count(Kind::Delayed);
        }
        if self.rng.chance(faults.hold) {
            let depth = self.rng.magnitude(faults.hold_depth.max(1));
            self.tally.count(if depth < 1_000 { Kind::Reordered } else { Kind::Overtaken });
            self.note(now, &datagram, What::Held);
            let link = &mut self.links[index];
            link.held.push(Reverse((link.sent + depth, datagram)));
            return;
        }
        let link = &mut self.links[index];
        if at < link.newest_arrival {
            self.tally.count(Kind::Reordered);
        }
        link.newest_arrival = at.max(link.newest_arrival);
        self.enqueue(now, at, datagram);
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

    fn enqueue(&mut self, now: u64, at: u64, datagram: Datagram) {
        self.note(now, &datagram, What::Arrives { at, altered: datagram.altered });
        self.order += 1;
        self.queue.push(Reverse(Datagram { at, order: self.order, ..datagram }));
    }

    fn note(&mut self, at: u64, datagram: &Datagram, what: What) {
        let Datagram { from, to, id, ref bytes, .. } = *datagram;
        if let Some(record) = &mut self.record {
            record.push(Happening { at, from, to, id, len: bytes.len(), what });
        }
    }
}

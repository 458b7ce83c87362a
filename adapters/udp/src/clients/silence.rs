//! The clients in the order in which they were last heard: who is silent is found without a look at all others.

use inputwire::Instant;

const NONE: u32 = u32::MAX;

#[derive(Clone, Copy, Debug)]
struct Link {
    before: u32,
    after: u32,
    heard_at: Instant,
    is_linked: bool,
}

/// A list through the slots of the clients, from the longest silent one to the latest heard.
#[derive(Debug)]
pub(crate) struct Silence {
    links: Vec<Link>,
    first: u32,
    last: u32,
}

impl Silence {
    pub(crate) const fn new() -> Self {
        Self { links: Vec::new(), first: NONE, last: NONE }
    }

    fn link(&mut self, slot: u32) -> Option<&mut Link> {
        self.links.get_mut(usize::try_from(slot).ok()?)
    }

    /// A client was heard: it becomes the last one.
    pub(crate) fn heard(&mut self, now: Instant, slot: u32) {
        let len = usize::try_from(slot).unwrap_or(usize::MAX).saturating_add(1);
        if self.links.len() < len {
            self.links.resize(len, Link { before: NONE, after: NONE, heard_at: now, is_linked: false });
        }
        if self.last != slot {
            self.remove(slot);
            let before = std::mem::replace(&mut self.last, slot);
            match self.link(before) {
                Some(link) => link.after = slot,
                None => self.first = slot,
            }
            if let Some(link) = self.link(slot) {
                (link.before, link.after, link.is_linked) = (before, NONE, true);
            }
        }
        if let Some(link) = self.link(slot) {
            link.heard_at = now;
        }
    }

    pub(crate) fn remove(&mut self, slot: u32) {
        let Some(link) = self.link(slot).filter(|link| link.is_linked) else { return };
        link.is_linked = false;
        let Link { before, after, .. } = *link;
        match self.link(before) {
            Some(link) => link.after = after,
            None => self.first = after,
        }
        match self.link(after) {
            Some(link) => link.before = before,
            None => self.last = before,
        }
    }

    /// The client that has been silent for longest, and since when.
    pub(crate) fn first(&self) -> Option<(u32, Instant)> {
        self.at(self.first)
    }

    /// The one that has been silent for longest among those that were heard after this one.
    pub(crate) fn after(&self, slot: u32) -> Option<(u32, Instant)> {
        self.at(self.links.get(usize::try_from(slot).ok()?)?.after)
    }

    fn at(&self, slot: u32) -> Option<(u32, Instant)> {
        self.links.get(usize::try_from(slot).ok()?).map(|link| (slot, link.heard_at))
    }
}

#[cfg(test)]
mod tests {
    use super::{Instant, Silence};
    use inputwire_sim::rng::Rng;

    #[test]
    fn the_order_is_that_of_a_plain_list() {
        let (mut silence, mut plain) = (Silence::new(), Vec::new());
        let mut rng = Rng::new(7);
        for at in 0..10_000 {
            let slot = u32::try_from(rng.below(12)).expect("small");
            plain.retain(|(other, _)| *other != slot);
            if rng.one_in(3) {
                silence.remove(slot);
            } else {
                silence.heard(Instant::from_micros(at), slot);
                plain.push((slot, Instant::from_micros(at)));
            }
            let listed: Vec<_> = std::iter::successors(silence.first(), |(slot, _)| silence.after(*slot)).collect();
            assert_eq!(listed, plain);
            assert_eq!(silence.last, plain.last().map_or(u32::MAX, |(slot, _)| *slot));
        }
    }
}

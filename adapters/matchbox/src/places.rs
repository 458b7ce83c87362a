//! Who has which place of a room, and how ends agree on that.
//!
//! An announcement is five bytes: a version, the number of places as u16, and the place of its sender plus one as u16, 0 for
//! none. Each end sends one to every end that connects, and again when it takes a place.

use std::collections::BTreeMap;

use matchbox_socket::PeerId;

const VERSION: u8 = 1;

/// What is known of another end that is connected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::option_option, reason = "nothing was announced; no place was; a place was")]
struct Other {
    /// `None`: nothing was announced yet. `Some(None)`: it has no place.
    announced: Option<Option<u16>>,
    /// The place of this end that it was sent last.
    sent: Option<Option<u16>>,
    peer: Option<inputwire::PeerId>,
    /// The session does not take it at present, which was reported.
    is_refused: bool,
}

/// What is known of a place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Place {
    /// The peer of the session, which stays when its end leaves.
    peer: Option<inputwire::PeerId>,
    is_here: bool,
    /// What was reported last.
    reported: bool,
}

/// A place that a connected end has, and the peer of the session if there was one in that place before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Linked {
    pub(crate) player: u16,
    pub(crate) peer: Option<inputwire::PeerId>,
}

#[derive(Debug)]
#[expect(clippy::struct_field_names, reason = "the places of the room are what it is about")]
pub(crate) struct Places {
    places: Vec<Place>,
    local: Option<u16>,
    others: BTreeMap<PeerId, Other>,
}

impl Places {
    pub(crate) fn new(players: u16) -> Self {
        Self { places: vec![Place::default(); usize::from(players)], local: None, others: BTreeMap::new() }
    }

    fn players(&self) -> u16 {
        u16::try_from(self.places.len()).unwrap_or(u16::MAX)
    }

    pub(crate) fn connected(&mut self, id: PeerId) {
        self.others.insert(id, Other::default());
    }

    pub(crate) fn disconnected(&mut self, id: &PeerId) {
        let Some(other) = self.others.remove(id) else { return };
        if let (Some(_), Some(Some(player))) = (other.peer, other.announced)
            && let Some(place) = self.places.get_mut(usize::from(player))
        {
            place.is_here = false;
        }
    }

    /// Handles an announcement.
    pub(crate) fn announced(&mut self, id: PeerId, message: &[u8]) -> Result<(), &'static str> {
        let [VERSION, a, b, c, d] = *message else { return Err("of another version of this crate") };
        if u16::from_be_bytes([a, b]) != self.players() {
            return Err("of a room with another number of places");
        }
        let player = u16::from_be_bytes([c, d]).checked_sub(1);
        if player.is_some_and(|player| player >= self.players()) {
            return Err("of a place that the room has not");
        }
        let is_taken = |player| {
            let others = self.others.iter().filter(|(other, _)| **other != id);
            self.local == Some(player) || others.into_iter().any(|(_, other)| other.announced == Some(Some(player)))
        };
        if player.is_some_and(is_taken) {
            return Err("of a place that another end has");
        }
        match self.others.get_mut(&id) {
            // A place is kept as long as its end is connected.
            Some(other) if !matches!(other.announced, Some(Some(_))) => other.announced = Some(player),
            _ => {}
        }
        Ok(())
    }

    /// Takes a place, if every other end has announced itself. Returns it once.
    pub(crate) fn take(&mut self, local: PeerId) -> Option<u16> {
        let announced = || self.others.iter().filter_map(|(id, other)| other.announced.map(|place| (*id, place)));
        if self.local.is_some() || announced().count() + 1 != self.places.len() {
            return None;
        }
        let free = (0..self.players()).filter(|player| announced().all(|(_, place)| place != Some(*player)));
        let without = announced().filter(|(_, place)| place.is_none()).map(|(id, _)| id);
        let before = without.filter(|id| *id < local).count();
        self.local = free.clone().nth(before);
        self.local
    }

    pub(crate) fn announcement(&self) -> [u8; 5] {
        let [a, b] = self.players().to_be_bytes();
        let [c, d] = self.local.map_or(0, |player| player.saturating_add(1)).to_be_bytes();
        [VERSION, a, b, c, d]
    }

    /// Returns who has not been sent the present announcement, and counts it as sent.
    pub(crate) fn unannounced(&mut self) -> Vec<PeerId> {
        let local = self.local;
        let unannounced = self.others.iter_mut().filter(|(_, other)| other.sent != Some(local));
        unannounced
            .map(|(id, other)| {
                other.sent = Some(local);
                *id
            })
            .collect()
    }

    /// Returns the ends that have a place and no peer of the session yet.
    pub(crate) fn new_links(&self) -> Vec<(PeerId, Linked)> {
        let unlinked = self.others.iter().filter(|(_, other)| other.peer.is_none());
        let seated = unlinked.filter_map(|(id, other)| Some((*id, other.announced??)));
        seated
            .filter_map(|(id, player)| {
                let peer = self.places.get(usize::from(player))?.peer;
                Some((id, Linked { player, peer }))
            })
            .collect()
    }

    /// Notes the peer of the session for an end.
    pub(crate) fn link(&mut self, id: PeerId, peer: inputwire::PeerId) {
        let Some(other) = self.others.get_mut(&id) else { return };
        other.peer = Some(peer);
        if let Some(Some(player)) = other.announced
            && let Some(place) = self.places.get_mut(usize::from(player))
        {
            (place.peer, place.is_here) = (Some(peer), true);
        }
    }

    /// Notes that the session does not take an end, and returns whether that is new.
    pub(crate) fn refuse(&mut self, id: PeerId) -> bool {
        self.others.get_mut(&id).is_some_and(|other| !std::mem::replace(&mut other.is_refused, true))
    }

    pub(crate) fn peer_of(&self, id: &PeerId) -> Option<inputwire::PeerId> {
        self.others.get(id)?.peer
    }

    pub(crate) fn id_of(&self, peer: inputwire::PeerId) -> Option<PeerId> {
        self.others.iter().find(|(_, other)| other.peer == Some(peer)).map(|(id, _)| *id)
    }

    pub(crate) fn is_full(&self) -> bool {
        self.places.iter().filter(|place| place.is_here).count() + 1 == self.places.len()
    }

    /// Returns a player who is here now and was not when that was last reported, or the other way round.
    pub(crate) fn poll_change(&mut self) -> Option<(u16, bool)> {
        let (player, place) = (0..).zip(&mut self.places).find(|(_, place)| place.is_here != place.reported)?;
        place.reported = place.is_here;
        Some((player, place.is_here))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use matchbox_socket::PeerId;

    use super::Places;

    fn id(number: u8) -> PeerId {
        let uuid = format!("000000{number:02x}-0000-4000-8000-000000000000");
        serde_id(&uuid)
    }

    fn serde_id(uuid: &str) -> PeerId {
        PeerId(uuid.parse().expect("an id"))
    }

    /// A room of ends, whose announcements arrive in an order drawn from a seed.
    struct World {
        players: u16,
        state: u64,
        ends: BTreeMap<PeerId, Places>,
        under_way: Vec<(PeerId, PeerId, [u8; 5])>,
    }

    impl World {
        fn next(&mut self, limit: usize) -> usize {
            self.state = self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(self.state >> 33).unwrap() % limit
        }

        fn enter(&mut self, id: PeerId) {
            let mut places = Places::new(self.players);
            for (other, known) in &mut self.ends {
                known.connected(id);
                places.connected(*other);
            }
            self.ends.insert(id, places);
        }

        fn leave(&mut self, id: PeerId) {
            self.ends.remove(&id);
            self.under_way.retain(|(from, to, _)| ![*from, *to].contains(&id));
            self.ends.values_mut().for_each(|known| known.disconnected(&id));
        }

        /// Everything that can happen, until nothing can.
        fn settle(&mut self) {
            loop {
                for (id, places) in &mut self.ends {
                    let _ = places.take(*id);
                    let announcement = places.announcement();
                    self.under_way.extend(places.unannounced().into_iter().map(|to| (*id, to, announcement)));
                    for (other, linked) in places.new_links() {
                        let peer = linked.peer.unwrap_or(inputwire::PeerId::new(linked.player.into()));
                        places.link(other, peer);
                    }
                }
                if self.under_way.is_empty() {
                    return;
                }
                // Of each pair the first one: the channel is reliable and ordered.
                let pairs: BTreeSet<(PeerId, PeerId)> = self.under_way.iter().map(|(a, b, _)| (*a, *b)).collect();
                let pick = self.next(pairs.len());
                let (from, to) = *pairs.iter().nth(pick).unwrap();
                let first = self.under_way.iter().position(|(a, b, _)| (*a, *b) == (from, to)).unwrap();
                let (_, _, message) = self.under_way.remove(first);
                self.ends.get_mut(&to).unwrap().announced(from, &message).expect("agreed");
            }
        }

        fn seats(&self) -> BTreeMap<PeerId, Option<u16>> {
            self.ends.iter().map(|(id, places)| (*id, places.local)).collect()
        }
    }

    #[test]
    fn all_ends_take_different_places_and_who_comes_later_takes_the_free_one() {
        for seed in 0..2_000 {
            let players = 2 + u16::try_from(seed % 3).unwrap();
            let mut world = World { players, state: seed, ends: BTreeMap::new(), under_way: Vec::new() };
            let mut ids: Vec<u8> = (0..20).collect();
            for _ in 0..players {
                let place = world.next(ids.len());
                world.enter(id(ids.remove(place)));
                world.settle();
            }
            let order: Vec<u16> = world.seats().values().map(|seat| seat.expect("a place")).collect();
            assert_eq!(order, (0..players).collect::<Vec<_>>(), "seed {seed}: in the order of ids");
            for _ in 0..4 {
                let before = world.seats();
                let pick = world.next(before.len());
                let (gone, seat) = before.iter().nth(pick).map(|(id, seat)| (*id, *seat)).unwrap();
                world.leave(gone);
                world.settle();
                let place = world.next(ids.len());
                let newcomer = id(ids.remove(place));
                world.enter(newcomer);
                world.settle();
                let mut expected = before.clone();
                expected.remove(&gone);
                expected.insert(newcomer, seat);
                assert_eq!(world.seats(), expected, "seed {seed}");
                assert!(world.ends.values().all(Places::is_full), "seed {seed}");
            }
        }
    }

    #[test]
    fn a_place_is_reported_when_it_is_taken_and_when_its_end_leaves() {
        let mut places = Places::new(2);
        places.connected(id(5));
        assert_eq!(places.take(id(1)), None, "the other end has said nothing");
        places.announced(id(5), &[1, 0, 2, 0, 0]).unwrap();
        assert_eq!((places.take(id(1)), places.take(id(1))), (Some(0), None));
        places.announced(id(5), &[1, 0, 2, 0, 2]).unwrap();
        for (id, _) in places.new_links() {
            places.link(id, inputwire::PeerId::new(0));
        }
        assert_eq!((places.poll_change(), places.poll_change()), (Some((1, true)), None));
        places.disconnected(&id(5));
        assert_eq!((places.poll_change(), places.is_full()), (Some((1, false)), false));
    }

    #[test]
    fn an_end_that_the_session_does_not_take_is_reported_once_and_tried_again() {
        let mut places = Places::new(2);
        places.connected(id(5));
        assert_eq!(places.take(id(1)), None, "the other end has said nothing");
        places.announced(id(5), &[1, 0, 2, 0, 0]).unwrap();
        places.take(id(1));
        places.announced(id(5), &[1, 0, 2, 0, 2]).unwrap();
        assert_eq!((places.refuse(id(5)), places.refuse(id(5))), (true, false));
        assert_eq!(places.new_links().len(), 1);
        places.disconnected(&id(5));
        places.connected(id(5));
        assert!(places.refuse(id(5)), "another connection");
    }

    #[test]
    fn what_no_end_of_this_room_announces_is_ignored() {
        let mut places = Places::new(2);
        places.connected(id(5));
        places.connected(id(6));
        for message in [&[][..], &[2, 0, 2, 0, 1], &[1, 0, 3, 0, 1], &[1, 0, 2, 0, 3], &[1, 0, 2, 0]] {
            assert!(places.announced(id(5), message).is_err(), "{message:?}");
        }
        places.announced(id(5), &[1, 0, 2, 0, 1]).unwrap();
        assert!(places.announced(id(6), &[1, 0, 2, 0, 1]).is_err(), "taken");
        assert_eq!(places.new_links().len(), 1);
    }
}

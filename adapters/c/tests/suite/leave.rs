//! Departures: three players in a mesh through the C interface (PROTOCOL 3.12).

use inputwire_c::*;

use crate::support::{Endpoint, config};

const STEP_US: u64 = 16_667;
/// The number of a peer that is not there: of a player who never was, or was removed.
const NOBODY: u32 = IW_NO_PEER;
/// For how many frames the others play on: more than the window. Miri is slow.
const AFTER: u32 = if cfg!(miri) { 2 } else { 2 * IW_WINDOW };

/// Endpoints with their players, which exchange datagrams at once, except where a link is cut.
struct Mesh {
    endpoints: Vec<Endpoint>,
    /// `peers[me][player]`: the number that `player` has at the endpoint of `me`.
    peers: Vec<[u32; 3]>,
    /// The players whose datagrams, sent and received, are lost.
    dead: Vec<usize>,
    /// Datagrams from the first to the second are lost.
    cut: Vec<(usize, usize)>,
    now: u64,
    /// Every event, with the player who got it.
    events: Vec<(usize, IwEvent)>,
}

impl Mesh {
    /// Three players who all play.
    fn new(settings: impl Fn(u32) -> IwConfig) -> Self {
        let endpoints = (0..3).map(|me| Endpoint::with(2, 1, &settings(me))).collect();
        let mut mesh = Self {
            endpoints,
            peers: vec![[NOBODY; 3]; 3],
            dead: Vec::new(),
            cut: Vec::new(),
            now: STEP_US,
            events: Vec::new(),
        };
        for me in 0..3 {
            // Backwards, so that no survivor is peer 0, which an unset field would be.
            for player in (0..3).rev().filter(|player| *player != me) {
                mesh.peers[me][player] = mesh.endpoints[me].add(0, IW_COMPACT, player as u32).unwrap();
            }
        }
        mesh.exchange();
        mesh
    }

    /// Lets a frame pass in which the players named push their own number.
    fn frame(&mut self, pushing: &[usize]) {
        self.now += STEP_US;
        for me in pushing {
            self.endpoints[*me].push(self.now, &[*me as u8]).unwrap();
        }
        self.exchange();
    }

    fn exchange(&mut self) {
        for endpoint in &self.endpoints {
            assert_eq!(unsafe { iw_session_handle_timeout(endpoint.session, self.now) }, IwStatus::Ok);
        }
        for _ in 0..6 {
            for me in 0..3 {
                self.events.extend(std::iter::from_fn(|| self.endpoints[me].event()).map(|event| (me, event)));
                while let Some((peer, datagram)) = self.endpoints[me].transmit() {
                    let to = self.peers[me].iter().position(|number| *number == peer).unwrap();
                    let is_lost =
                        [me, to].iter().any(|player| self.dead.contains(player)) || self.cut.contains(&(me, to));
                    if !is_lost && self.peers[to][me] != NOBODY {
                        self.endpoints[to].handle(self.now, self.peers[to][me], &datagram);
                    }
                }
            }
        }
    }

    fn disconnect(&self, me: usize, player: usize) {
        let peer = self.peers[me][player];
        assert_eq!(unsafe { iw_session_disconnect_peer(self.endpoints[me].session, self.now, peer) }, IwStatus::Ok);
    }

    fn departure(&self, me: usize, player: usize) -> (IwDepartureKind, u32) {
        let mut departure = IwDeparture { kind: IwDepartureKind::Other, frame: 0 };
        let (session, peer) = (self.endpoints[me].session, self.peers[me][player]);
        assert_eq!(unsafe { iw_peer_departure(session, peer, &raw mut departure) }, IwStatus::Ok);
        (departure.kind, departure.frame)
    }

    fn is_settled(&self, me: usize) -> bool {
        self.endpoints[me].get(iw_session_departures_settled) == Some(1)
    }

    /// The frames of a player whose inputs one got, in the order in which they came.
    fn delivered(&self, me: usize, player: usize) -> Vec<u32> {
        let inputs = self.events.iter().filter(|(got, event)| *got == me && event.kind == IwEventKind::Input);
        inputs.filter(|(_, event)| event.input[0] == player as u8).map(|(_, event)| event.frame).collect()
    }

    /// The events of a kind, with the player who got each.
    fn told(&self, kind: IwEventKind) -> Vec<(usize, IwEvent)> {
        self.events.iter().filter(|(_, event)| event.kind == kind).copied().collect()
    }
}

#[test]
fn when_a_player_dies_the_survivors_agree_on_its_last_input_and_both_have_it() {
    let mut mesh = Mesh::new(config);
    for _ in 0..5 {
        mesh.frame(&[0, 1, 2]);
    }
    // Player 2 reaches only player 0 with its last three inputs, then dies.
    mesh.cut = vec![(2, 1)];
    for _ in 0..3 {
        mesh.frame(&[0, 1, 2]);
    }
    assert_eq!((mesh.delivered(0, 2).len(), mesh.delivered(1, 2).len()), (8, 5));
    mesh.dead = vec![2];
    assert_eq!(mesh.departure(1, 2), (IwDepartureKind::Present, 0));
    mesh.disconnect(1, 2);
    assert_eq!(mesh.departure(1, 2), (IwDepartureKind::Departing, 5), "as far as it is known here");
    assert!(!mesh.is_settled(1));
    for _ in 0..10 {
        mesh.frame(&[0, 1]);
    }
    for me in [0, 1] {
        assert_eq!(mesh.delivered(me, 2), (0..8).collect::<Vec<_>>(), "no input twice, none left out");
        assert_eq!(mesh.departure(me, 2), (IwDepartureKind::Departed, 7));
        assert!(mesh.is_settled(me));
    }
    let mut departed: Vec<_> =
        mesh.told(IwEventKind::Departed).iter().map(|(me, event)| (*me, event.peer, event.frame)).collect();
    departed.sort_unstable();
    assert_eq!(departed, [0, 1].map(|me: usize| (me, mesh.peers[me][2], 7)));
    // Player 0 heard of it from player 1, who decided it itself.
    let [(0, departing)] = mesh.told(IwEventKind::Departing)[..] else { panic!("{:?}", mesh.events) };
    assert_eq!((departing.peer, departing.value), (mesh.peers[0][2], mesh.peers[0][1]));
    // The dead player holds nobody back any more.
    for _ in 0..AFTER {
        mesh.frame(&[0, 1]);
    }
    assert_eq!(mesh.endpoints[0].get(iw_session_confirmed_frame), Some(17 + AFTER));
}

#[test]
#[cfg_attr(miri, ignore = "Miri is slow, and sees the same calls in other tests")]
fn a_player_who_never_sent_an_input_departs_without_a_last_one() {
    let mut mesh = Mesh::new(config);
    mesh.dead = vec![2];
    mesh.disconnect(0, 2);
    for _ in 0..10 {
        mesh.frame(&[0, 1]);
    }
    for me in [0, 1] {
        assert_eq!(mesh.departure(me, 2), (IwDepartureKind::Departed, IW_NO_FRAME));
    }
    assert!(mesh.told(IwEventKind::Departed).iter().all(|(_, event)| event.frame == IW_NO_FRAME));
}

#[test]
#[cfg_attr(miri, ignore = "Miri is slow, and sees the same calls in other tests")]
fn a_player_who_is_disconnected_and_plays_on_is_dropped_and_its_session_closed() {
    let mut mesh = Mesh::new(config);
    for _ in 0..5 {
        mesh.frame(&[0, 1, 2]);
    }
    mesh.disconnect(0, 2);
    for _ in 0..20 {
        mesh.frame(&[0, 1]);
    }
    let [(2, dropped)] = mesh.told(IwEventKind::Dropped)[..] else { panic!("{:?}", mesh.told(IwEventKind::Dropped)) };
    assert!([0, 1].map(|player: usize| mesh.peers[2][player]).contains(&dropped.peer));
    assert_eq!(mesh.endpoints[2].push(mesh.now, &[2]), Err(IwStatus::Closed));
    assert_eq!(mesh.endpoints[2].get(iw_session_is_closed), Some(1));
    assert_eq!(mesh.departure(0, 2), mesh.departure(1, 2));
}

#[test]
#[cfg_attr(miri, ignore = "Miri is slow, and sees the same calls in other tests")]
fn whoever_comes_back_joins_from_a_frame_that_all_agree_on() {
    const JOIN: u32 = 20;
    let mut mesh = Mesh::new(config);
    for _ in 0..5 {
        mesh.frame(&[0, 1, 2]);
    }
    mesh.dead = vec![2];
    mesh.disconnect(0, 2);
    for _ in 0..10 {
        mesh.frame(&[0, 1]);
    }
    // It starts anew, with an incarnation of its own, and joins from a frame ahead of every push.
    mesh.dead.clear();
    mesh.endpoints[2] = Endpoint::with(2, 1, &IwConfig { incarnation: 1 << 50, ..config(2) });
    for me in [0, 1] {
        let endpoint = &mesh.endpoints[me];
        assert_eq!(endpoint.add_from(mesh.now, 7, JOIN), Err(IwStatus::PeerDeparted));
        assert!(mesh.is_settled(me));
        unsafe { iw_session_remove_peer(endpoint.session, mesh.now, mesh.peers[me][2]) };
        assert_eq!(endpoint.add_from(mesh.now, 2, 15), Err(IwStatus::EpochRunning), "not ahead of every push");
        mesh.peers[me][2] = endpoint.add_from(mesh.now, 2, JOIN).unwrap();
        mesh.peers[2][me] = mesh.endpoints[2].add_from(mesh.now, me as u32, JOIN).unwrap();
    }
    for frame in 15..30 {
        let pushing: &[usize] = if frame < JOIN { &[0, 1] } else { &[0, 1, 2] };
        mesh.frame(pushing);
    }
    mesh.exchange();
    let both_lives: Vec<_> = (0..5).chain(JOIN..30).collect();
    for me in [0, 1] {
        assert_eq!(mesh.delivered(me, 2), both_lives);
        assert_eq!(mesh.delivered(2, me), both_lives);
        assert_eq!(mesh.departure(me, 2), (IwDepartureKind::Present, 0));
    }
    assert_eq!([0, 1, 2].map(|me: usize| mesh.endpoints[me].get(iw_session_confirmed_frame)), [Some(29); 3]);
}

#[test]
fn without_a_mesh_a_disconnected_peer_has_departed_at_once_and_words_are_refused() {
    let mut mesh = Mesh::new(|me| IwConfig { mesh: u32::from(me != 0), ..config(me) });
    mesh.frame(&[0, 1, 2]);
    mesh.disconnect(0, 2);
    assert_eq!(mesh.departure(0, 2), (IwDepartureKind::Departed, 0));
    mesh.disconnect(1, 2);
    mesh.exchange();
    let refused = mesh.endpoints[0].stats(mesh.peers[0][1]).unwrap().refused;
    let reason = usize::try_from(IwStatus::UnknownPeer.code() - IwStatus::NoMesh.code()).unwrap();
    assert!(refused[reason] > 0);
}

#[test]
fn a_push_too_far_ahead_names_the_peer_whose_inputs_are_missing() {
    let endpoint = Endpoint::with(2, 1, &IwConfig { max_lead: 8, ..config(0) });
    assert_eq!(endpoint.add(0, IW_COMPACT, 1), Ok(0));
    for frame in 0..8 {
        assert_eq!(endpoint.push(1, &[1]), Ok(frame));
    }
    let mut waiting_for = IW_NO_PEER;
    let push = unsafe {
        iw_session_push_input(endpoint.session, 1, [1].as_ptr(), 1, std::ptr::null_mut(), &raw mut waiting_for)
    };
    assert_eq!((push, waiting_for), (IwStatus::TooFarAhead, 0));
}

//! Rounds that end while players leave.

use inputwire::{Config, Epoch, Instant, PeerConfig, PeerEvent, Session};
use inputwire_rollback::{Rollback, RollbackEvent, Step};

use crate::game::{Game, LEN};
use crate::mesh::Mesh;
use crate::pair::{Driver, End, FRAME_US, frame, is_desync};

#[test]
fn every_survivor_plays_a_round_to_its_end_with_the_last_inputs_of_one_who_died_in_it() {
    let (mut mesh, last) = (Mesh::new([0; 3], [|game| game.hash; 3]), frame(59));
    for end in &mut mesh.ends {
        end.end_round(last, Game::new(1));
    }
    let mut confirmed = [None; 2];
    for number in 0..600 {
        // The last inputs of player 2 reach player 0 only, whose own ones do not reach it. Then it dies.
        let players: &[usize] = if number > 64 { &[0, 1] } else { &[0, 1, 2] };
        mesh.frame_where(players, |from, to, _| number <= 54 || !matches!((from, to), (2, 1) | (0, 2)));
        for (end, confirmed) in mesh.ends.iter().zip(&mut confirmed) {
            if end.session().epoch() == Epoch::new(0) {
                *confirmed = end.confirmed_frame();
            }
        }
    }
    assert_eq!(confirmed, [Some(last); 2]);
    assert_eq!([0, 1].map(|end| mesh.ends[end].session().epoch()), [Epoch::new(1); 2]);
}

#[test]
fn a_round_does_not_wait_for_a_survivor_that_was_restarted_before_a_departure_was_settled() {
    let (mut mesh, last) = (Mesh::new([0; 3], [|game| game.hash; 3]), frame(59));
    mesh.ends[0].end_round(last, Game::new(1));
    for number in 0..65 {
        mesh.frame_where(&[0, 1, 2], |from, to, _| number <= 54 || !matches!((from, to), (2, 1) | (0, 2)));
    }
    assert_eq!((mesh.ends[0].confirmed_frame(), mesh.ends[0].session().epoch()), (Some(last), Epoch::new(0)));
    mesh.restart(1);
    mesh.disconnect(0, 2);
    (0..100).for_each(|_| mesh.frame(&[0, 1]));
    assert_eq!(mesh.ends[0].session().epoch(), Epoch::new(1));
}

#[test]
fn a_round_waits_for_a_departure_until_the_newcomer_that_another_end_lacks_is_given_up() {
    let mut mesh = Mesh::new([0; 3], [|game| game.hash; 3]);
    (0..30).for_each(|_| mesh.frame(&[0, 1, 2]));
    let (now, last) = (mesh.now(), frame(mesh.ends[0].session().next_frame().get() + 20));
    // Player 1 never adds it, and it would join after this round.
    let newcomer = PeerConfig::compact(3).from(frame(last.get() + 60));
    let newcomer = mesh.ends[0].add_peer(now, newcomer).expect("room");
    for end in &mut mesh.ends {
        end.end_round(last, Game::new(1));
    }
    for _ in 0..10 {
        mesh.frame(&[0, 1, 2]);
    }
    mesh.disconnect(0, 2);
    (0..100).for_each(|_| mesh.frame(&[0, 1]));
    let epochs = |mesh: &Mesh| [0, 1].map(|end| mesh.ends[end].session().epoch());
    assert_eq!(epochs(&mesh), [Epoch::new(0); 2]);
    let now = mesh.now();
    mesh.ends[0].remove_peer(now, newcomer);
    (0..30).for_each(|_| mesh.frame(&[0, 1]));
    assert_eq!(epochs(&mesh), [Epoch::new(1); 2]);
}

/// The greatest frame that can be pushed is 2^32 - 2.
#[test]
fn a_player_whose_last_frame_is_the_greatest_departs_at_the_end_of_the_round() {
    let (first, last) = (frame(u32::MAX - 60), frame(u32::MAX - 1));
    let mut ends = [0, 1].map(|player: u16| {
        let config =
            Config::builder().local_player(player).incarnation((1 << 40) + u64::from(player)).first_frame(first);
        let mut session: Session<1, LEN> = Session::new(config.build().expect("valid settings"));
        session.add_peer(Instant::ORIGIN, PeerConfig::compact(1 - player)).expect("a free place");
        let mut driver: Driver = Rollback::new(session, Game::new(0));
        driver.end_round(last, Game::new(1));
        driver
    });
    for number in 1..1_000_u64 {
        let now = Instant::from_micros(number * FRAME_US);
        let [a, b] = &mut ends;
        for datagram in a.frame(now, [1, 1], &mut Vec::new()).1 {
            // In the end player 1 hears nothing; then it dies, and has played to the end.
            if number < 55 {
                b.receive(now, &datagram);
            }
        }
        if number < 70 {
            for datagram in b.frame(now, [2, 2], &mut Vec::new()).1 {
                a.receive(now, &datagram);
            }
        }
    }
    let [a, _] = &ends;
    assert_eq!(a.session().epoch(), Epoch::new(1), "{:?}", a.confirmed_frame());
}

/// Player 2 plays the round to its end before the others, tells player 0 that it has begun the next one, and dies.
#[test]
fn a_round_that_a_player_began_before_it_died_is_the_next_one_of_all() {
    let mut mesh = Mesh::new([0; 3], [|game| game.hash; 3]);
    let last = frame(59);
    mesh.ends.iter_mut().for_each(|end| end.end_round(last, Game::new(1)));
    let mut rounds = [0; 3];
    for number in 0..150 {
        let players: &[usize] = if number > 70 { &[0, 1] } else { &[0, 1, 2] };
        mesh.now += FRAME_US;
        for player in players {
            for event in mesh.step(*player).1 {
                if matches!(event, RollbackEvent::EpochBegun { .. }) {
                    // All know how long a round is.
                    rounds[*player] += 1;
                    mesh.ends[*player].end_round(last, Game::new(rounds[*player] + 1));
                }
            }
        }
        if number == 75 {
            mesh.disconnect(0, 2);
        }
        for player in players {
            // Between players 0 and 1 inputs are lost for a while, and hellos when the round ends. What player 2 says last reaches
            // player 0 only.
            mesh.send_where(*player, |to, datagram| {
                let is_input = datagram[0] >= 0x80;
                let is_cut = player + to == 1 && if is_input { 55..90 } else { 90..97 }.contains(&number);
                !is_cut && (number < 59 || (*player, to) != (2, 1) || is_input)
            });
        }
    }
    let epochs = [0, 1].map(|end| mesh.ends[end].session().epoch());
    assert_eq!((rounds, epochs), ([1; 3], [Epoch::new(1); 2]));
}

/// Signalling names a frame a second ahead, and the round ends before that.
#[test]
fn a_joiner_whose_first_frame_is_behind_the_end_of_the_round_plays_in_the_next_one() {
    let (mut mesh, last) = (Mesh::new([0; 3], [|game| game.hash; 3]), frame(59));
    let now = mesh.now();
    for end in 0..2 {
        let peer = mesh.peer(end, 2);
        mesh.ends[end].remove_peer(now, peer);
        mesh.ends[end].end_round(last, Game::new(1));
    }
    (0..30).for_each(|_| mesh.frame(&[0, 1]));
    let from = frame(mesh.ends[0].session().next_frame().get() + 60);
    let now = mesh.now();
    for end in 0..2 {
        mesh.ends[end].add_peer(now, PeerConfig::compact(2).from(from)).expect("its place is free");
    }
    let again = Config::builder().local_player(2).incarnation(77 << 40).build().expect("valid settings");
    let mut joiner: Session<3, LEN> = Session::new(again);
    for other in [0, 1] {
        joiner.add_peer(now, PeerConfig::compact(other).from(from)).expect("a free place");
    }
    mesh.ends[2] = Rollback::new(joiner, Game::new(0)).with_checksums(10, |game| game.hash);
    let (mut plays, mut desyncs) = (false, 0);
    for _ in 0..300 {
        mesh.now += FRAME_US;
        let now = mesh.now();
        let mut events: Vec<_> = (0..if plays { 3 } else { 2 }).flat_map(|player| mesh.step(player).1).collect();
        if !plays {
            // The state before its first frame would come from one of the others.
            mesh.ends[2].handle_timeout(now);
            events.extend(std::iter::from_fn(|| mesh.ends[2].poll_event()));
            let is_ahead = |event: &RollbackEvent| {
                matches!(event, RollbackEvent::Peer { event: PeerEvent::EpochAhead { .. }, .. })
            };
            if events.iter().any(is_ahead) {
                mesh.ends[2].begin_epoch(now, Game::new(1)).expect("a peer is ahead");
                plays = true;
            }
        }
        desyncs += events.iter().filter(|event| is_desync(event)).count();
        (0..3).for_each(|player| mesh.send(player));
    }
    let epochs = [0, 1, 2].map(|end| mesh.ends[end].session().epoch());
    let confirmed = [0, 1, 2].map(|end| mesh.ends[end].confirmed_frame());
    assert_eq!((epochs, desyncs), ([Epoch::new(1); 3], 0));
    assert!(confirmed.iter().all(|confirmed| *confirmed > Some(frame(200))), "{confirmed:?}");
}

/// All know how long a round is, and say so as soon as one has begun. Player 1 is started anew when player 2 has begun the second
/// round, and player 0, which hears nothing for a moment, skips that one. A round starts from a state that its number tells.
#[test]
fn survivors_play_the_same_round_when_a_player_is_started_anew_between_two_rounds() {
    let (mut mesh, last) = (Mesh::new([0; 3], [|game| game.hash; 3]), frame(59));
    mesh.ends.iter_mut().for_each(|end| end.end_round(last, Game::new(1)));
    let (mut begun, mut desyncs) = (Vec::new(), Vec::new());
    for number in 0..180 {
        mesh.now += FRAME_US;
        let now = mesh.now();
        if number == 65 {
            mesh.restart(1);
        }
        for player in 0..3 {
            mesh.ends[player].handle_timeout(now);
            while let Some(event) = mesh.ends[player].poll_event() {
                match event {
                    RollbackEvent::EpochBegun { epoch } => {
                        begun.push((player, epoch));
                        mesh.ends[player].start_from(Game::new(epoch.get().into()));
                        mesh.ends[player].end_round(last, Game::new(u64::from(epoch.get()) + 1));
                    }
                    RollbackEvent::Peer { peer, event: PeerEvent::Desync { .. } } => {
                        let other = mesh.ends[player].session().peer(peer).expect("a peer").player();
                        desyncs.push((player, usize::from(other)));
                    }
                    _ => {}
                }
            }
            mesh.ends[player].step(now, [1, 1], Game::advance);
        }
        for player in 0..3 {
            // The acknowledgement of player 1 is lost, and then everything.
            let deaf_from = if player == 1 { 59 } else { 60 };
            mesh.send_where(player, |to, _| to != 0 || !(deaf_from..100).contains(&number));
        }
    }
    assert!(begun.contains(&(0, Epoch::new(2))) && !begun.contains(&(0, Epoch::new(1))), "{begun:?}");
    assert_eq!(desyncs, [], "{begun:?}");
}

/// The last inputs of player 2 reach player 0 only, then it dies. Player 0 calls `end_round` as soon as a round begins, and player 1 when
/// it sees the end, which it does not.
#[test]
fn who_is_left_behind_and_starts_from_the_right_state_plays_the_same_round() {
    let (mut mesh, last) = (Mesh::new([0; 3], [|game| game.hash; 3]), frame(59));
    mesh.ends[0].end_round(last, Game::new(1));
    let (mut begun, mut desyncs) = (Vec::new(), Vec::new());
    for number in 0..900 {
        mesh.now += FRAME_US;
        let now = mesh.now();
        let players: &[usize] = if number > 64 { &[0, 1] } else { &[0, 1, 2] };
        for player in players {
            mesh.ends[*player].handle_timeout(now);
            while let Some(event) = mesh.ends[*player].poll_event() {
                if let RollbackEvent::EpochBegun { epoch } = event {
                    begun.push((*player, epoch));
                    mesh.ends[*player].start_from(Game::new(epoch.get().into()));
                    if *player == 0 {
                        mesh.ends[0].end_round(last, Game::new(u64::from(epoch.get()) + 1));
                    }
                } else if is_desync(&event) {
                    desyncs.push((*player, event));
                }
            }
            let end = &mut mesh.ends[*player];
            end.step(now, [1, 1], Game::advance);
            if end.confirmed_frame() >= Some(last) && *player > 0 {
                let epoch = end.session().epoch().get();
                end.end_round(last, Game::new(u64::from(epoch) + 1));
            }
        }
        for player in players {
            mesh.send_where(*player, |to, _| number <= 54 || (*player, to) != (2, 1));
        }
    }
    assert!(begun.len() > 4, "{begun:?}");
    assert_eq!(desyncs, [], "{begun:?}");
}

/// The link between players 1 and 2 fails. Player 1 gives player 2 up, and begins a match of two at once.
#[test]
fn a_player_with_good_links_follows_another_that_has_given_up_a_third_and_begun_an_epoch() {
    let mut mesh = Mesh::new([0, 5, 0], [|game| game.hash; 3]);
    mesh.ends[2].set_max_prediction(1);
    let mut waited = 0;
    for number in 0..800 {
        mesh.now += FRAME_US;
        let now = mesh.now();
        if number == 70 {
            mesh.disconnect(1, 2);
            mesh.ends[1].begin_epoch(now, Game::new(0)).expect("epochs are left");
        }
        for player in 0..3 {
            let (step, _) = mesh.step(player);
            waited += u32::from(player == 0 && number > 70 && !matches!(step, Step::Advanced { .. }));
        }
        for player in 0..3 {
            mesh.send_where(player, |to, _| player + to != 3 || number < 40);
        }
    }
    let epochs = [0, 1].map(|end| mesh.ends[end].session().epoch());
    assert!(waited < 90 && epochs == [Epoch::new(1); 2], "waited {waited} frames, {epochs:?}");
}

//! Spectators.

use inputwire_sim::network::Faults;

use super::game::{Game, Repeating, State};
use super::world::{Setup, Socket, World, FRAME_US};
use crate::api::{Config, GgrsError, GgrsEvent, PlayerType, PredictRepeatLast, SessionState};
use crate::builder::SessionBuilder;
use crate::clock;
use crate::spectator::SpectatorSession;

fn setups(ends: usize) -> Vec<Setup> {
    (0..ends)
        .map(|end| Setup {
            delays: vec![end],
            window: 8,
            is_sparse: end == 1,
            is_eager: end == 0,
            frame_us: FRAME_US + end as u64 * 20,
            start_us: end as u64 * 3_000,
        })
        .collect()
}

fn spectator(world: &World<Repeating>, players: usize, behind: usize, speed: usize) -> SpectatorSession<Repeating> {
    let (_, socket) = world.watching.first().expect("one was asked for");
    SessionBuilder::new()
        .with_num_players(players)
        .and_then(|builder| builder.with_max_frames_behind(behind))
        .and_then(|builder| builder.with_catchup_speed(speed))
        .expect("valid settings")
        .start_spectator_session(0, socket.clone())
}

fn send(world: &mut World<Repeating>) {
    let (address, socket) = world.watching.first().expect("one was asked for").clone();
    for (to, bytes) in socket.take_sent() {
        world.network.send(world.now, address, to, &bytes);
    }
}

#[test]
fn a_spectator_plays_the_confirmed_frames_and_catches_up() {
    let mut world = World::<Repeating>::new(4, &setups(3), 1, |builder| builder);
    world.set_faults(Faults { loss: 100, delay_us: 30_000, ..Faults::default() });
    let mut watcher = spectator(&world, 3, 5, 2);
    let mut game = Game::default();
    assert_eq!(watcher.advance_frame().err(), Some(GgrsError::NotSynchronized));
    let (mut most_behind, mut most_at_once) = (0, 0);
    world.run(6_000_000, |world, me| {
        if me == 0 {
            // A second in which it does not play.
            if (2_000_000..3_000_000).contains(&world.now) {
                watcher.poll_remote_clients();
            } else if let Ok(requests) = watcher.advance_frame() {
                most_at_once = most_at_once.max(requests.len());
                game.run(requests);
            }
            most_behind = most_behind.max(watcher.frames_behind_host());
            send(world);
        }
    });
    assert!(most_behind > 50, "{most_behind}");
    assert_eq!(most_at_once, 2);
    assert!(watcher.frames_behind_host() <= 6, "{}", watcher.frames_behind_host());
    assert_eq!(watcher.current_state(), SessionState::Running);
    assert!(game.state.frame > 300 && watcher.current_frame() == game.state.frame - 1);
    let truth = world.truth(game.played.len(), &[].into());
    for (played, truth) in game.played.iter().zip(truth) {
        assert_eq!(played.hash, truth);
    }
    let stats = watcher.network_stats().expect("it has run for seconds");
    assert!((60..90).contains(&stats.ping), "{stats:?}");
    assert_eq!(world.ends[0].session.num_spectators(), 1);
    assert!(world.ends[0].session.network_stats(3).is_ok());
}

#[test]
fn a_spectator_sees_that_a_player_has_left() {
    let mut world = World::<Repeating>::new(4, &setups(3), 1, |builder| builder);
    let mut watcher = spectator(&world, 3, 5, 2);
    let mut game = Game::default();
    world.run(4_000_000, |world, me| {
        if me == 0 {
            if let Ok(requests) = watcher.advance_frame() {
                game.run(requests);
            }
            send(world);
        }
        if world.now > 1_000_000 {
            world.ends[2].is_alive = false;
        }
    });
    let end = world.end_of(0, 2).expect("it is gone");
    assert!(game.played.len() > end + 30);
    let truth = world.truth(game.played.len(), &[(2, end)].into());
    for (played, truth) in game.played.iter().zip(truth) {
        assert_eq!(played.hash, truth);
    }
}

#[test]
fn a_spectator_that_acknowledges_nothing_is_given_up_and_the_game_goes_on() {
    let mut world = World::<Repeating>::new(4, &setups(2), 1, |builder| {
        builder.with_disconnect_timeout(std::time::Duration::from_secs(60))
    });
    let mut watcher = spectator(&world, 2, 5, 2);
    world.run(4_000_000, |world, me| {
        if me == 0 && world.now < 1_000_000 {
            watcher.poll_remote_clients();
            send(world);
        }
    });
    let end = &mut world.ends[0];
    end.events.extend(end.session.events());
    assert!(end.events.contains(&GgrsEvent::Disconnected { addr: 2 }));
    assert!(end.session.current_frame() > 220);
}

#[test]
fn a_spectator_of_another_number_of_players_never_starts() {
    let mut world = World::<Repeating>::new(4, &setups(2), 1, |builder| builder);
    let mut watcher = spectator(&world, 3, 5, 2);
    world.run(1_000_000, |world, me| {
        if me == 0 {
            watcher.poll_remote_clients();
            send(world);
        }
    });
    assert_eq!(watcher.current_state(), SessionState::Synchronizing);
    assert_eq!(world.ends[0].session.current_state(), SessionState::Synchronizing);
}

#[test]
fn inputs_too_long_for_spectators_are_refused_by_the_host_and_never_start_at_the_spectator() {
    struct Long;
    impl Config for Long {
        type Input = [u64; 16];
        type InputPredictor = PredictRepeatLast;
        type State = State;
        type Address = usize;
    }
    clock::imp::set(0);
    let builder = || {
        SessionBuilder::<Long>::new()
            .add_player(PlayerType::Local, 0)
            .and_then(|builder| builder.add_player(PlayerType::Remote(1), 1))
            .expect("free handles")
    };
    assert!(builder().start_p2p_session(Socket::default()).is_ok());
    let with_spectator = builder().add_player(PlayerType::Spectator(2), 2).expect("a free handle");
    let refused = with_spectator.start_p2p_session(Socket::default()).err();
    assert!(matches!(refused, Some(GgrsError::InvalidRequest { .. })), "{refused:?}");
    let mut watcher = SessionBuilder::<Long>::new().start_spectator_session(0, Socket::default());
    watcher.poll_remote_clients();
    assert_eq!(watcher.advance_frame().err(), Some(GgrsError::NotSynchronized));
}

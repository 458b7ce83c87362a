//! One test for each sentence of the contract: what a call asks for, in which order.

use std::time::Duration;

use super::game::{written, Game, Pad, Repeating};
use super::world::Socket;
use crate::api::{
    DesyncDetection, GgrsError, GgrsEvent, InputStatus, NetworkStats, PlayerType, SessionState, NULL_FRAME,
};
use crate::builder::SessionBuilder;
use crate::clock;
use crate::p2p::P2PSession;

/// Two ends without a network between: what one sends arrives when the other one polls.
struct Table {
    ends: Vec<(P2PSession<Repeating>, Socket, Game)>,
    now: u64,
}

impl Table {
    fn new(settings: impl Fn(usize, SessionBuilder<Repeating>) -> SessionBuilder<Repeating>) -> Self {
        Self::of(2, settings)
    }

    fn of(ends: usize, settings: impl Fn(usize, SessionBuilder<Repeating>) -> SessionBuilder<Repeating>) -> Self {
        clock::imp::set(0);
        let start = |me| {
            let mut builder = settings(me, SessionBuilder::new().with_num_players(ends).expect("players"));
            for handle in 0..ends {
                let place = if handle == me { PlayerType::Local } else { PlayerType::Remote(handle) };
                builder = builder.add_player(place, handle).expect("a free handle");
            }
            let socket = Socket::default();
            (builder.start_p2p_session(socket.clone()).expect("valid"), socket, Game::default())
        };
        Self { ends: (0..ends).map(start).collect(), now: 0 }
    }

    /// All ends have answered.
    fn synchronized(mut self) -> Self {
        for _ in 0..10 {
            for me in 0..self.ends.len() {
                self.ends[me].0.poll_remote_clients();
                self.carry();
            }
        }
        assert!(self.ends.iter().all(|(session, _, _)| session.current_state() == SessionState::Running));
        self
    }

    /// Carries what was sent.
    fn carry(&mut self) {
        for from in 0..self.ends.len() {
            for (to, bytes) in self.ends[from].1.take_sent() {
                self.ends[to].1.arrive(from, &bytes);
            }
        }
    }

    fn wait(&mut self, millis: u64) {
        self.now += millis * 1_000;
        clock::imp::set(self.now);
    }

    /// Plays a frame; what is asked for, written down.
    fn step(&mut self, me: usize, buttons: u8) -> String {
        let (session, _, game) = &mut self.ends[me];
        session.add_local_input(me, Pad::new(buttons)).expect("a local player");
        let requests = session.advance_frame().expect("it runs");
        let text = written(&requests);
        game.run(requests);
        self.carry();
        text
    }
}

#[test]
fn nothing_is_sent_before_the_first_poll_and_the_handshake_takes_one_trip() {
    let mut table = Table::new(|_, builder| builder);
    assert!(table.ends.iter().all(|(_, socket, _)| socket.take_sent().is_empty()));
    let (session, _, _) = &mut table.ends[0];
    session.add_local_input(0, Pad::new(1)).expect("a local player");
    assert_eq!(session.advance_frame().err(), Some(GgrsError::NotSynchronized));
    let mut table = Table::new(|_, builder| builder).synchronized();
    let mut expected: Vec<GgrsEvent<Repeating>> =
        (1..5).map(|count| GgrsEvent::Synchronizing { addr: 1, total: 5, count }).collect();
    expected.push(GgrsEvent::Synchronized { addr: 1 });
    assert_eq!(table.ends[0].0.events().collect::<Vec<_>>(), expected);
}

#[test]
fn a_missing_local_input_is_an_error_that_changes_nothing() {
    let mut table = Table::new(|_, builder| builder).synchronized();
    let (session, _, _) = &mut table.ends[0];
    assert!(matches!(session.advance_frame().err(), Some(GgrsError::InvalidRequest { .. })));
    assert_eq!(session.current_frame(), 0);
    assert!(matches!(session.add_local_input(1, Pad::new(0)), Err(GgrsError::InvalidRequest { .. })));
    assert_eq!(table.step(0, 1), "S0 S0 A[1c,128p]");
}

#[test]
fn the_first_frame_is_saved_first_and_every_frame_is_saved_before_it_is_played() {
    let mut table = Table::new(|_, builder| builder).synchronized();
    assert_eq!(table.step(0, 1), "S0 S0 A[1c,128p]");
    assert_eq!(table.step(0, 2), "S1 A[2c,128p]");
    assert_eq!(table.step(1, 3), "S0 S0 A[1c,3c]");
    assert_eq!(table.step(1, 4), "S1 A[2c,4c]");
}

#[test]
fn a_wrong_frame_is_loaded_and_all_but_it_are_saved_again() {
    let mut table = Table::new(|_, builder| builder).synchronized();
    table.step(0, 1);
    table.step(0, 2);
    table.step(0, 3);
    table.step(1, 128);
    assert_eq!(table.step(0, 4), "L0 A[1c,128c] S1 A[2c,128p] S2 A[3c,128p] S3 A[4c,128p]");
    table.step(1, 7);
    table.step(1, 8);
    let expected = "L1 A[2c,7c] S2 A[3c,8c] S3 A[4c,8p] S4 A[5c,8p]";
    assert_eq!(table.step(0, 5), expected);
}

#[test]
fn a_right_prediction_rolls_nothing_back() {
    let mut table = Table::new(|_, builder| builder).synchronized();
    table.step(1, 6);
    table.step(0, 1);
    table.step(0, 2);
    table.step(1, 6);
    assert_eq!(table.step(0, 3), "S2 A[3c,6p]");
    assert_eq!(table.ends[0].2.loads, 0);
}

#[test]
fn behind_the_prediction_window_the_game_stands_still_with_ok_and_keeps_its_first_input() {
    let mut table = Table::new(|_, builder| builder).synchronized();
    for number in 0..8 {
        assert!(table.step(0, number).ends_with("p]"));
    }
    assert_eq!(table.step(0, 50), "S8");
    assert_eq!(table.step(0, 51), "S8");
    // Inputs that were given need not be given again.
    let requests = table.ends[0].0.advance_frame().expect("it runs");
    assert_eq!(written(&requests), "S8");
    assert_eq!((table.ends[0].0.current_frame(), table.ends[0].0.confirmed_frame()), (8, NULL_FRAME));
    table.step(1, 128);
    let text = table.step(0, 52);
    assert!(text.ends_with("S8"), "{text}"); // frame 0 is confirmed: 8 - 0 frames ahead
    table.step(1, 128);
    let text = table.step(0, 53);
    assert!(text.ends_with("S8 A[50c,128p]"), "{text}");
}

#[test]
fn lockstep_saves_nothing_waits_with_an_empty_list_and_keeps_its_first_input() {
    let mut table = Table::new(|_, builder| builder.with_max_prediction_window(0)).synchronized();
    assert!(table.ends[0].0.in_lockstep_mode());
    assert_eq!(table.step(0, 1), "");
    assert_eq!(table.step(0, 2), "");
    assert_eq!(table.step(1, 9), "A[1c,9c]");
    assert_eq!(table.step(0, 3), "A[1c,9c]");
    assert_eq!(table.step(1, 10), "");
    assert_eq!(table.step(0, 4), "A[4c,10c]");
}

#[test]
fn lockstep_with_wait_looks_again_until_the_time_is_over() {
    let mut table = Table::new(|_, builder| builder.with_max_prediction_window(0)).synchronized();
    let (session, _, _) = &mut table.ends[0];
    session.add_local_input(0, Pad::new(1)).expect("a local player");
    let requests = session.advance_frame_with_wait_timeout(Duration::from_millis(2)).expect("it runs");
    assert!(requests.is_empty());
    table.carry();
    table.step(1, 2);
    let (session, _, _) = &mut table.ends[0];
    let requests = session.advance_frame_with_wait().expect("it runs");
    assert_eq!(written(&requests), "A[1c,2c]");
}

#[test]
fn an_input_delay_puts_defaults_first_a_longer_one_repeats_and_a_shorter_one_drops() {
    let mut table = Table::new(|me, builder| builder.with_input_delay(2 - 2 * me)).synchronized();
    let mut seen = Vec::new();
    for number in 0..14 {
        let delay = [None, Some(4), Some(1)][usize::from(number == 4) + 2 * usize::from(number == 8)];
        if let Some(delay) = delay {
            table.ends[0].0.set_input_delay(0, delay).expect("a local player");
        }
        table.step(0, 10 + number);
        table.step(1, 50);
        let (pad, status) = table.ends[1].2.played[usize::from(number)].inputs[0];
        assert_eq!(status, InputStatus::Confirmed);
        seen.push(pad.buttons);
    }
    assert_eq!(seen, [128, 128, 10, 11, 12, 13, 13, 13, 14, 15, 16, 17, 21, 22]);
    assert!(matches!(table.ends[0].0.set_input_delay(1, 1), Err(GgrsError::InvalidRequest { .. })));
}

#[test]
fn sparse_saving_saves_confirmed_frames_only_and_loads_the_last_saved_one() {
    let settings =
        |_, builder: SessionBuilder<Repeating>| builder.with_sparse_saving_mode(true).with_max_prediction_window(4);
    let mut table = Table::new(settings).synchronized();
    assert_eq!(table.step(0, 1), "S0 A[1c,128p]");
    assert_eq!(table.step(0, 2), "A[2c,128p]");
    assert_eq!(table.step(0, 3), "A[3c,128p]");
    assert_eq!(table.step(1, 0), "S0 A[1c,0c]");
    assert_eq!(table.step(1, 2), "A[2c,2c]");
    assert_eq!(table.step(0, 5), "L0 A[1c,0c] S1 A[2c,2c] A[3c,2p] A[5c,2p]");
    assert_eq!(table.step(1, 2), "A[3c,2c]");
    assert_eq!(table.step(1, 3), "A[5c,3c]");
    // What was predicted right is confirmed when it is played again.
    assert_eq!(table.step(0, 6), "L1 A[2c,2c] A[3c,2c] S3 A[5c,3c] A[6c,3p]");
}

#[test]
fn several_local_players_share_a_row_and_may_have_different_delays() {
    clock::imp::set(0);
    let mut session = SessionBuilder::<Repeating>::new()
        .add_player(PlayerType::Local, 0)
        .and_then(|builder| builder.add_player(PlayerType::Local, 1))
        .and_then(|builder| builder.start_p2p_session(Socket::default()))
        .expect("valid");
    assert_eq!(session.current_state(), SessionState::Running);
    session.set_input_delay(1, 2).expect("a local player");
    let mut texts = Vec::new();
    for number in 0..4 {
        session.add_local_input(1, Pad::new(50 + number)).expect("a local player");
        session.add_local_input(0, Pad::new(number)).expect("a local player");
        texts.push(written(&session.advance_frame().expect("it runs")));
    }
    assert_eq!(texts, ["S0 S0 A[0c,128c]", "S1 A[1c,128c]", "S2 A[2c,50c]", "S3 A[3c,51c]"]);
    assert_eq!((session.confirmed_frame(), session.current_frame()), (3, 4));
    assert_eq!(session.events().count(), 0);
}

#[test]
fn who_is_disconnected_by_the_game_is_gone_from_the_frame_after_its_last_input() {
    let mut table = Table::new(|_, builder| builder).synchronized();
    for number in 0..3 {
        table.step(0, number);
        table.step(1, 9);
    }
    table.step(0, 3);
    table.ends[0].0.events().for_each(drop);
    let session = &mut table.ends[0].0;
    assert!(matches!(session.disconnect_player(0), Err(GgrsError::InvalidRequest { .. })));
    assert!(matches!(session.disconnect_player(7), Err(GgrsError::InvalidRequest { .. })));
    assert_eq!(session.disconnect_player(1), Ok(()));
    assert!(matches!(session.disconnect_player(1), Err(GgrsError::InvalidRequest { .. })));
    assert_eq!(table.step(0, 4), "L3 A[3c,128d] S4 A[4c,128d]");
    assert_eq!(table.step(0, 5), "S5 A[5c,128d]");
    assert_eq!(table.ends[0].0.events().count(), 0);
    assert_eq!(table.ends[0].0.network_stats(1).err(), Some(GgrsError::NotSynchronized));
    assert_eq!(table.ends[0].0.remote_player_handles(), [1]);
}

#[test]
fn states_that_differ_are_reported_with_the_first_compared_frame() {
    let settings =
        |_, builder: SessionBuilder<Repeating>| builder.with_desync_detection_mode(DesyncDetection::On { interval: 3 });
    let mut table = Table::new(settings).synchronized();
    table.ends[1].2.skew = 1;
    let mut events = Vec::new();
    for number in 0..12 {
        for me in 0..2 {
            table.wait(8);
            table.step(me, number);
            events.extend(table.ends[me].0.events().map(|event| (me, event)));
        }
    }
    let desyncs: Vec<_> = events
        .iter()
        .filter_map(|(me, event)| match event {
            GgrsEvent::DesyncDetected { frame, local_checksum, remote_checksum, addr } => {
                Some((*me, *frame, *local_checksum, *remote_checksum, *addr))
            }
            _ => None,
        })
        .collect();
    let [first, second] = desyncs[..] else { panic!("one report at each end: {events:?}") };
    assert_eq!((first.1, second.1), (3, 3));
    assert_eq!((first.2, first.3), (second.3, second.2));
    assert_eq!([first.4, second.4], [1 - first.0, 1 - second.0]);
    assert!(first.2 < 1 << 64 && first.2 != first.3 && first.0 != second.0);
}

#[test]
fn statistics_come_after_a_second() {
    let mut table = Table::new(|_, builder| builder).synchronized();
    assert_eq!(table.ends[0].0.network_stats(1).err(), Some(GgrsError::NotEnoughData));
    for number in 0..80 {
        table.wait(17);
        table.step(0, number);
        table.step(1, number);
    }
    let NetworkStats { ping, send_queue_len, local_frames_behind, remote_frames_behind } =
        table.ends[0].0.network_stats(1).expect("after a second");
    assert!(ping < 20 && send_queue_len < 8, "{ping} {send_queue_len}");
    assert_eq!((local_frames_behind, remote_frames_behind, table.ends[0].0.frames_ahead()), (0, 0, 0));
    assert!(matches!(table.ends[0].0.network_stats(0), Err(GgrsError::InvalidRequest { .. })));
}

#[test]
fn a_game_that_is_ahead_is_told_to_wait_once_a_second_whatever_its_delay() {
    for delay in [0, 4] {
        let mut table = Table::new(|_, builder| builder.with_input_delay(delay)).synchronized();
        let mut told = Vec::new();
        for number in 0..240_u32 {
            table.wait(17);
            // The second end starts late, and stays behind.
            table.step(0, 1);
            if number > 5 {
                table.step(1, 2);
            }
            let events: Vec<_> = table.ends[0].0.events().collect();
            told.extend(events.into_iter().filter_map(|event| match event {
                GgrsEvent::WaitRecommendation { skip_frames } => Some(skip_frames),
                _ => None,
            }));
            let other = table.ends[1].0.events().any(|event| matches!(event, GgrsEvent::WaitRecommendation { .. }));
            assert!(!other, "who is behind need not wait");
        }
        assert!((3..=4).contains(&told.len()), "delay {delay}: {told:?}");
        assert!(told.iter().all(|frames| (3..=7).contains(frames)), "delay {delay}: {told:?}");
        assert!((3..=7).contains(&table.ends[0].0.frames_ahead()));
    }
}

#[test]
fn a_sync_test_plays_the_latest_frames_again_and_names_those_that_differ() {
    let mut session = SessionBuilder::<Repeating>::new()
        .with_check_distance(3)
        .with_input_delay(1)
        .start_synctest_session()
        .expect("valid");
    let mut game = Game::default();
    assert!(matches!(session.add_local_input(2, Pad::new(0)), Err(GgrsError::InvalidRequest { .. })));
    assert!(matches!(session.advance_frame().err(), Some(GgrsError::InvalidRequest { .. })));
    let mut texts = Vec::new();
    for number in 0..7 {
        session.add_local_input(0, Pad::new(number)).expect("a player");
        session.add_local_input(1, Pad::new(number + 1)).expect("a player");
        let requests = session.advance_frame().expect("it is deterministic yet");
        texts.push(written(&requests));
        if number == 6 {
            game.skew = 1;
        }
        game.run(requests);
    }
    assert_eq!(texts[3], "S3 A[2c,3c]");
    assert_eq!(texts[4], "L1 A[0c,1c] S2 A[1c,2c] S3 A[2c,3c] S4 A[3c,4c]");
    session.add_local_input(0, Pad::new(0)).expect("a player");
    session.add_local_input(1, Pad::new(0)).expect("a player");
    for _ in 0..2 {
        let expected = GgrsError::MismatchedChecksum { current_frame: 7, mismatched_frames: vec![4, 5] };
        assert_eq!(session.advance_frame().err(), Some(expected));
    }
    assert_eq!((session.current_frame(), session.check_distance(), session.max_prediction()), (7, 3, 8));
}

#[test]
fn a_builder_refuses_what_makes_no_sense() {
    let builder = SessionBuilder::<Repeating>::new;
    let is_invalid = |result: Result<SessionBuilder<Repeating>, GgrsError>| {
        matches!(result.err(), Some(GgrsError::InvalidRequest { .. }))
    };
    assert!(is_invalid(builder().with_num_players(0)));
    assert!(is_invalid(builder().with_fps(0)));
    assert!(is_invalid(builder().with_catchup_speed(0)));
    assert!(is_invalid(builder().with_max_frames_behind(0)));
    assert!(is_invalid(builder().with_max_frames_behind(60)));
    assert!(builder().with_max_frames_behind(59).is_ok());
    assert!(is_invalid(builder().add_player(PlayerType::Local, 2)));
    assert!(is_invalid(builder().add_player(PlayerType::Spectator(4), 1)));
    let one = builder().add_player(PlayerType::Local, 1).expect("a free handle");
    assert!(is_invalid(one.add_player(PlayerType::Remote(3), 1)));
    let one = builder().add_player(PlayerType::Local, 1).expect("a free handle");
    assert!(is_invalid(one.with_num_players(1)));
    let one = builder().add_player(PlayerType::Local, 0).expect("a free handle");
    assert!(one.start_p2p_session(Socket::default()).is_err());
    let both = builder().add_player(PlayerType::Local, 0).and_then(|builder| builder.add_player(PlayerType::Local, 1));
    let both = both.expect("free handles").with_desync_detection_mode(DesyncDetection::On { interval: 0 });
    assert!(both.start_p2p_session(Socket::default()).is_err());
    assert!(builder().with_check_distance(8).start_synctest_session().is_err());
    assert!(builder().with_sparse_saving_mode(true).start_synctest_session().is_err());
}

#[test]
fn the_displays_are_those_that_games_show() {
    assert_eq!(PlayerType::Remote(3).to_string(), "Remote(3)");
    assert_eq!(format!("{} {}", PlayerType::<u8>::Local, PlayerType::Spectator(4)), "Local Spectator(4)");
    assert_eq!(format!("{} {}", SessionState::Running, SessionState::Synchronizing), "Running Synchronizing");
    let statuses = [InputStatus::Confirmed, InputStatus::Predicted, InputStatus::Disconnected];
    assert_eq!(statuses.map(|status| status.to_string()), ["Confirmed", "Predicted", "Disconnected"]);
    assert_eq!(DesyncDetection::On { interval: 10 }.to_string(), "On (interval: 10)");
    assert_eq!(DesyncDetection::Off.to_string(), "Off");
}

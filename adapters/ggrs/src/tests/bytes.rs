//! Whatever bytes arrive.

use proptest::prelude::*;

use super::game::{Game, Repeating};
use super::world::{Setup, Socket, World, FRAME_US};
use crate::api::{NonBlockingSocket, PlayerType};
use crate::builder::SessionBuilder;
use crate::clock;
use crate::message::Message;

fn message(bytes: &[u8]) -> Message {
    Message::new(bytes)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_message_comes_back_from_every_format_and_binary_ones_add_nothing(
        bytes in prop::collection::vec(any::<u8>(), 0..=1024),
    ) {
        let sent = message(&bytes);
        let one = bincode::serialize(&sent).expect("bytes");
        let config = bincode2::config::standard();
        let two = bincode2::serde::encode_to_vec(&sent, config).expect("bytes");
        let post = postcard::to_allocvec(&sent).expect("bytes");
        let json = serde_json::to_string(&sent).expect("numbers");
        prop_assert_eq!(&one, &bytes);
        prop_assert_eq!(one.len(), bytes.len());
        prop_assert_eq!(&post, &bytes);
        prop_assert_eq!(bincode::deserialize::<Message>(&one).expect("a message"), sent.clone());
        let (back, _): (Message, usize) = bincode2::serde::decode_from_slice(&two, config).expect("a message");
        prop_assert_eq!(back, sent.clone());
        prop_assert_eq!(postcard::from_bytes::<Message>(&post).expect("a message"), sent.clone());
        prop_assert_eq!(serde_json::from_str::<Message>(&json).expect("a message"), sent);
    }

    #[test]
    fn no_input_makes_a_message_fail(bytes in prop::collection::vec(any::<u8>(), 0..=3000)) {
        prop_assert!(bincode::deserialize::<Message>(&bytes).is_ok());
        prop_assert!(postcard::from_bytes::<Message>(&bytes).is_ok());
        let config = bincode2::config::standard();
        prop_assert!(bincode2::serde::decode_from_slice::<Message, _>(&bytes, config).is_ok());
        let message = bincode::deserialize::<Message>(&bytes).expect("a message");
        prop_assert!(message.bytes().len() <= 1024);
    }

    #[test]
    fn random_bytes_change_nothing_for_a_running_game(
        junk in prop::collection::vec((0..4_usize, prop::collection::vec(any::<u8>(), 0..80)), 1..60),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..60),
    ) {
        let setup = Setup {
            delays: vec![1],
            window: 8,
            is_sparse: false,
            is_eager: false,
            frame_us: FRAME_US,
            start_us: 0,
        };
        let mut world = World::<Repeating>::new(8, &[setup.clone(), setup], 1, |builder| builder);
        let watcher_socket = world.watching[0].1.clone();
        let mut watcher = SessionBuilder::<Repeating>::new().start_spectator_session(0, watcher_socket.clone());
        let mut seen = Game::default();
        let (mut junk, mut flips) = (junk.into_iter(), flips.into_iter());
        world.run(1_500_000, |world, me| {
            if let Some((from, bytes)) = junk.next() {
                world.ends[me].socket.arrive(from, &bytes);
                watcher_socket.arrive(0, &bytes);
            }
            if me == 0 {
                if let Ok(requests) = watcher.advance_frame() {
                    seen.run(requests);
                }
                for (to, mut bytes) in watcher_socket.take_sent() {
                    world.network.send(world.now, 2, to, &bytes);
                    if let Some((index, mask)) = flips.next() {
                        if !bytes.is_empty() && mask != 0 {
                            let at = index.index(bytes.len());
                            bytes[at] ^= mask;
                            world.ends[0].socket.arrive(2, &bytes);
                            world.ends[0].socket.arrive(1, &bytes);
                        }
                    }
                }
            }
        });
        prop_assert!(world.ends[0].session.current_frame() > 75);
        prop_assert!(seen.state.frame > 70);
        world.check(&[0, 1], &[].into());
    }

    #[test]
    fn no_duration_and_no_request_makes_a_session_panic(
        micros in prop::collection::vec(prop_oneof![Just(0), 0..2_000_000_u64, Just(u64::MAX)], 2),
        numbers in prop::collection::vec(prop_oneof![Just(0), 0..80_usize, Just(usize::MAX)], 6),
        sparse in any::<bool>(),
    ) {
        clock::imp::set(0);
        let [timeout, notify] = [micros[0], micros[1]].map(std::time::Duration::from_micros);
        let builder = SessionBuilder::<Repeating>::new()
            .with_disconnect_timeout(timeout)
            .with_disconnect_notify_delay(notify)
            .with_max_prediction_window(numbers[0])
            .with_input_delay(numbers[1])
            .with_check_distance(numbers[2])
            .with_sparse_saving_mode(sparse)
            .with_fps(numbers[3].max(1))
            .and_then(|builder| builder.add_player(PlayerType::Local, 0))
            .and_then(|builder| builder.add_player(PlayerType::Remote(1), 1))
            .and_then(|builder| builder.add_player(PlayerType::Spectator(2), 2))
            .expect("valid");
        let mut socket = Socket::default();
        socket.send_to(&message(&[1, 2, 3]), &7);
        let session = builder.start_p2p_session(socket);
        let mut session = session.expect("all durations are brought into range");
        for handle in [0, 1, 2, 3, numbers[4], numbers[5]] {
            let _ = session.add_local_input(handle, super::game::Pad::new(1));
            let _ = session.set_input_delay(handle, numbers[5]);
            let _ = session.network_stats(handle);
            let _ = session.advance_frame();
            let _ = session.disconnect_player(handle);
            clock::imp::set(numbers[4].min(1 << 40) as u64);
        }
        let _ = session.advance_frame_with_wait_timeout(std::time::Duration::ZERO);
        let _ = session.events().count();
        let synctest = SessionBuilder::<Repeating>::new()
            .with_check_distance(numbers[2])
            .with_max_prediction_window(numbers[0])
            .with_input_delay(numbers[1])
            .start_synctest_session();
        if let Ok(mut synctest) = synctest {
            let mut game = Game::default();
            for number in 0..20 {
                for handle in 0..2 {
                    synctest.add_local_input(handle, super::game::Pad::new(number)).expect("a player");
                }
                game.run(synctest.advance_frame().expect("the game is deterministic"));
            }
        }
    }
}

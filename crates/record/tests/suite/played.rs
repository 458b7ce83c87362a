//! Recordings of simulated games replay equal.

use std::collections::HashSet;
use std::io::{self, Write};

use inputwire::{
    AddPeerError, Config, Endpoint, Frame, Instant, MAX_DATAGRAM_SIZE, PeerConfig, PeerId, PushError, Session,
};
use inputwire_record::{Call, FileError, Keys, Outcome, Recorder, Replay, Setup, Stop, Tape};

use crate::game::{Game, KEY, Keyed, PAIR_KEY, play, play_game, replay, settings, sizes_of};

fn at(micros: u64) -> Instant {
    Instant::from_micros(micros)
}

/// Returns the name of the method.
fn name(call: &Call<'_>) -> String {
    format!("{call:?}").split('(').take(1).collect()
}

#[test]
fn games_of_every_size_replay_equal() {
    let mut kinds = HashSet::new();
    for seed in 0..12 {
        let games = [
            play::<1, 120>(seed, 300, false, PeerConfig::compact),
            play::<1, 120>(seed, 300, true, PeerConfig::compact),
            play::<1, 120>(seed, 300, false, PeerConfig::classic),
            play::<2, 60>(seed, 200, false, PeerConfig::compact),
            play::<4, 120>(seed, 200, true, PeerConfig::compact),
            play::<8, 60>(seed, 200, false, PeerConfig::compact),
            play::<16, 120>(seed, 200, true, PeerConfig::compact),
            play::<32, 60>(seed, 200, false, PeerConfig::compact),
        ];
        for (place, game) in games.iter().enumerate() {
            let key = matches!(place, 1 | 4 | 6).then_some(KEY);
            for file in game {
                let steps = replay(file, key).unwrap_or_else(|stop| panic!("seed {seed}, game {place}: {stop}"));
                assert_eq!(steps.last().map(|step| step.call), Some(Call::End));
                kinds.extend(steps.iter().map(|step| name(&step.call)));
            }
        }
    }
    // All except `remove_peer`, which would end the game.
    assert_eq!(kinds.len(), 19);
}

#[test]
fn a_skip_replays_as_far_as_it_got() {
    let mut session: Recorder<Vec<u8>, 1, 1> = Recorder::new(settings(1, 0).build().expect("valid"), Vec::new());
    let peer = session.add_peer(at(0), PeerConfig::classic(1)).expect("room");
    let mut buf = [0; MAX_DATAGRAM_SIZE];
    assert_eq!(session.skip_to(at(5), Frame::new(300), [9]), Ok(Frame::new(120)));
    assert_eq!(session.skip_to(at(5), Frame::new(300), [9]), Ok(Frame::new(120)), "nothing is sent yet");
    while session.poll_transmit_to(peer, &mut buf).is_some() {}
    assert_eq!(session.poll_transmit_to(PeerId::new(3), &mut buf), None, "there is no such peer");
    assert_eq!(session.skip_to(at(6), Frame::new(200), [8]), Ok(Frame::new(200)));
    assert_eq!(session.push_input(at(7), [7]), Ok(Frame::new(200)));
    let file = session.finish().expect("a Vec");
    let steps = replay(&file, None).expect("equal");
    let shown: Vec<_> =
        steps.iter().filter(|step| name(&step.call) == "skip_to").map(|step| format!("{step:?}")).collect();
    assert_eq!(shown.len(), 3);
    for (step, (call, outcome)) in shown.iter().zip([
        ("skip_to(300, 09)", "outcome: 120"),
        ("skip_to(300, 09)", "outcome: 120"),
        ("skip_to(200, 08)", "outcome: 200"),
    ]) {
        assert!(step.contains(call) && step.contains(outcome), "{step}");
    }
    let polls = steps.iter().filter(|step| name(&step.call) == "poll_transmit_to");
    let datagrams = polls.clone().filter(|step| matches!(step.outcome, Outcome::Datagram(..))).count();
    assert!(datagrams > 0 && polls.count() == datagrams + 2, "{datagrams} datagrams");
}

#[test]
fn a_skip_beyond_the_last_frame_replays_what_it_pushed_before_its_error() {
    let config = settings(1, 0).first_frame(Frame::new(u32::MAX - 3)).build().expect("valid");
    let mut session: Recorder<Vec<u8>, 1, 1> = Recorder::new(config, Vec::new());
    session.add_peer(at(0), PeerConfig::compact(1)).expect("room");
    let skipped = session.skip_to(at(0), Frame::new(u32::MAX), [1]);
    assert_eq!(session.push_input(at(0), [1]), Err(PushError::FramesExhausted));
    let file = session.finish().expect("a Vec");
    let steps = replay(&file, None).expect("equal");
    assert_eq!(steps[1].outcome, Outcome::of(&skipped, |frame| Some(frame.get())));
}

#[test]
fn a_key_is_needed_where_there_was_one_and_is_in_no_file() {
    let [file, _] = play::<1, 120>(5, 100, true, PeerConfig::compact);
    assert_eq!(replay(&file, None), Err(Stop::File(FileError::KeyMissing)));
    assert!(!file.windows(KEY.len()).any(|bytes| bytes == KEY));
    let Err(Stop::Differs { call, .. }) = replay(&file, Some([0; 16])) else { panic!("a wrong key is accepted") };
    assert!(call.starts_with("poll_transmit"), "{call}");
    let [open, _] = play::<1, 120>(5, 100, false, PeerConfig::compact);
    assert_eq!(replay(&open, Some(KEY)), Err(Stop::File(FileError::KeyNotNeeded)));
}

#[test]
fn the_key_of_a_pair_is_needed_by_player_number_and_is_in_no_file() {
    let game = Game { seed: 5, frames: 100, keyed: Keyed::Pair, restart: false };
    let [file, other, _] = play_game::<1, 120>(game, PeerConfig::compact);
    assert!(replay(&file, Keys::new().peer(1, PAIR_KEY)).expect("equal").len() > 400);
    assert!(replay(&other, Keys::new().peer(3, KEY).peer(0, KEY).peer(0, PAIR_KEY)).expect("equal").len() > 400);
    let missing = Err(Stop::File(FileError::PeerKeyMissing { player: 1 }));
    assert_eq!(replay(&file, None), missing);
    assert_eq!(replay(&file, Keys::new().peer(0, PAIR_KEY)), missing);
    assert_eq!(replay(&file, Some(PAIR_KEY)), Err(Stop::File(FileError::KeyNotNeeded)));
    let Err(Stop::Differs { call, .. }) = replay(&file, Keys::new().peer(1, KEY)) else {
        panic!("a wrong key is accepted")
    };
    assert!(call.starts_with("poll_transmit"), "{call}");
    assert!(![file, other].concat().windows(PAIR_KEY.len()).any(|bytes| bytes == PAIR_KEY));
    let shown = format!("{:?}", Keys::new().session(KEY).peer(1, PAIR_KEY));
    assert_eq!(shown, "Keys { session: true, peers: [1] }");
}

#[test]
fn one_pair_may_have_a_key_beside_that_of_the_session() {
    let config = settings(1, 0).key(KEY).build().expect("valid");
    let mut session: Recorder<Vec<u8>, 2, 1> = Recorder::new(config, Vec::new());
    session.add_peer(at(0), PeerConfig::compact(1)).expect("room");
    session.add_peer(at(0), PeerConfig::compact(2).key(PAIR_KEY)).expect("room");
    let mut buf = [0; MAX_DATAGRAM_SIZE];
    while session.poll_transmit(&mut buf).is_some() {}
    let file = session.finish().expect("a Vec");
    let steps = replay(&file, Keys::new().session(KEY).peer(2, PAIR_KEY)).expect("equal");
    let calls: Vec<_> = steps.iter().map(|step| format!("{:?}", step.call)).collect();
    assert_eq!(calls[..2], ["add_peer(compact 1)", "add_peer(compact 2, with a key of its own)"]);
    assert_eq!(replay(&file, Some(KEY)), Err(Stop::File(FileError::PeerKeyMissing { player: 2 })));
}

#[test]
fn a_session_without_an_incarnation_replays_what_it_refused() {
    let config = Config::builder().session_id(1).build().expect("valid");
    let mut session: Recorder<Vec<u8>, 1, 1> = Recorder::new(config, Vec::new());
    assert_eq!(session.add_peer(at(0), PeerConfig::compact(1)), Err(AddPeerError::NoIncarnation));
    session.add_peer(at(0), PeerConfig::classic(1)).expect("it needs none");
    let file = session.finish().expect("a Vec");
    assert_eq!(replay(&file, None).expect("equal").len(), 3);
}

#[test]
fn a_session_is_full_when_it_was() {
    let mut session: Recorder<Vec<u8>, 2, 1> = Recorder::new(settings(1, 0).build().expect("valid"), Vec::new());
    let one = session.add_peer(at(0), PeerConfig::compact(1)).expect("room");
    session.add_peer(at(0), PeerConfig::compact(1)).expect_err("taken");
    session.add_peer(at(0), PeerConfig::compact(2)).expect("room");
    assert_eq!(session.add_peer(at(9), PeerConfig::compact(2)), Err(AddPeerError::PlayerTaken));
    assert_eq!(session.add_peer(at(9_000_000), PeerConfig::compact(3)), Err(AddPeerError::Full));
    session.poll_event();
    session.remove_peer(at(9), one);
    session.add_peer(at(9), PeerConfig::compact(3).incarnation(7)).expect("room again");
    let file = session.finish().expect("a Vec");
    assert_eq!(replay(&file, None).expect("equal").len(), 9);
}

#[test]
fn a_program_with_a_session_of_its_own_writes_a_tape() {
    let config = settings(3, 0).build().expect("valid");
    let mut session = Session::<3, 2, 60>::new(config);
    let [peers, input, window] = sizes_of(&session);
    let mut tape = Tape::new(&Setup::new(&config, peers, input, window), Vec::new());
    let (now, player) = (at(17), 4);
    let added = session.add_peer(now, PeerConfig::compact(player));
    let call = Call::AddPeer { now, classic: false, keyed: false, player, incarnation: None, from: None };
    tape.write(&call, &Outcome::of(&added, |peer| Some(peer.get())));
    let mut buf = [0; MAX_DATAGRAM_SIZE];
    while let Some(transmit) = session.poll_transmit(&mut buf) {
        tape.write(&Call::PollTransmit, &Outcome::of_transmit(Some(&transmit)));
    }
    let file = tape.finish().expect("a Vec");
    assert_eq!(replay(&file, None).expect("equal").len(), 3);
}

#[test]
fn the_first_call_that_differs_is_named() {
    let config = settings(3, 0).build().expect("valid");
    let mut tape = Tape::new(&Setup::new(&config, 1, 1, 120), Vec::new());
    let now = at(1_500);
    let peer = Call::AddPeer { now, classic: false, keyed: false, player: 1, incarnation: None, from: None };
    tape.write(&peer, &Outcome::Number(0));
    tape.write(&Call::PushInput { now, input: &[7] }, &Outcome::Number(0));
    tape.write(&Call::PushInput { now, input: &[8] }, &Outcome::Number(2));
    tape.write(&Call::PushInput { now, input: &[9] }, &Outcome::Number(2));
    let file = tape.finish().expect("a Vec");
    let mut replay = Replay::open(&file, None).expect("a recording");
    let stop = loop {
        match replay.step() {
            Ok(step) => assert!(step.is_some(), "nothing differs"),
            Err(stop) => break stop,
        }
    };
    assert_eq!(replay.number(), 2);
    assert_eq!(stop.to_string(), "record 3 at 1500 us: push_input(08)\n  recorded: 2\n  replayed: 1");
}

#[test]
fn a_recording_without_an_end_is_replayed_and_recognised() {
    let mut file = Vec::new();
    let config = settings(0, 0).build().expect("valid");
    {
        let mut session: Recorder<&mut Vec<u8>, 1, 1> = Recorder::new(config, &mut file);
        session.add_peer(at(0), PeerConfig::compact(1)).expect("room");
        // Dropped as in a panic.
    }
    let mut replay = Replay::open(&file, None).expect("a recording");
    assert!(replay.step().expect("equal").is_some());
    assert_eq!(replay.peers(), [PeerId::new(0)]);
    assert_eq!(replay.step(), Ok(None));
    assert!(!replay.has_ended());
}

#[test]
fn a_writer_that_fails_stops_the_recording_and_nothing_else() {
    struct Full(usize);
    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let taken = bytes.len().min(self.0);
            self.0 -= taken;
            if taken == 0 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(taken) }
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let config = settings(0, 0).build().expect("valid");
    for room in [0, 50, 5_000] {
        let mut session: Recorder<Full, 1, 1> = Recorder::new(config, Full(room));
        session.add_peer(at(0), PeerConfig::compact(1)).expect("room");
        for micros in 0..10_000 {
            session.handle_timeout(at(micros * 1_000));
        }
        assert_eq!(session.peers().count(), 1);
        assert_eq!(session.finish().map(|_| ()).map_err(|error| error.kind()), Err(io::ErrorKind::StorageFull));
    }
}

#[test]
fn a_session_of_unknown_sizes_is_refused_by_its_sizes() {
    let config = settings(0, 0).build().expect("valid");
    let file = Recorder::<Vec<u8>, 17, 1, 120>::new(config, Vec::new()).finish().expect("a Vec");
    let sizes = FileError::Sizes { peers: 17, input: 1, window: 120 };
    assert_eq!(Replay::open(&file, None).map(|_| ()), Err(sizes));
    let file = Recorder::<Vec<u8>, 1, 3, 120>::new(config, Vec::new()).finish().expect("a Vec");
    let sizes = FileError::Sizes { peers: 1, input: 3, window: 120 };
    assert_eq!(Replay::open(&file, None).map(|_| ()), Err(sizes));
}

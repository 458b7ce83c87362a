//! The texts of errors and events, and the names of what is in them.

use std::collections::BTreeSet;
use std::time::Duration;

use inputwire::{
    AddPeerError, ChecksumError, Config, ConfigError, DatagramError, Epoch, EpochError, Field, Frame, Health,
    HelloError, Instant, MAX_DATAGRAM_SIZE, PeerConfig, PeerEvent, PeerId, PushError, Session,
};

const PEER: PeerId = PeerId::new(70_003);

fn each(errors: &[impl ToString]) -> Vec<String> {
    errors.iter().map(ToString::to_string).collect()
}

/// The texts of the errors of each operation.
fn texts() -> Vec<Vec<String>> {
    let config = [
        ConfigError::FrameInterval,
        ConfigError::PingInterval,
        ConfigError::InterruptAfter,
        ConfigError::DisconnectAfter,
        ConfigError::Latency,
        ConfigError::Redundancy,
        ConfigError::MaxDatagramSize,
        ConfigError::Incarnation,
        ConfigError::Key,
    ];
    let add = [
        AddPeerError::Full,
        AddPeerError::PlayerTaken,
        AddPeerError::EpochRunning,
        AddPeerError::NoIncarnation,
        AddPeerError::Departed,
        AddPeerError::MeshTooLarge,
        AddPeerError::MaxDatagramSize,
        AddPeerError::Closed,
    ];
    let push =
        [PushError::WindowFull(PEER), PushError::TooFarAhead(PEER), PushError::FramesExhausted, PushError::Closed];
    let checksum = [ChecksumError::NotNewer, ChecksumError::NotConfirmed, ChecksumError::Full(PEER)];
    let epoch = [EpochError::NotNewer, EpochError::TooGreat, EpochError::Closed];
    vec![each(&config), each(&add), each(&push), each(&checksum), each(&epoch), each(DatagramError::ALL)]
}

fn assert_all_differ(texts: &[String]) {
    assert_eq!(texts.iter().collect::<BTreeSet<_>>().len(), texts.len(), "{texts:?}");
}

#[test]
fn every_error_has_a_text_of_its_own() {
    let closed = [PushError::Closed.to_string(), AddPeerError::Closed.to_string(), EpochError::Closed.to_string()];
    assert_eq!(closed.iter().collect::<BTreeSet<_>>().len(), 1, "the same advice, whatever was tried");
    let mut texts = texts().concat();
    texts.retain(|text| *text != closed[0]);
    texts.extend(closed.into_iter().take(1));
    assert!(texts.iter().all(|text| text.split(' ').count() >= 2), "{texts:?}");
    assert_all_differ(&texts);
}

/// Both endpoints get nothing but their own hellos then, so this text is all that a player sees.
#[test]
fn the_text_for_two_endpoints_that_play_as_one_player_names_the_player_numbers() {
    let endpoint = |incarnation| {
        let config = Config::builder().session_id(7).local_player(0).incarnation(incarnation).build().expect("valid");
        let mut session = Session::<1, 1>::new(config);
        let peer = session.add_peer(Instant::ORIGIN, PeerConfig::compact(1)).expect("room");
        (session, peer)
    };
    let [(mut first, _), (mut second, peer)] = [endpoint(0x5eed_0000_0001), endpoint(0x5eed_0000_0002)];
    let mut buf = [0; MAX_DATAGRAM_SIZE];
    let hello = first.poll_transmit(&mut buf).expect("it is due").datagram;
    let refused = second.handle_datagram(Instant::ORIGIN, peer, hello).expect_err("of the same player");
    assert!(refused.to_string().contains("player numbers"), "{refused}");
    assert_eq!(second.poll_event(), None);
}

#[test]
fn every_field_has_a_name_of_its_own() {
    use Field::{FirstFrame, FrameInterval, InputLen, TagSize, Version, Window};
    let names = [Version, InputLen, Window, TagSize, FirstFrame, FrameInterval].map(|field| field.to_string());
    assert!(names.iter().all(|name| !name.is_empty()), "{names:?}");
    assert_all_differ(&names);
}

#[test]
fn every_health_and_every_event_about_a_peer_has_a_text_of_its_own_with_what_it_carries() {
    use Health::{Connecting, Critical, Deaf, Disconnected, Good, Interrupted, Warning};
    let healths = [Connecting, Good, Warning, Critical, Deaf, Interrupted, Disconnected];
    assert_all_differ(&healths.map(|health| health.to_string()));

    let (frame, epoch) = (Frame::new(1_001), Epoch::new(1_002));
    let silence = Duration::from_micros(12_034_567);
    let events: [(PeerEvent, &[&str]); 20] = [
        (PeerEvent::Connected, &[]),
        (PeerEvent::Health { health: Interrupted, silence }, &["interrupted", "12.034 s"]),
        (PeerEvent::Flushed, &[]),
        (PeerEvent::Desync { frame, local: 0xab, remote: 0xcd }, &["1001", "00cd there", "00ab here"]),
        (PeerEvent::Lost { first: frame, count: 7 }, &["1001", "7 inputs"]),
        (PeerEvent::Conflict, &[]),
        (PeerEvent::Mismatch { field: Field::Window, local: 11, remote: 22 }, &["window", "22 there", "11 here"]),
        (PeerEvent::EpochAhead { epoch }, &["1002", "begin"]),
        (PeerEvent::WrongPlayers { sender: 11, receiver: 22 }, &["of player 11", "for player 22"]),
        (PeerEvent::SecondRun, &[]),
        (PeerEvent::Replaced, &["twice"]),
        (PeerEvent::Unreadable, &["session ids and keys"]),
        (PeerEvent::Restarted, &["begin"]),
        (PeerEvent::OutOfSync, &["begin"]),
        (PeerEvent::Departing { by: Some(PEER) }, &["70003"]),
        (PeerEvent::Departing { by: None }, &[]),
        (PeerEvent::Departed { last: Some(frame) }, &["1001"]),
        (PeerEvent::Departed { last: None }, &[]),
        (PeerEvent::PeerClosed { epoch, end: frame }, &["epoch 1002", "frame 1001"]),
        (PeerEvent::Health { health: Good, silence: Duration::ZERO }, &["good", "0.000 s"]),
    ];
    for (event, told) in events {
        let text = event.to_string();
        assert!(told.iter().all(|part| text.contains(part)), "{text}");
    }
    assert_all_differ(&each(&events.map(|(event, _)| event)));
}

#[test]
fn an_error_about_a_peer_names_it() {
    assert!(PushError::WindowFull(PEER).to_string().contains("70003"));
    assert!(PushError::TooFarAhead(PEER).to_string().contains("70003"));
    assert!(ChecksumError::Full(PEER).to_string().contains("70003"));
}

#[test]
fn the_error_of_a_hello_says_for_whom_it_is_or_what_differs_and_how_or_why_a_session_would_refuse_it() {
    use Field::{FirstFrame, FrameInterval, InputLen, TagSize, Version, Window};
    assert_eq!(
        HelloError::OtherPlayer { receiver: 1_007 }.to_string(),
        "a hello for player 1007: hand it to the session of that player"
    );
    for field in [Version, InputLen, Window, TagSize, FirstFrame, FrameInterval] {
        let text = HelloError::Mismatch { field, local: 11, remote: 22 }.to_string();
        assert_eq!(text, format!("{field} differs: 11 here, 22 there; every endpoint needs the same"));
    }
    for reason in DatagramError::ALL {
        let error: &dyn std::error::Error = &HelloError::Refused(*reason);
        assert_eq!(error.to_string(), reason.to_string());
    }
}

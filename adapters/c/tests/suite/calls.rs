//! Statuses, texts, settings and peers.

use std::collections::HashSet;
use std::ffi::{CStr, c_char};
use std::ptr::{null, null_mut};

use inputwire::{
    AddPeerError, ChecksumError, Config, ConfigError, DatagramError, EpochError, Field, HelloError, PeerEvent, PeerId,
    PushError,
};
use inputwire_c::*;

use crate::support::{Endpoint, MEMORY, Memory, config};

fn owned(text: *const c_char) -> String {
    // SAFETY: every text is terminated and lives as long as the program.
    unsafe { CStr::from_ptr(text) }.to_str().unwrap().to_owned()
}

fn text(status: i32) -> String {
    owned(iw_status_text(status))
}

fn event_text(kind: u32) -> String {
    owned(iw_event_text(kind))
}

#[test]
fn every_status_has_a_number_and_a_text_of_its_own() {
    let codes: HashSet<i32> = IwStatus::ALL.iter().map(|status| status.code()).collect();
    let texts: HashSet<String> = codes.iter().map(|code| text(*code)).collect();
    assert_eq!((codes.len(), texts.len()), (IwStatus::ALL.len(), IwStatus::ALL.len()));
    for unknown in [2, -9, -82, -122, i32::MIN, i32::MAX] {
        assert_eq!(text(unknown), "no such status");
    }
}

#[test]
fn every_kind_of_event_has_a_text_of_its_own_which_is_that_of_rust_if_it_carries_nothing() {
    let kinds = || (0..200).map(event_text).filter(|text| text != "no such event");
    assert_eq!(kinds().count(), IwEventKind::ALL.len());
    assert_eq!(kinds().collect::<HashSet<_>>().len(), IwEventKind::ALL.len());
    assert_eq!(event_text(u32::MAX), "no such event");
    for (kind, event) in [
        (IwEventKind::Connected, PeerEvent::Connected),
        (IwEventKind::Flushed, PeerEvent::Flushed),
        (IwEventKind::Conflict, PeerEvent::Conflict),
        (IwEventKind::Restarted, PeerEvent::Restarted),
        (IwEventKind::OutOfSync, PeerEvent::OutOfSync),
        (IwEventKind::SecondRun, PeerEvent::SecondRun),
        (IwEventKind::Replaced, PeerEvent::Replaced),
        (IwEventKind::Unreadable, PeerEvent::Unreadable),
        (IwEventKind::Departing, PeerEvent::Departing { by: None }),
    ] {
        assert_eq!(event_text(kind as u32), event.to_string());
    }
}

#[test]
fn errors_have_the_same_text_as_in_rust() {
    for error in DatagramError::ALL {
        let status = IwStatus::from(*error);
        assert!((-131..=-100).contains(&status.code()), "{error:?} has a counter");
        assert_eq!(text(status.code()), error.to_string());
    }
    for error in [
        ConfigError::FrameInterval,
        ConfigError::PingInterval,
        ConfigError::InterruptAfter,
        ConfigError::DisconnectAfter,
        ConfigError::Latency,
        ConfigError::Redundancy,
        ConfigError::MaxDatagramSize,
        ConfigError::Incarnation,
    ] {
        assert_eq!(text(IwStatus::from(error).code()), error.to_string());
    }
    for error in [
        AddPeerError::Full,
        AddPeerError::PlayerTaken,
        AddPeerError::EpochRunning,
        AddPeerError::NoIncarnation,
        AddPeerError::Departed,
        AddPeerError::MeshTooLarge,
        AddPeerError::MaxDatagramSize,
        AddPeerError::Closed,
    ] {
        assert_eq!(text(IwStatus::from(error).code()), error.to_string());
    }
    for error in [EpochError::NotNewer, EpochError::TooGreat, EpochError::Closed] {
        assert_eq!(text(IwStatus::from(error).code()), error.to_string());
    }
    for error in [PushError::FramesExhausted, PushError::Closed] {
        assert_eq!(text(IwStatus::from(error).code()), error.to_string());
    }
    // The C interface stores the number of the peer apart from the text.
    for error in [PushError::WindowFull(PeerId::new(7)), PushError::TooFarAhead(PeerId::new(7))] {
        assert_eq!(text(IwStatus::from(error).code()), error.to_string().replace("peer 7", "the peer"));
    }
    // The same of a hello: the player it is for, and the setting that differs.
    for error in [
        HelloError::OtherPlayer { receiver: 7 },
        HelloError::Mismatch { field: Field::Window, local: 120, remote: 30 },
        HelloError::Refused(DatagramError::BadTag),
    ] {
        let told = error.to_string().replace("for player 7", "for another player");
        let told = told.replace("window differs: 120 here, 30 there; every", "a setting differs: every");
        assert_eq!(text(IwStatus::from(error).code()), told);
    }
    for error in [ChecksumError::NotNewer, ChecksumError::NotConfirmed] {
        assert_eq!(text(IwStatus::from(error).code()), error.to_string());
    }
}

#[test]
fn the_constants_are_those_of_the_core() {
    assert_eq!(IW_MAX_DATAGRAM_SIZE, inputwire::MAX_DATAGRAM_SIZE);
    assert_eq!(iw_abi_version(), IW_ABI_VERSION);
    assert_eq!(iw_session_align(), IW_SESSION_ALIGN);
    let endpoint = Endpoint::new(1, 1, 0);
    endpoint.add(0, IW_COMPACT, 1).unwrap();
    assert_eq!(endpoint.stats(0).unwrap().window, IW_WINDOW);
}

#[test]
fn the_status_names_the_refused_setting() {
    type Change = fn(&mut IwConfig);
    let changes: [(Change, IwStatus); 11] = [
        (|config| config.frame_us = 0, IwStatus::ConfigFrameInterval),
        (|config| config.ping_us = 1, IwStatus::ConfigPingInterval),
        (|config| config.interrupt_us = 0, IwStatus::ConfigInterruptAfter),
        (|config| config.disconnect_us = 0, IwStatus::ConfigDisconnectAfter),
        (|config| config.warning_us = u32::MAX, IwStatus::ConfigLatency),
        (|config| config.redundancy = 257, IwStatus::ConfigRedundancy),
        (|config| config.max_datagram_size = u32::MAX, IwStatus::ConfigMaxDatagramSize),
        (|config| config.max_datagram_size = 55, IwStatus::ConfigMaxDatagramSize),
        (|config| config.incarnation = 1, IwStatus::ConfigIncarnation),
        (|config| config.incarnation = (1 << 32) - 1, IwStatus::ConfigIncarnation),
        (|config| config.local_player = 65_536, IwStatus::PlayerTaken),
    ];
    let memory = Memory::new();
    for (change, status) in changes {
        let mut config = config(0);
        change(&mut config);
        let mut session = null_mut();
        let refused = unsafe { iw_session_init(memory.start(), MEMORY, 1, 1, &raw const config, &raw mut session) };
        assert_eq!(refused, status);
    }
}

#[test]
fn settings_are_returned_without_the_key() {
    let mut given = IwConfig {
        session_id: 1 << 63,
        incarnation: u64::MAX,
        key: [7; 16],
        local_player: 65_535,
        first_frame: 3,
        frame_us: 33_333,
        ping_us: 100_000,
        interrupt_us: 600_000,
        disconnect_us: 6_000_000,
        warning_us: 50_000,
        critical_us: 150_000,
        max_datagram_size: 256,
        redundancy: 5,
        early_copies: 9,
        has_key: 9,
        short_tags: 9,
        mesh: 9,
        max_lead: 7,
        reserved: 0,
    };
    let (memory, mut session, mut returned) = (Memory::new(), null_mut(), config(0));
    unsafe {
        iw_session_init(memory.start(), MEMORY, 2, 8, &raw const given, &raw mut session);
        assert_eq!(iw_session_config(session, &raw mut returned), IwStatus::Ok);
    }
    given.key = [0; 16];
    (given.early_copies, given.has_key, given.short_tags, given.mesh) = (1, 1, 1, 1);
    assert!(given == returned);
    assert!(!format!("{given:?}").contains("7, 7"));
    let defaults = Config::builder().build().unwrap();
    assert_eq!(u128::from(config(0).frame_us), defaults.frame_interval().as_micros());
}

#[test]
fn peers_are_added_and_removed_and_a_full_window_names_the_peer_it_waits_for() {
    let endpoint = Endpoint::new(2, 2, 0);
    assert_eq!(endpoint.add(0, IW_CLASSIC, 1), Err(IwStatus::NoSuchWire));
    assert_eq!(endpoint.add(0, 2, 1), Err(IwStatus::NoSuchWire));
    assert_eq!(endpoint.add(0, IW_COMPACT, 0), Err(IwStatus::PlayerTaken));
    assert_eq!(endpoint.add(0, IW_COMPACT, 65_536), Err(IwStatus::PlayerTaken));
    assert_eq!(endpoint.add(0, IW_COMPACT, 1), Ok(0));
    assert_eq!(endpoint.add(0, IW_COMPACT, 2), Ok(1));
    assert_eq!(endpoint.add(0, IW_COMPACT, 3), Err(IwStatus::PeersFull));
    assert_eq!(endpoint.get(iw_session_input_len), Some(2));
    for frame in 0..IW_WINDOW {
        assert_eq!(endpoint.push(1, &[1, 2]), Ok(frame));
    }
    let mut waiting_for = IW_NO_PEER;
    let push =
        unsafe { iw_session_push_input(endpoint.session, 1, [1, 2].as_ptr(), 2, null_mut(), &raw mut waiting_for) };
    assert_eq!((push, waiting_for), (IwStatus::WindowFull, 0));
    assert_eq!(endpoint.get_of(0, iw_peer_unacked), Some(IW_WINDOW));
    unsafe {
        assert_eq!(iw_session_remove_peer(endpoint.session, 2, 0), IwStatus::Ok);
        assert_eq!(iw_session_handle_transport_closed(endpoint.session, 2, 1), IwStatus::Ok);
        assert_eq!(endpoint.get_of(0, iw_session_peer_at), Some(1));
        assert_eq!(endpoint.get_of(1, iw_session_peer_at), None);
        assert_eq!(iw_session_begin_epoch(endpoint.session, 2, 0), IwStatus::EpochNotNewer);
        assert_eq!(iw_session_begin_epoch(endpoint.session, 2, 4), IwStatus::Ok);
        assert_eq!(endpoint.get(iw_session_epoch), Some(4));
        assert_eq!(endpoint.get(iw_session_next_epoch), Some(5));
        assert_eq!(iw_session_begin_epoch(endpoint.session, 2, u32::MAX), IwStatus::EpochTooGreat);
    }
}

#[test]
fn checksums_are_of_confirmed_frames_and_go_forward() {
    let endpoint = Endpoint::new(1, 1, 0);
    let push = |frame| unsafe { iw_session_push_checksum(endpoint.session, 2, frame, 1, null_mut()) };
    assert_eq!(push(0), IwStatus::ChecksumNotConfirmed);
    for frame in 0..16 {
        assert_eq!(endpoint.push(1, &[1]), Ok(frame));
        assert_eq!(push(frame), IwStatus::Ok, "without a peer nobody else's input is missing");
    }
    assert_eq!(push(3), IwStatus::ChecksumNotNewer);
    assert_eq!(endpoint.add(2, IW_COMPACT, 1), Ok(0));
    assert_eq!(endpoint.push(2, &[1]), Ok(16));
    assert_eq!(push(16), IwStatus::ChecksumNotConfirmed, "the peer's input is missing");
}

#[test]
fn the_compact_wire_needs_an_incarnation_and_each_removed_peer_raises_it() {
    let incarnation = |session| {
        let mut incarnation = 0;
        let status = unsafe { iw_session_incarnation(session, &raw mut incarnation) };
        (status, incarnation)
    };
    let memory = Memory::new();
    let (mut settings, mut session, mut peer) = (config(0), null_mut(), 0);
    settings.incarnation = 0;
    unsafe {
        iw_session_init(memory.start(), MEMORY, 2, 1, &raw const settings, &raw mut session);
        let mut add = |wire, player| iw_session_add_peer(session, 0, wire, player, 0, null(), &raw mut peer);
        assert_eq!(add(IW_COMPACT, 1), IwStatus::NoIncarnation);
        assert_eq!(add(IW_CLASSIC, 1), IwStatus::Ok);
        assert_eq!(incarnation(session), (IwStatus::None, 0));
    }
    let endpoint = Endpoint::new(2, 1, 0);
    let first = config(0).incarnation;
    assert_eq!(endpoint.add(0, IW_COMPACT, 1), Ok(0));
    assert_eq!(incarnation(endpoint.session), (IwStatus::Ok, first));
    unsafe { iw_session_remove_peer(endpoint.session, 0, 0) };
    assert_eq!(incarnation(endpoint.session), (IwStatus::Ok, first + 1));
}

#[test]
fn a_closed_session_refuses_and_is_closed_once_its_goodbyes_are_sent() {
    let endpoint = Endpoint::new(1, 1, 0);
    assert_eq!(endpoint.add(0, IW_COMPACT, 1), Ok(0));
    assert_eq!(endpoint.get(iw_session_is_closed), Some(0));
    assert_eq!(unsafe { iw_session_close(endpoint.session, 1) }, IwStatus::Ok);
    assert_eq!(endpoint.get(iw_session_is_closed), Some(1), "nobody to tell");
    assert_eq!(endpoint.push(1, &[1]), Err(IwStatus::Closed));
    assert_eq!(endpoint.add(1, IW_COMPACT, 2), Err(IwStatus::Closed));
    assert_eq!(unsafe { iw_session_begin_epoch(endpoint.session, 1, 1) }, IwStatus::Closed);
    assert_eq!(endpoint.get(iw_session_next_epoch), None);
}

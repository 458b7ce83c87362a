//! Statuses, texts and settings.

use std::collections::HashSet;
use std::ffi::CStr;
use std::ptr::null_mut;

use inputwire::{AddPeerError, Config, ConfigError, DatagramError, EpochError};
use inputwire_c::*;

use crate::support::{End, Memory, config};

fn text(status: i32) -> String {
    // SAFETY: every text ends, and lives as long as the program.
    unsafe { CStr::from_ptr(iw_status_text(status)) }.to_str().unwrap().to_owned()
}

#[test]
fn every_status_has_a_number_and_a_text_of_its_own() {
    let codes: HashSet<i32> = IwStatus::ALL.iter().map(|status| status.code()).collect();
    let texts: HashSet<String> = codes.iter().map(|code| text(*code)).collect();
    assert_eq!((codes.len(), texts.len()), (IwStatus::ALL.len(), IwStatus::ALL.len()));
    for unknown in [2, -8, -119, i32::MIN, i32::MAX] {
        assert_eq!(text(unknown), "no such status");
    }
}

#[test]
fn errors_have_the_words_that_they_have_in_rust() {
    for error in DatagramError::ALL {
        let status = IwStatus::from(*error);
        assert!((-131..=-100).contains(&status.code()), "{error:?} is counted");
        assert_eq!(text(status.code()), error.to_string());
    }
    for error in [
        ConfigError::FrameInterval,
        ConfigError::PingInterval,
        ConfigError::InterruptAfter,
        ConfigError::DisconnectAfter,
        ConfigError::Latency,
        ConfigError::Redundancy,
        ConfigError::DatagramMax,
    ] {
        assert_eq!(text(IwStatus::from(error).code()), error.to_string());
    }
    for error in [AddPeerError::Full, AddPeerError::PlayerTaken, AddPeerError::EpochRunning] {
        assert_eq!(text(IwStatus::from(error).code()), error.to_string());
    }
    assert_eq!(text(IwStatus::from(EpochError::NotNewer).code()), EpochError::NotNewer.to_string());
}

#[test]
fn the_constants_are_those_of_the_core() {
    assert_eq!(IW_DATAGRAM_MAX, inputwire::DATAGRAM_MAX);
    assert_eq!(iw_abi_version(), IW_ABI_VERSION);
    assert_eq!(iw_session_align(), IW_SESSION_ALIGN);
    let end = End::new(1, 1, 0);
    end.add(0, IW_COMPACT, 1).unwrap();
    assert_eq!(end.stats(0).unwrap().window, IW_WINDOW);
}

#[test]
fn a_refused_setting_is_named() {
    type Change = fn(&mut IwConfig);
    let changes: [(Change, IwStatus); 9] = [
        (|config| config.frame_us = 0, IwStatus::ConfigFrameInterval),
        (|config| config.ping_us = 1, IwStatus::ConfigPingInterval),
        (|config| config.interrupt_us = 0, IwStatus::ConfigInterruptAfter),
        (|config| config.disconnect_us = 0, IwStatus::ConfigDisconnectAfter),
        (|config| config.warning_us = u32::MAX, IwStatus::ConfigLatency),
        (|config| config.redundancy = 257, IwStatus::ConfigRedundancy),
        (|config| config.datagram_max = u32::MAX, IwStatus::ConfigDatagramMax),
        (|config| config.datagram_max = 63, IwStatus::ConfigDatagramMax),
        (|config| config.player = 65_536, IwStatus::PlayerTaken),
    ];
    let memory = Memory::new();
    for (change, status) in changes {
        let mut config = config(0);
        change(&mut config);
        let mut session = null_mut();
        let answer = unsafe { iw_session_init(memory.start(), 16_384, 1, 1, &raw const config, &raw mut session) };
        assert_eq!(answer, status);
    }
}

#[test]
fn settings_come_back_without_the_key() {
    let mut given = IwConfig {
        session: 1 << 63,
        key: [7; 16],
        player: 65_535,
        incarnation: 12,
        first_frame: 3,
        frame_us: 33_333,
        ping_us: 100_000,
        interrupt_us: 600_000,
        disconnect_us: 6_000_000,
        warning_us: 50_000,
        critical_us: 150_000,
        datagram_max: 256,
        redundancy: 5,
        early_copies: 9,
        has_key: 9,
        reserved: 0,
    };
    let (memory, mut session, mut taken) = (Memory::new(), null_mut(), config(0));
    unsafe {
        iw_session_init(memory.start(), 16_384, 2, 8, &raw const given, &raw mut session);
        assert_eq!(iw_session_config(session, &raw mut taken), IwStatus::Ok);
    }
    given.key = [0; 16];
    (given.early_copies, given.has_key) = (1, 1);
    assert!(given == taken);
    assert!(!format!("{given:?}").contains("7, 7"));
    let defaults = Config::builder().build().unwrap();
    assert_eq!(u128::from(config(0).frame_us), defaults.frame_interval().as_micros());
}

#[test]
fn peers_come_and_go_and_the_window_says_for_whom_it_waits() {
    let end = End::new(2, 2, 0);
    assert_eq!(end.add(0, IW_CLASSIC, 1), Err(IwStatus::NoSuchWire));
    assert_eq!(end.add(0, 2, 1), Err(IwStatus::NoSuchWire));
    assert_eq!(end.add(0, IW_COMPACT, 0), Err(IwStatus::PlayerTaken));
    assert_eq!(end.add(0, IW_COMPACT, 65_536), Err(IwStatus::PlayerTaken));
    assert_eq!(end.add(0, IW_COMPACT, 1), Ok(0));
    assert_eq!(end.add(0, IW_COMPACT, 2), Ok(1));
    assert_eq!(end.add(0, IW_COMPACT, 3), Err(IwStatus::PeersFull));
    assert_eq!(end.figure(iw_input_size), Some(2));
    for frame in 0..IW_WINDOW {
        assert_eq!(end.push(1, &[1, 2]), Ok(frame));
    }
    let mut waiting_for = IW_NOBODY;
    let push = unsafe { iw_push_input(end.session, 1, [1, 2].as_ptr(), 2, null_mut(), &raw mut waiting_for) };
    assert_eq!((push, waiting_for), (IwStatus::WindowFull, 0));
    assert_eq!(end.figure_of(0, iw_unacked), Some(IW_WINDOW));
    unsafe {
        assert_eq!(iw_remove_peer(end.session, 2, 0), IwStatus::Ok);
        assert_eq!(iw_close_peer(end.session, 2, 1), IwStatus::Ok);
        assert_eq!(end.figure_of(0, iw_peer_at), Some(1));
        assert_eq!(end.figure_of(1, iw_peer_at), None);
        assert_eq!(iw_begin_epoch(end.session, 2, 0), IwStatus::EpochNotNewer);
        assert_eq!(iw_begin_epoch(end.session, 2, 4), IwStatus::Ok);
        assert_eq!(end.figure(iw_epoch), Some(4));
        for frame in 0..16 {
            assert_eq!(iw_push_checksum(end.session, 2, frame, 1, null_mut()), IwStatus::Ok);
        }
        assert_eq!(iw_push_checksum(end.session, 2, 3, 1, null_mut()), IwStatus::ChecksumNotNewer);
        assert_eq!(iw_leave(end.session, 2), IwStatus::Ok);
    }
}

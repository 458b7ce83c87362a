//! The settings of a configuration: their limits, defaults and getters.

use std::time::Duration;

use inputwire::{
    AddPeerError, Config, ConfigBuilder, ConfigError, Frame, Instant, MAX_DATAGRAM_SIZE, PeerConfig, Session,
};

const MS: u64 = 1_000;
const SECOND: u64 = 1_000 * MS;
/// The shortest span whose microseconds do not fit in 32 bits: 71 minutes.
const LONG: u64 = 1 << 32;

const fn us(micros: u64) -> Duration {
    Duration::from_micros(micros)
}

#[test]
fn a_config_returns_what_was_set() {
    let config = Config::builder()
        .session_id(0x0123_4567_89ab_cdef)
        .local_player(0xfedc)
        .key([9; 16])
        .incarnation(0xfeed_f00d_0000)
        .short_tags(true)
        .first_frame(Frame::new(77))
        .frame_interval(us(33_333))
        .ping_interval(us(123_456))
        .interrupt_after(us(777_777))
        .disconnect_after(us(7_654_321))
        .warning_latency(us(55_555))
        .critical_latency(us(111_111))
        .redundancy(7)
        .early_copies(true)
        .max_datagram_size(777)
        .build()
        .expect("valid");
    assert_eq!((config.session_id(), config.local_player()), (0x0123_4567_89ab_cdef, 0xfedc));
    assert_eq!((config.is_keyed(), config.incarnation()), (true, Some(0xfeed_f00d_0000)));
    assert!(config.short_tags());
    assert_eq!((config.first_frame(), config.frame_interval()), (Frame::new(77), us(33_333)));
    assert_eq!(config.ping_interval(), Some(us(123_456)));
    assert_eq!((config.interrupt_after(), config.disconnect_after()), (us(777_777), us(7_654_321)));
    assert_eq!((config.warning_latency(), config.critical_latency()), (us(55_555), us(111_111)));
    assert_eq!((config.redundancy(), config.early_copies(), config.max_datagram_size()), (7, true, 777));
}

#[test]
fn defaults_are_as_documented() {
    let config = Config::builder().build().expect("valid");
    assert_eq!(
        (config.session_id(), config.local_player(), config.is_keyed(), config.incarnation()),
        (0, 0, false, None)
    );
    assert!(!config.short_tags());
    assert_eq!((config.first_frame(), config.frame_interval()), (Frame::new(0), us(16_667)));
    assert_eq!(config.ping_interval(), None);
    assert_eq!((config.interrupt_after(), config.disconnect_after()), (us(500 * MS), us(5 * SECOND)));
    assert_eq!((config.warning_latency(), config.critical_latency()), (us(100 * MS), us(200 * MS)));
    assert_eq!((config.redundancy(), config.early_copies(), config.max_datagram_size()), (3, false, 1_024));
}

#[test]
fn debug_output_hides_the_key_and_shows_an_instant() {
    let config = Config::builder().key([9; 16]).incarnation(1 << 32).build().expect("valid");
    assert!(format!("{config:?}").contains("key: Some(Key(hidden))"), "{config:?}");
    let of_a_pair = format!("{:?}", PeerConfig::<1>::compact(1).key([57; 16]));
    assert!(of_a_pair.contains("key: Some(Key(hidden))") && !of_a_pair.contains("57"), "{of_a_pair}");
    let mut session = Session::<1, 1>::new(config);
    session.add_peer(Instant::default(), PeerConfig::compact(1).incarnation(2)).expect("room");
    assert!(format!("{session:?}").contains("tags: Cache,"), "{session:?}");
    assert_eq!(format!("{:?}", Instant::from_micros(1_234)), "Instant(1234)");
    assert_eq!(Instant::default(), Instant::ORIGIN);
}

#[test]
fn a_peer_config_returns_what_was_set() {
    let peer = PeerConfig::<4>::compact(0xfedc);
    assert_eq!((peer.player(), peer.is_classic(), peer.known_incarnation()), (0xfedc, false, None));
    assert_eq!(peer.incarnation(0xfeed_f00d).known_incarnation(), Some(0xfeed_f00d));
    let peer = PeerConfig::<1>::classic(7);
    assert_eq!((peer.player(), peer.is_classic(), peer.known_incarnation()), (7, true, None));
}

/// Asserts that a setting accepts and refuses these values, on both sides of its limits.
fn assert_limits(
    set: impl Fn(ConfigBuilder, u64) -> ConfigBuilder,
    accepted: &[u64],
    refused: &[u64],
    reason: ConfigError,
) {
    for value in accepted {
        assert!(set(Config::builder(), *value).build().is_ok(), "{value}, {reason:?}");
    }
    for value in refused {
        assert_eq!(set(Config::builder(), *value).build().err(), Some(reason), "{value}");
    }
}

#[test]
fn every_setting_is_limited_exactly_as_documented() {
    assert_limits(
        |config, value| config.frame_interval(us(value)),
        &[MS, 10 * SECOND],
        &[0, MS - 1, 10 * SECOND + 1, LONG + SECOND, u64::MAX],
        ConfigError::FrameInterval,
    );
    assert_limits(
        |config, value| config.ping_interval(us(value)).disconnect_after(us(3_600 * SECOND)),
        &[20 * MS, 10 * SECOND],
        &[0, 20 * MS - 1, 10 * SECOND + 1, LONG + SECOND, u64::MAX],
        ConfigError::PingInterval,
    );
    assert_limits(
        |config, value| config.disconnect_after(us(value)),
        &[1_250 * MS + 1, 3_600 * SECOND],
        &[0, 1_250 * MS, 3_600 * SECOND + 1, LONG + 2 * SECOND, u64::MAX],
        ConfigError::DisconnectAfter,
    );
    assert_limits(
        |config, value| config.ping_interval(us(100 * MS)).interrupt_after(us(1)).disconnect_after(us(value)),
        &[250 * MS + 1],
        &[250 * MS],
        ConfigError::DisconnectAfter,
    );
    assert_limits(
        |config, value| config.interrupt_after(us(value)),
        &[1, 5 * SECOND - 1],
        &[0, 5 * SECOND, LONG + SECOND, u64::MAX],
        ConfigError::InterruptAfter,
    );
    assert_limits(
        |config, value| config.warning_latency(us(1)).critical_latency(us(value)),
        &[2, 60 * SECOND],
        &[0, 1, 60 * SECOND + 1, LONG + SECOND, u64::MAX],
        ConfigError::Latency,
    );
    assert_limits(
        |config, value| config.warning_latency(us(value)),
        &[1, 200 * MS - 1],
        &[0, 200 * MS, LONG + 1, u64::MAX],
        ConfigError::Latency,
    );
    assert_limits(
        |config, value| config.redundancy(u8::try_from(value).expect("small")),
        &[1, 15],
        &[0, 16, 255],
        ConfigError::Redundancy,
    );
    assert_limits(
        |config, value| config.max_datagram_size(usize::try_from(value).expect("small")),
        &[56, 1_024],
        // The last one would be 100 if truncated to 16 bits.
        &[0, 55, 1_025, 65_636],
        ConfigError::MaxDatagramSize,
    );
    assert_limits(
        ConfigBuilder::incarnation,
        &[LONG, u64::MAX],
        // A constant, a counter, and seconds since 1970.
        &[0, 1, 1_000, 1_767_225_600, LONG - 1],
        ConfigError::Incarnation,
    );
}

#[test]
fn a_peer_on_the_compact_wire_needs_an_incarnation_and_one_on_the_classic_wire_does_not() {
    let mut session = Session::<2, 1>::new(Config::builder().build().expect("valid"));
    let now = Instant::ORIGIN;
    assert_eq!(session.incarnation(), None);
    assert_eq!(session.add_peer(now, PeerConfig::compact(1)), Err(AddPeerError::NoIncarnation));
    assert_eq!(session.add_peer(now, PeerConfig::compact(1).incarnation(LONG)), Err(AddPeerError::NoIncarnation));
    assert!(session.add_peer(now, PeerConfig::classic(1)).is_ok());
}

#[test]
fn the_smallest_datagram_size_holds_a_hello_with_a_key_and_every_datagram_but_a_single_long_input() {
    let config = Config::builder().key([9; 16]).incarnation(LONG).max_datagram_size(56).build().expect("valid");
    let mut session = Session::<1, 4>::new(config);
    session.add_peer(Instant::ORIGIN, PeerConfig::compact(1).incarnation(LONG + 1)).expect("room");
    for number in 0..100 {
        session.push_input(Instant::ORIGIN, [number, 1, 2, 3]).expect("room");
    }
    let mut sizes = Vec::new();
    let mut buf = [0; MAX_DATAGRAM_SIZE];
    while let Some(transmit) = session.poll_transmit(&mut buf) {
        sizes.push(transmit.datagram.len());
    }
    assert!(sizes.len() == 2 && sizes[0] == 56 && sizes[1] <= 56 && sizes[1] > 50, "{sizes:?}");
}

#[test]
fn a_peer_says_whether_the_pair_has_a_key_of_its_own() {
    assert!(!PeerConfig::<1>::compact(0).is_keyed());
    assert!(PeerConfig::<1>::compact(0).key([9; 16]).is_keyed());
}

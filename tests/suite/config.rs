//! What a configuration takes, refuses and says.

use std::time::Duration;

use inputwire::{Config, ConfigBuilder, ConfigError, Frame, Instant, PeerConfig, Session};

const MS: u64 = 1_000;
const SECOND: u64 = 1_000 * MS;
/// The shortest span whose microseconds do not fit 32 bits: 71 minutes.
const LONG: u64 = 1 << 32;

const fn us(micros: u64) -> Duration {
    Duration::from_micros(micros)
}

#[test]
fn what_was_set_is_what_is_seen() {
    let config = Config::builder()
        .session(0x0123_4567_89ab_cdef)
        .player(0xfedc)
        .key([9; 16])
        .incarnation(0xfeed_f00d)
        .first_frame(Frame::new(77))
        .frame_interval(us(33_333))
        .ping_interval(us(123_456))
        .interrupt_after(us(777_777))
        .disconnect_after(us(7_654_321))
        .warning_latency(us(55_555))
        .critical_latency(us(111_111))
        .redundancy(7)
        .early_copies(true)
        .datagram_max(777)
        .build()
        .expect("valid");
    assert_eq!((config.session(), config.player()), (0x0123_4567_89ab_cdef, 0xfedc));
    assert_eq!((config.is_keyed(), config.incarnation()), (true, 0xfeed_f00d));
    assert_eq!((config.first_frame(), config.frame_interval()), (Frame::new(77), us(33_333)));
    assert_eq!(config.ping_interval(), Some(us(123_456)));
    assert_eq!((config.interrupt_after(), config.disconnect_after()), (us(777_777), us(7_654_321)));
    assert_eq!((config.warning_latency(), config.critical_latency()), (us(55_555), us(111_111)));
    assert_eq!((config.redundancy(), config.early_copies(), config.datagram_max()), (7, true, 777));
}

#[test]
fn what_was_not_set_is_as_the_words_say() {
    let config = Config::builder().build().expect("valid");
    assert_eq!((config.session(), config.player(), config.is_keyed(), config.incarnation()), (0, 0, false, 1));
    assert_eq!((config.first_frame(), config.frame_interval()), (Frame::new(0), us(16_667)));
    assert_eq!(config.ping_interval(), None);
    assert_eq!((config.interrupt_after(), config.disconnect_after()), (us(500 * MS), us(5 * SECOND)));
    assert_eq!((config.warning_latency(), config.critical_latency()), (us(100 * MS), us(200 * MS)));
    assert_eq!((config.redundancy(), config.early_copies(), config.datagram_max()), (3, false, 1_024));
}

#[test]
fn a_key_is_never_shown_and_a_moment_is() {
    let config = Config::builder().key([9; 16]).build().expect("valid");
    assert!(format!("{config:?}").contains("key: Some(Key(hidden))"), "{config:?}");
    let mut session = Session::<1, 1>::new(config);
    session.add_peer(Instant::default(), PeerConfig::compact(1).incarnation(2)).expect("room");
    assert!(format!("{session:?}").contains("Checks { outgoing: Check, incoming: Check }"), "{session:?}");
    assert_eq!(format!("{:?}", Instant::from_micros(1_234)), "Instant(1234)");
    assert_eq!(Instant::default(), Instant::ORIGIN);
}

#[test]
fn a_peer_is_what_it_was_said_to_be() {
    let peer = PeerConfig::<4>::compact(0xfedc);
    assert_eq!((peer.player(), peer.is_classic(), peer.known_incarnation()), (0xfedc, false, None));
    assert_eq!(peer.incarnation(0xfeed_f00d).known_incarnation(), Some(0xfeed_f00d));
    let peer = PeerConfig::<1>::classic(7);
    assert_eq!((peer.player(), peer.is_classic(), peer.known_incarnation()), (7, true, None));
}

/// Holds what `set` makes of values on both sides of a limit.
fn holds(set: impl Fn(ConfigBuilder, u64) -> ConfigBuilder, taken: &[u64], refused: &[u64], reason: ConfigError) {
    for value in taken {
        assert!(set(Config::builder(), *value).build().is_ok(), "{value}, {reason:?}");
    }
    for value in refused {
        assert_eq!(set(Config::builder(), *value).build().err(), Some(reason), "{value}");
    }
}

#[test]
fn every_setting_ends_exactly_where_its_words_say() {
    holds(
        |config, value| config.frame_interval(us(value)),
        &[MS, 10 * SECOND],
        &[0, MS - 1, 10 * SECOND + 1, LONG + SECOND, u64::MAX],
        ConfigError::FrameInterval,
    );
    holds(
        |config, value| config.ping_interval(us(value)).disconnect_after(us(3_600 * SECOND)),
        &[20 * MS, 10 * SECOND],
        &[0, 20 * MS - 1, 10 * SECOND + 1, LONG + SECOND, u64::MAX],
        ConfigError::PingInterval,
    );
    holds(
        |config, value| config.disconnect_after(us(value)),
        &[1_250 * MS + 1, 3_600 * SECOND],
        &[0, 1_250 * MS, 3_600 * SECOND + 1, LONG + 2 * SECOND, u64::MAX],
        ConfigError::DisconnectAfter,
    );
    holds(
        |config, value| config.ping_interval(us(100 * MS)).interrupt_after(us(1)).disconnect_after(us(value)),
        &[250 * MS + 1],
        &[250 * MS],
        ConfigError::DisconnectAfter,
    );
    holds(
        |config, value| config.interrupt_after(us(value)),
        &[1, 5 * SECOND - 1],
        &[0, 5 * SECOND, LONG + SECOND, u64::MAX],
        ConfigError::InterruptAfter,
    );
    holds(
        |config, value| config.warning_latency(us(1)).critical_latency(us(value)),
        &[2, 60 * SECOND],
        &[0, 1, 60 * SECOND + 1, LONG + SECOND, u64::MAX],
        ConfigError::Latency,
    );
    holds(
        |config, value| config.warning_latency(us(value)),
        &[1, 200 * MS - 1],
        &[0, 200 * MS, LONG + 1, u64::MAX],
        ConfigError::Latency,
    );
    holds(
        |config, value| config.redundancy(u8::try_from(value).expect("small")),
        &[1, 15],
        &[0, 16, 255],
        ConfigError::Redundancy,
    );
    holds(
        |config, value| config.datagram_max(usize::try_from(value).expect("small")),
        &[64, 1_024],
        // The last one is 100 to somebody who looks at 16 bits.
        &[0, 63, 1_025, 65_636],
        ConfigError::DatagramMax,
    );
}

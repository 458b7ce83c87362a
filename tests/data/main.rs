//! Settings, events and statistics as JSON and back, with the feature `serde`: `cargo test --features serde --test data`.

use std::time::Duration;

use inputwire::{
    Config, ConfigBuilder, ConfigError, DatagramError, Departure, Epoch, Event, Field, Frame, Health, Instant, Pace,
    PeerEvent, PeerId, PeerStats, Timer, Totals,
};
use proptest::prelude::*;
use serde_json::{Value, from_str, from_value, json, to_string, to_value};

/// The value that comes back from JSON.
fn there_and_back<T: serde::Serialize + serde::de::DeserializeOwned>(value: &T) -> T {
    let text = to_string(value).expect("it can be written");
    from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn any_duration() -> impl Strategy<Value = Duration> {
    (any::<u64>(), 0..1_000_000_000_u32).prop_map(|(seconds, nanos)| Duration::new(seconds, nanos))
}

fn any_frame() -> impl Strategy<Value = Frame> {
    any::<u32>().prop_map(Frame::new)
}

fn any_peer() -> impl Strategy<Value = PeerId> {
    any::<u32>().prop_map(PeerId::new)
}

/// Valid settings, still without a key and an incarnation.
fn any_settings() -> impl Strategy<Value = ConfigBuilder> {
    let numbers = (any::<u64>(), any::<u16>(), any_frame(), 1_u8..=15, any::<u32>(), 56_usize..=1_024);
    let switches = any::<[bool; 3]>();
    // Of the silences the second is above 2.5 of the longest pings and above the first, likewise the latencies.
    let times = (1_000_u64..=10_000_000, proptest::option::of(20_000_u64..=10_000_000), 25_000_002_u64..=3_600_000_000);
    let below = (1_u64..25_000_000, 1_u64..1_000_000, 1_000_000_u64..60_000_000);
    (numbers, switches, times, below).prop_map(|(numbers, switches, times, below)| {
        let builder = Config::builder()
            .session_id(numbers.0)
            .local_player(numbers.1)
            .first_frame(numbers.2)
            .redundancy(numbers.3)
            .max_lead(numbers.4)
            .max_datagram_size(numbers.5)
            .short_tags(switches[0])
            .early_copies(switches[1])
            .mesh(switches[2])
            .frame_interval(Duration::from_micros(times.0))
            .disconnect_after(Duration::from_micros(times.2))
            .interrupt_after(Duration::from_micros(below.0))
            .warning_latency(Duration::from_micros(below.1))
            .critical_latency(Duration::from_micros(below.2));
        times.1.map_or(builder, |ping| builder.ping_interval(Duration::from_micros(ping)))
    })
}

fn any_health() -> impl Strategy<Value = Health> {
    use Health::{Connecting, Critical, Deaf, Disconnected, Good, Interrupted, Warning};
    proptest::sample::select(vec![Connecting, Good, Warning, Critical, Deaf, Interrupted, Disconnected])
}

fn any_field() -> impl Strategy<Value = Field> {
    use Field::{FirstFrame, FrameInterval, InputLen, TagSize, Version, Window};
    proptest::sample::select(vec![Version, InputLen, Window, TagSize, FirstFrame, FrameInterval])
}

fn any_peer_event() -> impl Strategy<Value = PeerEvent> {
    let epoch = || any::<u32>().prop_map(Epoch::new);
    prop_oneof![
        Just(PeerEvent::Connected),
        (any_health(), any_duration()).prop_map(|(health, silence)| PeerEvent::Health { health, silence }),
        Just(PeerEvent::Flushed),
        (any_frame(), any::<u64>(), any::<u64>()).prop_map(|(frame, local, remote)| PeerEvent::Desync {
            frame,
            local,
            remote
        }),
        (any_frame(), any::<u32>()).prop_map(|(first, count)| PeerEvent::Lost { first, count }),
        Just(PeerEvent::Conflict),
        (any_field(), any::<u32>(), any::<u32>()).prop_map(|(field, local, remote)| PeerEvent::Mismatch {
            field,
            local,
            remote
        }),
        epoch().prop_map(|epoch| PeerEvent::EpochAhead { epoch }),
        any::<(u16, u16)>().prop_map(|(sender, receiver)| PeerEvent::WrongPlayers { sender, receiver }),
        Just(PeerEvent::SecondRun),
        Just(PeerEvent::Replaced),
        Just(PeerEvent::Unreadable),
        Just(PeerEvent::Restarted),
        Just(PeerEvent::OutOfSync),
        proptest::option::of(any_peer()).prop_map(|by| PeerEvent::Departing { by }),
        proptest::option::of(any_frame()).prop_map(|last| PeerEvent::Departed { last }),
        (epoch(), any_frame()).prop_map(|(epoch, end)| PeerEvent::PeerClosed { epoch, end }),
    ]
}

fn any_event<const INPUT_LEN: usize>() -> impl Strategy<Value = Event<INPUT_LEN>> {
    prop_oneof![
        (any_peer(), any_frame(), any::<[u8; INPUT_LEN]>()).prop_map(|(peer, frame, input)| Event::Input {
            peer,
            frame,
            input
        }),
        any_duration().prop_map(|duration| Event::LocalStall { duration }),
        any_peer().prop_map(|by| Event::Dropped { by }),
        (any_peer(), any_peer_event()).prop_map(|(peer, event)| Event::Peer { peer, event }),
    ]
}

/// What the library writes for these statistics, drawn field by field: a program cannot make them itself.
fn any_stats() -> impl Strategy<Value = Value> {
    let duration =
        || (any::<u32>(), 0..1_000_000_000_u32).prop_map(|(secs, nanos)| json!({ "secs": secs, "nanos": nanos }));
    let maybe = || prop_oneof![Just(Value::Null), duration()];
    let rtt = [(); 6].map(|()| duration()).prop_map(|[latest, min, mean, median, smoothed, variation]| {
        json!({ "latest": latest, "min": min, "mean": mean, "median": median, "smoothed": smoothed, "variation": variation })
    });
    let refused = proptest::collection::btree_map(proptest::sample::select(DatagramError::ALL), 1_u32.., 0..5);
    let totals = (any::<[u64; 4]>(), any::<[u32; 2]>(), refused).prop_map(|(long, short, refused)| {
        let refused: serde_json::Map<_, _> =
            refused.iter().map(|(reason, n)| (format!("{reason:?}"), json!(n))).collect();
        json!({
            "packets_received": long[0], "bytes_received": long[1], "packets_sent": long[2], "bytes_sent": long[3],
            "duplicates": short[0], "conflicts": short[1], "refused": refused,
        })
    });
    let times = (prop_oneof![Just(Value::Null), rtt], [(); 4].map(|()| maybe()));
    let counts = (0..u64::MAX, any::<Option<u64>>(), any::<[u32; 3]>(), any::<u64>(), any::<Option<i32>>());
    (any_health(), times, counts, totals).prop_map(|(health, (rtt, times), counts, totals)| {
        let [latency, jitter, silence, longest_silence] = times;
        let (at, inbound_lost, [unacked, window, missing], lost_inputs, margin_millis) = counts;
        json!({
            "at": at, "health": health, "rtt": rtt, "latency": latency, "jitter": jitter, "silence": silence,
            "longest_silence": longest_silence, "inbound_lost": inbound_lost, "unacked": unacked, "window": window,
            "missing": missing, "lost_inputs": lost_inputs, "margin_millis": margin_millis, "totals": totals,
        })
    })
}

proptest! {
    #[test]
    fn settings_read_from_data_are_those_that_were_written(settings in any_settings(), run in 1_u64 << 32..) {
        let config = settings.build().expect("valid");
        prop_assert_eq!(there_and_back(&config), config);
        let read: ConfigBuilder = from_value(to_value(settings.incarnation(run).build().unwrap()).unwrap()).unwrap();
        prop_assert_eq!(read.build(), Ok(config), "an incarnation belongs to one run and is not written");
        prop_assert_eq!(read.incarnation(run).build(), settings.incarnation(run).build());
    }

    #[test]
    fn a_key_is_never_written_and_is_asked_for_when_the_settings_are_read(settings in any_settings(), key: [u8; 16]) {
        let config = settings.key(key).build().expect("valid");
        let data = to_value(config).unwrap();
        let mut without = to_value(settings.build().unwrap()).unwrap();
        without["keyed"] = true.into();
        prop_assert_eq!(&data, &without);
        let refused = from_value::<Config>(data.clone()).unwrap_err();
        prop_assert_eq!(refused.to_string(), ConfigError::Key.to_string());
        let read: ConfigBuilder = from_value(data).unwrap();
        prop_assert_eq!(read.build(), Err(ConfigError::Key));
        prop_assert_eq!(read.key(key).build(), Ok(config));
    }

    #[test]
    fn events_come_back_as_they_were(short in any_event::<1>(), long in any_event::<255>()) {
        prop_assert_eq!(there_and_back(&short), short);
        prop_assert_eq!(there_and_back(&long), long);
    }

    #[test]
    fn numbers_that_identify_and_moments_are_written_as_numbers(number: u32, micros in 0..u64::MAX) {
        prop_assert_eq!(to_value(Frame::new(number)).unwrap(), number);
        prop_assert_eq!(to_value(Epoch::new(number)).unwrap(), number);
        prop_assert_eq!(to_value(PeerId::new(number)).unwrap(), number);
        prop_assert_eq!(to_value(Instant::from_micros(micros)).unwrap(), micros);
        prop_assert_eq!(there_and_back(&Instant::from_micros(micros)), Instant::from_micros(micros));
    }

    #[test]
    fn statistics_come_back_as_they_were(data in any_stats()) {
        let stats: PeerStats = from_value(data.clone()).unwrap();
        prop_assert_eq!(to_value(stats).unwrap(), data);
        prop_assert_eq!(there_and_back(&stats), stats);
        let delta = stats.since(&stats);
        prop_assert_eq!(there_and_back(&delta), delta);
    }
}

#[test]
fn invalid_settings_are_refused_with_the_words_of_the_builder() {
    for (data, error) in [
        (json!({ "frame_interval_us": 999 }), ConfigError::FrameInterval),
        (json!({ "frame_interval_us": u64::MAX }), ConfigError::FrameInterval),
        (json!({ "ping_interval_us": 0 }), ConfigError::PingInterval),
        (json!({ "interrupt_after_us": 5_000_000 }), ConfigError::InterruptAfter),
        (json!({ "disconnect_after_us": 1_000 }), ConfigError::DisconnectAfter),
        (json!({ "warning_latency_us": 200_000 }), ConfigError::Latency),
        (json!({ "critical_latency_us": 60_000_001 }), ConfigError::Latency),
        (json!({ "redundancy": 16 }), ConfigError::Redundancy),
        (json!({ "max_datagram_size": 65_600 }), ConfigError::MaxDatagramSize),
    ] {
        let refused = from_value::<Config>(data.clone()).unwrap_err();
        assert_eq!(refused.to_string(), error.to_string(), "{data}");
    }
}

#[test]
fn a_setting_that_is_left_out_has_its_default_and_an_unknown_one_is_refused() {
    assert_eq!(from_str::<Config>("{}").unwrap(), Config::builder().build().unwrap());
    for unknown in ["key", "incarnation", "frame_interval"] {
        let refused = from_value::<Config>(json!({ unknown: 1 })).unwrap_err().to_string();
        assert!(refused.starts_with(&format!("unknown field `{unknown}`, expected one of `session_id`")), "{refused}");
    }
}

#[test]
fn an_input_of_another_size_is_refused() {
    let event = |input: &[u8]| json!({ "Input": { "peer": 0, "frame": 7, "input": input } });
    let input = Event::Input { peer: PeerId::new(0), frame: Frame::new(7), input: [1, 2, 3] };
    assert_eq!(to_value(input).unwrap(), event(&[1, 2, 3]));
    assert_eq!(from_value::<Event<3>>(event(&[1, 2, 3])).unwrap(), input);
    for wrong in [&[][..], &[1, 2], &[1, 2, 3, 4]] {
        assert!(from_value::<Event<3>>(event(wrong)).is_err(), "{wrong:?}");
    }
    let refused = from_value::<Event<3>>(event(&[1, 2])).unwrap_err().to_string();
    assert!(refused.contains("expected 3 bytes"), "{refused}");
}

#[test]
fn states_and_reasons_come_back_as_they_were() {
    let last = Some(Frame::new(9));
    for departure in [Departure::Present, Departure::Departing { end: Frame::new(9) }, Departure::Departed { last }] {
        assert_eq!(there_and_back(&departure), departure);
    }
    assert_eq!(there_and_back(&Timer::Hello), Timer::Hello);
    assert_eq!(there_and_back(&Totals::default()), Totals::default());
    let pace = json!({ "lead_millis": -1_500, "stretch_ppm": -20_000 });
    assert_eq!(to_value(from_value::<Pace>(pace.clone()).unwrap()).unwrap(), pace);
    for reason in DatagramError::ALL {
        assert_eq!(there_and_back(reason), *reason);
    }
    let unknown = from_value::<Totals>(json!({ "refused": { "Rude": 1 } })).unwrap_err().to_string();
    assert!(unknown.starts_with("unknown variant `Rude`"), "{unknown}");
    let no_map = from_value::<Totals>(json!({ "refused": 7 })).unwrap_err().to_string();
    assert!(no_map.contains("expected a map from reasons to counts"), "{no_map}");
}

#[test]
fn settings_at_the_ends_of_their_numbers_are_an_error_that_names_them_or_are_kept_as_they_are() {
    let written = to_value(Config::builder().build().expect("valid")).expect("it can be written");
    let fields: Vec<_> = written.as_object().expect("an object").keys().cloned().collect();
    let ends = [0, 1, 19_999, 65_535, 65_536, 65_536 + 1_024, 1 << 32, (1 << 32) + 16_667, u64::MAX - 1, u64::MAX];
    for (field, end) in fields.iter().flat_map(|field| ends.map(|end| (field, end))) {
        let mut settings = written.clone();
        settings[field] = json!(end);
        if let Ok(config) = from_value::<Config>(settings) {
            let again = to_value(config).expect("it can be written");
            // None and 0 are the same lead.
            let kept = again[field] == json!(end) || field == "max_lead" && end == 0;
            assert!(kept, "{field}: {end} became {}", again[field]);
        }
        for wrong in [json!(-1), json!(1.5), json!("7"), json!([7]), json!({ "a": 1 })] {
            let mut settings = written.clone();
            settings[field] = wrong;
            assert!(from_value::<Config>(settings).is_err(), "{field}");
        }
    }
}

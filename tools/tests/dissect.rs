//! Every field of every kind of datagram has a name: in `inputwire decode`, in the Wireshark dissector, and both the same.
//!
//! A game is played in virtual time, with a peer on each wire, loss and an outage, and recorded. The recording becomes a capture
//! file, which the real `tshark` reads. Without one on this machine, that comparison is skipped; `tools/check.sh` installs it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::{Command, Output, Stdio};
use std::{env, fs};

use inputwire::{Config, Endpoint as _, Frame, Instant, MAX_DATAGRAM_SIZE, PeerConfig, PeerId, Session};
use inputwire_record::Recorder;
use inputwire_sim::network::{Faults, Network};
use inputwire_sim::rng::Rng;
use serde_json::Value;

const STEP_US: u64 = 1_000;
const FRAME_STEPS: u64 = 16;
const STEPS: u64 = 9_000;

type Fields = BTreeMap<String, Vec<String>>;

#[derive(Clone, Copy, Debug)]
struct Game {
    key: Option<[u8; 16]>,
    short_tags: bool,
}

/// Words with a tag of so many bytes: about players 2 and 7 without inputs and with three of player 7, where players 3 and 259 stay;
/// about them where nobody stays; and for nobody. They are written by hand, since it takes a game of three to have one.
fn words(tag: usize) -> [Vec<u8>; 4] {
    let set = [0, 2, 0x6f, 0, 0, 0, 0, 100, 0, 7, 0, 0, 0, 0, 0, 50];
    let stays = [0, 3, 1, 3];
    let tag = vec![0xaa; tag];
    [
        [&[0x23][..], &tag, &[3, 2, 2], &set, &stays].concat(),
        [&[0x23][..], &tag, &[5, 2, 2], &set, &stays, &[1, 3, 0, 0, 0, 47, 0x4c, 1]].concat(),
        [&[0x23][..], &tag, &[1, 2, 0], &set].concat(),
        [&[0x23][..], &tag, &[0, 0, 0]].concat(),
    ]
}

/// Returns the recording of player 0, whose peer 1 is on the compact wire and whose peer 2 is on the classic one.
fn play(game: Game) -> Vec<u8> {
    let config = |player: u16| {
        let builder = Config::builder().session_id(7).local_player(player).short_tags(game.short_tags);
        let builder = builder.incarnation(0x5eed_0000_0000 + u64::from(player));
        game.key.map_or(builder, |key| builder.key(key)).build().unwrap()
    };
    let mut zero: Recorder<Vec<u8>, 2, 1> = Recorder::new(config(0), Vec::new());
    zero.add_peer(Instant::ORIGIN, PeerConfig::compact(1)).unwrap();
    zero.add_peer(Instant::ORIGIN, PeerConfig::<1>::classic(2)).unwrap();
    let mut others = [Session::<1, 1>::new(config(1)), Session::new(config(2))];
    others[0].add_peer(Instant::ORIGIN, PeerConfig::compact(0)).unwrap();
    others[1].add_peer(Instant::ORIGIN, PeerConfig::<1>::classic(0)).unwrap();

    let (mut network, mut rng) = (Network::new(3, 7), Rng::new(8));
    for (from, to) in [(0, 1), (1, 0), (0, 2), (2, 0)] {
        network.set_faults(from, to, Faults { delay_us: 30_000, loss: 150, ..Faults::default() });
    }
    let mut buf = [0; MAX_DATAGRAM_SIZE];
    for step in 0..STEPS {
        let (micros, now) = (step * STEP_US, Instant::from_micros(step * STEP_US));
        if step == 3_000 {
            for (from, to) in [(0, 1), (1, 0)] {
                network.cut(from, to, micros + 600_000);
            }
        }
        if step == 4_000 {
            // What no endpoint of this crate sends: a keep-alive, and messages of a game and of nobody.
            for bytes in [&[4][..], &[0x14, 1, 2], b"{\"ready\":true}", &[0x33, 4]] {
                let _ = zero.handle_datagram(now, PeerId::new(1), bytes);
            }
            for word in words(if game.key.is_some() { 8 } else { 2 }) {
                let _ = zero.handle_datagram(now, PeerId::new(0), &word);
            }
        }
        while let Some(datagram) = network.deliver(micros) {
            match datagram.to {
                0 => drop(zero.handle_datagram(now, PeerId::new(u32::from(datagram.from == 2)), &datagram.bytes)),
                to => drop(others[to - 1].handle_datagram(now, PeerId::new(0), &datagram.bytes)),
            }
        }
        let plays = step > 500 && step < STEPS - 1_500 && step % FRAME_STEPS == 0;
        let input = [rng.next().to_le_bytes()[0] & if rng.one_in(9) { 0xff } else { 1 }];
        zero.handle_timeout(now);
        if plays {
            let _ = zero.push_input(now, input);
            let frame = zero.next_frame().get();
            if frame.is_multiple_of(40) && frame > 80 {
                let _ = zero.push_checksum(now, Frame::new(frame - 80), rng.next());
            }
        }
        for other in &mut others {
            other.handle_timeout(now);
            if plays {
                let _ = other.push_input(now, input);
            }
            if step == STEPS - 800 {
                other.close(now);
            }
            while other.poll_event().is_some() {}
        }
        if step == STEPS - 700 {
            zero.close(now);
        }
        while zero.poll_event().is_some() {}
        while let Some(transmit) = zero.poll_transmit(&mut buf) {
            network.send(micros, 0, if transmit.peer.get() == 0 { 1 } else { 2 }, transmit.datagram);
        }
        for (index, other) in (1..).zip(&mut others) {
            while let Some(transmit) = other.poll_transmit(&mut buf) {
                network.send(micros, index, 0, transmit.datagram);
            }
        }
    }
    zero.finish().unwrap()
}

fn inputwire(arguments: &[&str], input: &str) -> Output {
    let mut process = Command::new(env!("CARGO_BIN_EXE_inputwire"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program runs");
    process.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    process.wait_with_output().unwrap()
}

/// Returns the datagrams of a capture file, without their headers.
fn datagrams(capture: &[u8]) -> Vec<Vec<u8>> {
    let (mut at, mut datagrams) = (24, Vec::new());
    while at < capture.len() {
        let len = usize::try_from(u32::from_le_bytes(capture[at + 8..at + 12].try_into().unwrap())).unwrap();
        datagrams.push(capture[at + 16 + 28..at + 16 + len].to_vec());
        at += 16 + len;
    }
    datagrams
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// Returns the kind and the fields of each datagram as `inputwire decode` names them, and checks that each byte has a name.
fn decoded(datagrams: &[Vec<u8>]) -> Vec<(String, Fields)> {
    let lines: String = datagrams.iter().map(|datagram| hex(datagram) + "\n").collect();
    let output = inputwire(&["decode", "--json", "-"], &lines);
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), datagrams.len());
    let read = |(line, datagram): (&&str, &Vec<u8>)| {
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["problem"], Value::Null, "{line} of {}", hex(datagram));
        let (mut fields, mut named) = (Fields::new(), vec![false; datagram.len()]);
        for field in line["fields"].as_array().unwrap() {
            let of = |name: &str| usize::try_from(field[name].as_u64().unwrap()).unwrap();
            named[of("at")..of("at") + of("len")].fill(true);
            let value = field["value"].as_str().unwrap().to_owned();
            fields.entry(field["name"].as_str().unwrap().to_owned()).or_default().push(value);
        }
        assert!(named.iter().all(|named| *named), "a byte of {} has no name", hex(datagram));
        (line["kind"].as_str().unwrap().to_owned(), fields)
    };
    lines.iter().zip(datagrams).map(read).collect()
}

/// Returns the same as the dissector names them. `None`: there is no tshark.
fn dissected(capture: &str) -> Option<Vec<(String, Fields)>> {
    let script = concat!("lua_script:", env!("CARGO_MANIFEST_DIR"), "/wireshark/inputwire.lua");
    let output = Command::new("tshark")
        .args(["-X", script, "-r", capture, "-T", "json", "--no-duplicate-keys", "-j", "inputwire"])
        .output()
        .ok()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let problems = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!problems.contains("Lua Error") && !problems.contains("lua"), "{problems}");
    let packets: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap().replace(':', "");
    let read = |packet: &Value| {
        let mut fields = Fields::new();
        for (name, value) in packet["_source"]["layers"]["inputwire"].as_object().expect("dissected") {
            let Some(name) = name.strip_prefix("inputwire.") else { panic!("{name}: {value}") };
            let values = value.as_array().map_or_else(|| vec![text(value)], |many| many.iter().map(text).collect());
            fields.insert(name.to_owned(), values);
        }
        (fields.remove("kind").expect("a kind").remove(0), fields)
    };
    Some(packets.iter().map(read).collect())
}

/// Whether a field has the same values, where a clock may be rounded.
fn agree(name: &str, one: &[String], other: &[String]) -> bool {
    if name != "ping.millis" {
        return one == other;
    }
    let numbers = |values: &[String]| values.iter().map(|value| value.parse::<f64>().unwrap()).collect::<Vec<_>>();
    numbers(one).iter().zip(numbers(other)).all(|(one, other)| (one - other).abs() < 1e-3)
}

fn check(game: Game, name: &str) {
    let path = |ending: &str| {
        let path = env::temp_dir().join(format!("inputwire-dissect-{}-{name}.{ending}", std::process::id()));
        path.to_str().unwrap().to_owned()
    };
    let (recording, capture) = (path("rec"), path("pcap"));
    fs::write(&recording, play(game)).unwrap();
    assert!(inputwire(&["pcap", &recording, &capture], "").status.success());
    let datagrams = datagrams(&fs::read(&capture).unwrap());
    let decoded = decoded(&datagrams);
    let kinds: BTreeSet<&str> = decoded.iter().map(|(kind, _)| kind.as_str()).collect();
    let expected = [
        "INPUT",
        "INPUT_REQUEST",
        "INPUT_RESPONSE",
        "KEEPALIVE",
        "PING",
        "PONG",
        "VALIDATION_PING",
        "VALIDATION_PONG",
        "bye",
        "checksums",
        "game message",
        "hello",
        "input datagram",
        "unknown type",
        "word",
    ];
    assert_eq!(kinds, BTreeSet::from(expected));
    let has = |field: &str| decoded.iter().any(|(_, fields)| fields.contains_key(field));
    assert!(has("input.count") && has("timing.lead") && has("checksums.hash"), "a block is missing");
    match dissected(&capture) {
        None => println!("skipped: the dissector: there is no tshark"),
        Some(dissected) => {
            assert_eq!(dissected.len(), decoded.len());
            for ((datagram, ours), theirs) in datagrams.iter().zip(&decoded).zip(&dissected) {
                let names = |(_, fields): &(String, Fields)| fields.keys().cloned().collect::<Vec<_>>();
                assert_eq!((&ours.0, names(ours)), (&theirs.0, names(theirs)), "{}", hex(datagram));
                for (name, values) in &ours.1 {
                    assert!(
                        agree(name, values, &theirs.1[name]),
                        "{name} of {}: {values:?}, {:?}",
                        hex(datagram),
                        theirs.1[name]
                    );
                }
            }
            println!("{name}: {} datagrams of {} kinds, equal in both", decoded.len(), kinds.len());
        }
    }
    for path in [recording, capture] {
        fs::remove_file(path).unwrap();
    }
}

#[test]
fn tshark_names_every_field_of_a_game_as_the_decoder_does() {
    check(Game { key: None, short_tags: false }, "no key");
}

#[test]
fn with_a_key_a_hello_tells_how_long_the_tags_are() {
    check(Game { key: Some([9; 16]), short_tags: false }, "key");
    check(Game { key: Some([9; 16]), short_tags: true }, "short tags");
}

/// The rows `| offset | size | field |` of a control datagram in PROTOCOL, for a tag of two bytes.
fn table(protocol: &str, name: &str) -> Vec<(usize, usize)> {
    let start = protocol.find(&format!("\n**{name}**, ")).expect("a section");
    let rows = protocol[start..].lines().skip_while(|line| !line.starts_with("|---")).skip(1);
    let number = |text: &str| -> Option<usize> {
        text.split('+')
            .map(|part| if ["c", "s"].contains(&part.trim()) { Some(2) } else { part.trim().parse().ok() })
            .sum()
    };
    let rows =
        rows.take_while(|line| line.starts_with('|')).map(|row| row.split('|').map(str::trim).collect::<Vec<_>>());
    rows.filter_map(|row| Some((number(row[1])?, number(row[2])?))).collect()
}

#[test]
fn the_fields_of_control_datagrams_stand_where_the_tables_of_the_protocol_say() {
    let protocol = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/PROTOCOL.md")).unwrap();
    for (name, first, len) in [("hello", "20", 50), ("bye", "21", 19), ("checksums", "22", 7), ("word", "23", 6)] {
        if !protocol.contains(&format!("\n**{name}**, ")) {
            continue;
        }
        let datagram = format!("{first}{}", "00".repeat(len - 1));
        let output = inputwire(&["decode", "--json", &datagram], "");
        let line: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((&line["kind"], &line["problem"]), (&Value::from(name), &Value::Null), "{line}");
        let place =
            |field: &Value| ["at", "len"].map(|name| usize::try_from(field[name].as_u64().unwrap()).unwrap()).into();
        let mut places: Vec<(usize, usize)> = line["fields"].as_array().unwrap().iter().map(place).collect();
        places.dedup();
        assert_eq!(places, table(&protocol, name), "{name}");
    }
}

//! The commands about recordings and links.

use std::process::{Command, Output};
use std::{env, fs};

use serde_json::Value;

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_inputwire")).args(arguments).output().expect("the program runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A kept recording, and its key if it has one.
const PLAYED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/record/tests/recordings/udp-compact.rec");

#[test]
fn a_recording_replays_equal_as_lines_and_as_json_with_a_timeline() {
    let picture = env::temp_dir().join(format!("inputwire-timeline-{}.svg", std::process::id()));
    let svg = picture.to_str().unwrap();
    let shown = run(&["replay", PLAYED, "--svg", svg]);
    let lines = text(&shown.stdout);
    assert_eq!(shown.status.code(), Some(0), "{}", text(&shown.stderr));
    assert!(lines.contains("Connected") && lines.lines().last().unwrap().starts_with("equal: all"), "{lines}");

    let drawn = fs::read_to_string(&picture).unwrap();
    fs::remove_file(&picture).unwrap();
    assert!(drawn.starts_with("<svg") && drawn.ends_with("</svg>\n"));
    for word in ["inputs pushed", "peer 0: sent", "peer 0: received", "peer 0: inputs", "peer 0: rtt", "Connected"] {
        assert!(drawn.contains(word), "{word} is missing");
    }
    assert_eq!(drawn.matches("<text").count(), drawn.matches("</text>").count());

    let output = run(&["replay", PLAYED, "--json"]);
    let objects: Vec<Value> =
        text(&output.stdout).lines().map(|line| serde_json::from_str(line).expect("a JSON object")).collect();
    assert_eq!(objects[0]["player"], 0);
    assert_eq!(objects.last().unwrap()["equal"], true);
    let delivered = objects.iter().filter(|object| object["outcome"]["input"].is_string()).count();
    let pushed = objects.iter().filter(|object| object["call"] == "push_input").count();
    assert!(delivered > 100 && pushed > 100, "{delivered} delivered, {pushed} pushed");
}

#[test]
fn a_recording_with_another_outcome_is_named_by_status_one_and_no_recording_by_two() {
    let mut file = fs::read(PLAYED).unwrap();
    let path = env::temp_dir().join(format!("inputwire-replay-{}.rec", std::process::id()));
    let name = path.to_str().unwrap();
    file.truncate(file.len() - 3);
    fs::write(&path, &file).unwrap();
    let output = run(&["replay", name]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("ends within the block"));
    fs::write(&path, b"something else").unwrap();
    assert_eq!(run(&["replay", name]).status.code(), Some(2));
    fs::remove_file(&path).unwrap();
}

#[test]
fn a_mistake_on_the_command_line_is_named_and_has_status_two() {
    for (line, word) in [
        ("", "command"),
        ("play", "play"),
        ("replay", "recording"),
        ("replay a --fast", "--fast"),
        ("replay a --key 12", "32 hexadecimal digits"),
        ("replay a --peer-key 12", "colon"),
        ("decode", "hexadecimal"),
        ("decode 8x", "8x"),
        ("decode 80 --tag 3", "2, 4 or 8"),
        ("pcap a", "file to write"),
        ("simulate --loss 101", "0 to 100"),
        ("simulate --rate 5 --trace a", "--rate"),
        ("feed look a", "info"),
    ] {
        let output = run(&line.split_whitespace().collect::<Vec<_>>());
        let told = text(&output.stderr);
        assert!(output.status.code() == Some(2) && told.contains(word), "{line}: {told}");
    }
}

#[test]
fn a_simulated_link_without_loss_makes_every_input_as_old_as_its_delay() {
    let output = run(&["simulate", "--delay", "30", "--seconds", "5", "--json"]);
    let figures: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(
        (&figures["age_us"]["median"], &figures["age_us"]["most"]),
        (&30_000.into(), &30_000.into()),
        "{figures}"
    );
    assert_eq!(figures["stood_still"], 0);
    let narrow =
        run(&["simulate", "--delay", "30", "--rate", "20", "--loss", "10", "--burst", "300", "--seconds", "20"]);
    assert!(text(&narrow.stdout).contains("age when known"), "{}", text(&narrow.stderr));
}

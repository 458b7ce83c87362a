//! The same game on ggrs 0.13.0 and on this package, over the same network in virtual time.
//!
//! ```text
//! ggrs-table [frames]
//! ```

mod clock;

use std::fmt::Display;

/// A game on ggrs 0.13.0.
mod theirs {
    use other as ggrs;

    include!("program.rs");
}

/// The same game on this package.
mod ours {
    use this as ggrs;

    include!("program.rs");
}

/// The frame interval, in microseconds.
pub const FRAME_US: u64 = 16_667;

/// A game and the network that it is played over.
#[derive(Clone, Copy)]
pub struct Scene {
    pub players: usize,
    pub rtt_us: u64,
    /// In a thousand datagrams.
    pub loss: u32,
    /// How many frames are predicted.
    pub window: usize,
    pub input_delay: usize,
    /// When the links are cut, if they are, and for how long.
    pub cut: Option<(u64, u64)>,
    pub frames: u64,
    pub seed: u64,
}

/// What was counted at all ends together.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    /// Frames that were due.
    pub frames: u64,
    /// Frames that could not be played.
    pub stalled: u64,
    pub datagrams: u64,
    pub bytes: u64,
    pub nanos: f64,
    /// From the end of the cut to the next frame, at each end, in microseconds.
    pub recovered_us: Vec<u64>,
    /// Whether all states were equal at the end.
    pub is_equal: bool,
}

const SCENES: [(&str, Scene); 4] = [
    ("RTT 100 ms", SCENE),
    ("RTT 200 ms, 20 % lost", Scene { rtt_us: 200_000, loss: 200, ..SCENE }),
    ("lockstep, RTT 100 ms, delay 4", Scene { window: 0, input_delay: 4, ..SCENE }),
    ("four players, RTT 60 ms, 5 % lost", Scene { players: 4, rtt_us: 60_000, loss: 50, ..SCENE }),
];

const SCENE: Scene =
    Scene { players: 2, rtt_us: 100_000, loss: 0, window: 8, input_delay: 0, cut: None, frames: 3_600, seed: 1 };

fn main() {
    let frames = std::env::args().nth(1).and_then(|frames| frames.parse().ok()).unwrap_or(3_600);
    row(&["", "", "ggrs 0.13.0", "this", "this / ggrs"]);
    row(&["---", "---", "---", "---", "---"]);
    for (name, scene) in SCENES {
        let scene = Scene { frames, ..scene };
        // In turns, so that both meet the same machine; the least counts.
        let mut runs = [Vec::new(), Vec::new()];
        for _ in 0..5 {
            runs[0].push(theirs::play(&scene));
            runs[1].push(ours::play(&scene));
        }
        let [theirs, ours] = runs.map(|runs| {
            let nanos = runs.iter().map(|run| run.nanos).fold(f64::MAX, f64::min);
            Measured { nanos, ..runs[0].clone() }
        });
        let links = (scene.players - 1) as f64;
        let each = |of: fn(&Measured) -> f64| [&theirs, &ours].map(|run| of(run) / run.frames as f64);
        compare(name, "payload bytes, a frame and link", each(|run| run.bytes as f64).map(|bytes| bytes / links));
        compare("", "datagrams, a frame and link", each(|run| run.datagrams as f64).map(|sent| sent / links));
        compare("", "CPU ns, a frame", each(|run| run.nanos));
        compare("", "% of the frames stalled", each(|run| run.stalled as f64).map(|stalled| stalled * 100.0));
        assert!(ours.is_equal, "{name}: the states differ");
    }
    let recovered = |play: fn(&Scene) -> Measured| {
        let mut all = Vec::new();
        for phase in 0..20 {
            let cut = Some((3_000_000 + phase * FRAME_US / 20, 1_000_000));
            all.extend(play(&Scene { cut, frames: 360, ..SCENE }).recovered_us);
        }
        all.sort_unstable();
        all[all.len() / 2] as f64 / 1_000.0
    };
    let medians = [recovered(theirs::play), recovered(ours::play)];
    compare("RTT 100 ms, cut for 1 s", "ms to the next frame, median of 20 phases", medians);
}

fn compare(scene: &str, what: &str, [theirs, ours]: [f64; 2]) {
    let ratio = if theirs > 0.0 { format!("{:.2}", ours / theirs) } else { "-".into() };
    row(&[scene, what, &number(theirs), &number(ours), &ratio]);
}

fn number(number: f64) -> String {
    if number < 100.0 {
        format!("{number:.2}")
    } else {
        format!("{number:.0}")
    }
}

fn row<D: Display>(cells: &[D]) {
    let cells: Vec<String> = cells.iter().map(D::to_string).collect();
    println!("| {} |", cells.join(" | "));
}

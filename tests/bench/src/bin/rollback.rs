//! The rollback driver beside the loop by hand and ggrs.

use bench::clock;
use bench::driver::Driver;
use bench::duel::{Measured, play};
use bench::game::Loop;
use bench::network::Weather;
use bench::peers::ggrs::Ggrs;
use bench::report::median;

fn main() {
    let calm = Weather { name: "calm", rtt_us: 100_000, loss: 0.0, bursts: false, outages: false };
    cpu::<1>("u8", [play::<Loop<1>, 1>, play::<Driver<1>, 1>, play::<Ggrs<u8, 1>, 1>], calm);
    cpu::<8>("8", [play::<Loop<8>, 8>, play::<Driver<8>, 8>, play::<Ggrs<[u8; 8], 8>, 8>], calm);
}

fn cpu<const N: usize>(title: &str, runs: [fn(Weather, u64, u64) -> Measured; 3], weather: Weather) {
    let (ns_per_tick, overhead) = clock::calibrate();
    let mut ns: [Vec<f64>; 3] = Default::default();
    for _ in 0..9 {
        let mut hashes = Vec::new();
        for (run, ns) in runs.iter().zip(&mut ns) {
            let measured = run(weather, 1, 3_600);
            let ticks = measured.ticks as f64 - overhead * measured.calls as f64;
            ns.push(ticks * ns_per_tick / measured.frames as f64);
            hashes.push((measured.hash, measured.allocations));
        }
        assert_eq!(hashes[0], hashes[1]);
    }
    println!("{title}: {:?}", ns.map(|mut ns| median(&mut ns)));
}

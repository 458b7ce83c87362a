//! Records all sessions of one run of the simulator.
//!
//! ```text
//! SIM_SEED=7 SIM_MODE=liveness cargo run --release -p inputwire-record --example simulated -- FOLDER
//! ```
//!
//! The variables are those that a finding of the simulator prints, `SIM_WITHOUT` included. Prints for each recording the
//! command that replays it.
//!
//! Exit status: 0 if no law was broken, 1 if one was, 2 if no recordings were written.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

#[path = "../tests/suite/simulator.rs"]
mod simulator;

use inputwire_sim::batch::plan_from_env;
use simulator::Recording;

fn main() -> ExitCode {
    let (Some(folder), Some(plan)) = (std::env::args().nth(1), plan_from_env()) else {
        eprintln!("usage: SIM_SEED=N [SIM_MODE=safety|liveness] [SIM_WITHOUT=...] simulated FOLDER");
        return ExitCode::from(2);
    };
    println!("{plan}");
    let (outcome, recordings) = simulator::run(&plan);
    if let Err(error) = write(Path::new(&folder), &recordings) {
        eprintln!("simulated: {folder}: {error}");
        return ExitCode::from(2);
    }
    match outcome.breach {
        None => ExitCode::SUCCESS,
        Some((at, breach)) => {
            println!("{breach} (after {at} us)");
            ExitCode::from(1)
        }
    }
}

fn write(folder: &Path, recordings: &[Recording]) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    for (place, Recording { spec, file }) in recordings.iter().enumerate() {
        let path = folder.join(format!("{place:02}-endpoint-{}.rec", spec.endpoint));
        fs::write(&path, file)?;
        let mut key = String::new();
        if let Some(bytes) = spec.key {
            let digits = u128::from_be_bytes(bytes);
            write!(key, " --key {digits:032x}").expect("a string takes everything");
        }
        println!("cargo run --release -p inputwire-tools -- replay {}{key}", path.display());
    }
    Ok(())
}

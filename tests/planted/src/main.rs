//! Plants a bug in a copy of the repository, and hunts for it with the simulator. `run.sh` does both for every bug.
//!
//! ```text
//! planted names ROOT          prints the names of the bugs
//! planted plant ROOT NAME     plants one
//! planted tests ROOT NAME     prints the tests that must notice it, if that is not the simulator
//! planted hunt SEEDS          status 0: no law was broken; 1: one was, and it is printed with its seed
//! ```

mod bugs;
mod hunt;

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use bugs::Bug;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments[..] {
        ["names", root] => names(Path::new(root)),
        ["plant", root, name] => plant(Path::new(root), name),
        ["tests", root, name] => tests(Path::new(root), name),
        ["hunt", seeds] => return hunt::hunt(seeds.parse().expect("a number of seeds")),
        _ => Err("expected `names ROOT`, `plant ROOT NAME`, `tests ROOT NAME` or `hunt SEEDS`".to_owned()),
    };
    outcome.map_or_else(
        |error| {
            eprintln!("{error}");
            ExitCode::from(2)
        },
        |()| ExitCode::SUCCESS,
    )
}

fn names(root: &Path) -> Result<(), String> {
    bugs::read(root)?.iter().for_each(|bug| println!("{}", bug.name));
    Ok(())
}

fn tests(root: &Path, name: &str) -> Result<(), String> {
    find(root, name)?.tests.into_iter().for_each(|tests| println!("{tests}"));
    Ok(())
}

fn find(root: &Path, name: &str) -> Result<Bug, String> {
    let found = bugs::read(root)?.into_iter().find(|bug| bug.name == name);
    found.ok_or_else(|| format!("there is no bug named {name}"))
}

fn plant(root: &Path, name: &str) -> Result<(), String> {
    for (path, text) in find(root, name)?.plant(root)? {
        fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}

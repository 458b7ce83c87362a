//! Modules depend only downward: the groups of `mod` lines in src/lib.rs are the layers.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The modules of src/lib.rs, each with the number of its group.
fn layers(lib: &str) -> HashMap<&str, usize> {
    let groups = lib.split("\n\n").filter(|group| group.starts_with("mod "));
    let modules = groups.enumerate().flat_map(|(layer, group)| {
        group.lines().filter_map(move |line| Some((line.strip_prefix("mod ")?.strip_suffix(';')?, layer)))
    });
    modules.collect()
}

/// The Rust files below a folder, except in `target`.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let inside = |path: PathBuf| match path.is_dir() {
        true if path.ends_with("target") => Vec::new(),
        true => sources(&path),
        false => vec![path],
    };
    let rust = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "rs");
    entries.flat_map(inside).filter(rust).collect()
}

/// The modules that a file uses: the word after each `crate::`.
fn uses(text: &str) -> impl Iterator<Item = &str> {
    text.split("crate::").skip(1).filter_map(|rest| {
        let end = rest.find(|letter: char| !(letter.is_lowercase() || letter == '_')).unwrap_or(rest.len());
        (end > 0).then(|| &rest[..end])
    })
}

#[test]
fn a_module_uses_only_modules_of_the_groups_above_its_own() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let lib = fs::read_to_string(src.join("lib.rs")).expect("lib.rs");
    let layers = layers(&lib);
    let mut looked_at = 0;
    for path in sources(&src) {
        let inside = path.strip_prefix(&src).expect("inside").with_extension("");
        let module = inside.components().next().expect("a name").as_os_str().to_str().expect("UTF-8").to_owned();
        // The guide is documentation only.
        if ["lib", "guide"].contains(&module.as_str()) || inside.components().any(|part| part.as_os_str() == "tests") {
            continue;
        }
        let own = layers.get(module.as_str()).unwrap_or_else(|| panic!("{module} has no layer"));
        let text = fs::read_to_string(&path).expect("a source");
        let code: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        let hidden = code.split("crate::").skip(1).find(|rest| !rest.starts_with(char::is_lowercase));
        assert_eq!(
            hidden.map(|rest| &rest[..rest.len().min(40)]),
            None,
            "{}: name a module after `crate::`",
            path.display()
        );
        for used in uses(&code).filter(|used| *used != module) {
            if let Some(layer) = layers.get(used) {
                assert!(layer < own, "{} uses {used}, which is not below it", path.display());
                looked_at += 1;
            }
        }
    }
    assert!(looked_at > 50, "only {looked_at} uses were found");
}

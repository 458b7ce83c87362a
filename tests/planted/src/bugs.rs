//! The bugs of `bugs.txt`, and how one is planted.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Where the bugs are described, from the root of the repository.
const LIST: &str = "tests/planted/bugs.txt";

/// A bug: edits of the core.
pub(crate) struct Bug {
    pub(crate) name: String,
    /// The tests that must notice it, if the simulator does not know what it breaks.
    pub(crate) tests: Option<String>,
    edits: Vec<Edit>,
}

/// A text in an item of a file, and its replacement.
struct Edit {
    file: String,
    item: String,
    text: String,
    replacement: String,
}

/// Reads the list of a repository.
pub(crate) fn read(root: &Path) -> Result<Vec<Bug>, String> {
    let list = fs::read_to_string(root.join(LIST)).map_err(|error| format!("{LIST}: {error}"))?;
    let mut bugs: Vec<Bug> = Vec::new();
    let mut place = None;
    let mut lines = list.lines().zip(1..).filter(|(line, _)| !line.is_empty() && !line.starts_with('#'));
    while let Some((line, number)) = lines.next() {
        let wrong = |expected| format!("{LIST}:{number}: {expected}");
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            if bugs.iter().any(|bug| bug.name == name) {
                return Err(wrong("this name is taken"));
            }
            lines.next().filter(|(sentence, _)| sentence.ends_with('.')).ok_or_else(|| wrong("no sentence follows"))?;
            bugs.push(Bug { name: name.to_owned(), tests: None, edits: Vec::new() });
            place = None;
        } else if let Some(tests) = line.strip_prefix("! ") {
            let bug = bugs.last_mut().ok_or_else(|| wrong("no `[name]` precedes"))?;
            bug.tests = Some(tests.to_owned());
        } else if let Some(rest) = line.strip_prefix("@ ") {
            place = Some(rest.split_once(' ').ok_or_else(|| wrong("expected `@ FILE ITEM`"))?);
        } else if let Some(text) = line.strip_prefix("- ") {
            let (file, item) = place.ok_or_else(|| wrong("no `@ FILE ITEM` precedes"))?;
            let [file, item, text] = [file, item, text].map(str::to_owned);
            let bug = bugs.last_mut().ok_or_else(|| wrong("no `[name]` precedes"))?;
            bug.edits.push(Edit { file, item, text, replacement: String::new() });
        } else if let Some(replacement) = line.strip_prefix("+ ") {
            let edit = bugs.last_mut().and_then(|bug| bug.edits.last_mut());
            let edit = edit.ok_or_else(|| wrong("no `- TEXT` precedes"))?;
            replacement.clone_into(&mut edit.replacement);
        } else {
            return Err(wrong("expected `[name]`, `! TESTS`, `@ FILE ITEM`, `- TEXT` or `+ TEXT`"));
        }
    }
    Ok(bugs)
}

impl Bug {
    /// Returns the files of a repository that the bug changes, with the bug in them.
    ///
    /// # Errors
    ///
    /// Where a text is not found exactly once: which one, and where it may be now.
    pub(crate) fn plant(&self, root: &Path) -> Result<BTreeMap<PathBuf, String>, String> {
        let mut changed = BTreeMap::new();
        for edit in &self.edits {
            let path = root.join(&edit.file);
            let before = changed.get(&path).cloned().or_else(|| fs::read_to_string(&path).ok()).unwrap_or_default();
            let after = edit.apply(&before).map_err(|reason| {
                let files = files_with(root, "src", &edit.text);
                format!("{LIST}: {}: {reason}. Mend its file, item or text. Files with this text: {files:?}", self.name)
            })?;
            changed.insert(path, after);
        }
        if changed.is_empty() { Err(format!("{LIST}: {}: it changes nothing", self.name)) } else { Ok(changed) }
    }
}

impl Edit {
    fn apply(&self, file: &str) -> Result<String, String> {
        let Self { item, text, replacement, .. } = self;
        let items = items(file, item);
        let [found] = items[..] else {
            return Err(format!("`{item}` is {} times in {}", items.len(), self.file));
        };
        match found.matches(text).count() {
            1 => Ok(file.replacen(found, &found.replacen(text, replacement, 1), 1)),
            count => Err(format!("`{text}` is {count} times in `{item}` of {}", self.file)),
        }
    }
}

/// The items of a file whose first line has the words `start`.
fn items<'a>(file: &'a str, start: &str) -> Vec<&'a str> {
    let mut found = Vec::new();
    let mut rest = file;
    while let Some(line) = rest.split_inclusive('\n').next() {
        if has_words(line, start) && !line.trim_start().starts_with("//") {
            found.push(first_item(rest));
        }
        rest = &rest[line.len()..];
    }
    found
}

fn has_words(line: &str, words: &str) -> bool {
    let is_letter = |letter: char| letter.is_alphanumeric() || letter == '_';
    line.match_indices(words)
        .any(|(at, _)| !line[..at].ends_with(is_letter) && !line[at + words.len()..].starts_with(is_letter))
}

/// The item that begins with the first line. As rustfmt lays it out, it ends with the first line of the same
/// indentation that closes something.
fn first_item(rest: &str) -> &str {
    let closes = |line: &str| indentation(line) == indentation(rest) && line.trim_end().ends_with(['}', ';']);
    let mut len = 0;
    for line in rest.split_inclusive('\n') {
        len += line.len();
        if closes(line) {
            break;
        }
    }
    &rest[..len]
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// The files below a folder that have a text.
fn files_with(root: &Path, folder: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root.join(folder)).into_iter().flatten().flatten() {
        let path = format!("{folder}/{}", entry.file_name().display());
        if entry.path().is_dir() {
            found.append(&mut files_with(root, &path, text));
        } else if fs::read_to_string(entry.path()).is_ok_and(|file| file.contains(text)) {
            found.push(path);
        }
    }
    found
}

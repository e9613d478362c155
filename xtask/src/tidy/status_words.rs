//! One place decides what a generation's status is. So the status words are spelled in core's `state.rs` files and
//! nowhere else in Rust; the few files that speak of something else by the same words are on a list, with a reason.

use super::Finding;
use crate::tree::SourceFile;

pub const ALLOW_LIST: &str = "xtask/status-words.txt";

const WORDS: [&str; 5] = ["pending", "processing", "completed", "failed", "cancelled"];

pub fn check(files: &[SourceFile], allow_list: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut allowed = Vec::new();
    for line in allow_list.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
        match line.split_once(": ") {
            Some((path, reason)) if !reason.trim().is_empty() => allowed.push(path),
            _ => findings.push(format!("{ALLOW_LIST}: '{line}' is not `path: reason`")),
        }
    }
    for file in files.iter().filter(|file| !file.is_for_tests() && !decides(file)) {
        let hits = hits(file);
        if !allowed.contains(&file.path.as_str()) {
            findings.extend(hits);
        } else if hits.is_empty() {
            findings.push(format!("{ALLOW_LIST}: {} spells no status word any more; remove its line", file.path));
        }
    }
    let gone = allowed.iter().filter(|path| !files.iter().any(|file| file.path == **path));
    findings.extend(gone.map(|path| format!("{ALLOW_LIST}: {path} does not exist; remove its line")));
    findings
}

fn decides(file: &SourceFile) -> bool {
    file.path.starts_with("crates/core/src/") && file.path.ends_with("/state.rs")
}

fn hits(file: &SourceFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, line) in file.product_lines() {
        let spelled = |word: &&&str| line.contains(&format!("\"{word}\"")) || line.contains(&format!("'{word}'"));
        if let Some(word) = WORDS.iter().find(spelled) {
            findings.push(format!("{}:{number}: takes the word '{word}' from core's state.rs instead", file.path));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> SourceFile {
        SourceFile { path: path.to_owned(), text: text.to_owned() }
    }

    const LINE: &str = "let s = \"pending\";\n";

    #[test]
    fn status_words_are_spelled_in_state_rs_and_tests_only() {
        let check = |path: &str, text: &str| check(&[file(path, text)], "# none\n").len();
        assert_eq!(check("crates/desk/src/sweep.rs", LINE), 1);
        assert_eq!(check("crates/desk/src/sweep.rs", "sql(\"where status = 'failed'\")"), 1);
        assert_eq!(check("crates/desk/src/sweep.rs", "// \"pending\" is a word\nlet s = \"pending work\";"), 0);
        assert_eq!(check("crates/core/src/generation/state.rs", LINE), 0);
        assert_eq!(check("crates/desk/tests/main.rs", LINE), 0);
        assert_eq!(check("crates/desk/src/sweep.rs", "#[cfg(test)]\nmod tests {\n    let s = \"pending\";\n}\n"), 0);
    }

    #[test]
    fn the_allow_list_has_reasons_and_no_dead_lines() {
        let files = [file("crates/a.rs", LINE), file("crates/b.rs", "")];
        assert_eq!(check(&files, "crates/a.rs: a provider's own words\n"), Vec::<Finding>::new());
        assert_eq!(check(&files, "crates/a.rs\n").len(), 2);
        assert_eq!(check(&files, "crates/a.rs: why\ncrates/b.rs: why\ncrates/c.rs: why\n").len(), 2);
    }
}

//! The shape of Rust files: not too long, named after what they know, opened by a line that says what they are.

use super::Finding;
use crate::tree::SourceFile;

/// Tests included. No exceptions: split by noun.
const LINES_MAX: usize = 600;

/// Names that say nothing about the contents.
const EMPTY_NAMES: [&str; 8] = ["util", "utils", "common", "misc", "helper", "helpers", "manager", "service2"];

pub fn check(files: &[SourceFile]) -> Vec<Finding> {
    files.iter().flat_map(check_file).collect()
}

fn check_file(file: &SourceFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    let lines = file.text.lines().count();
    if lines > LINES_MAX {
        findings.push(format!("{}: {lines} lines, at most {LINES_MAX}; split it by noun", file.path));
    }
    let mut names = file.path.split('/').map(|part| part.strip_suffix(".rs").unwrap_or(part));
    if let Some(name) = names.find(|name| EMPTY_NAMES.contains(name)) {
        findings.push(format!("{}: '{name}' says nothing; name the thing it knows", file.path));
    }
    if file.stem() != "build" && !file.text.starts_with("//!") {
        findings.push(format!("{}:1: open the file with `//!`: what it is, what it never does", file.path));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(path: &str, text: &str) -> usize {
        check(&[SourceFile { path: path.to_owned(), text: text.to_owned() }]).len()
    }

    #[test]
    fn length_name_and_opening_are_checked() {
        assert_eq!(findings("crates/core/src/time.rs", "//! Time.\n"), 0);
        assert_eq!(findings("crates/core/src/time.rs", "use std::fmt;\n"), 1);
        assert_eq!(findings("crates/core/build.rs", "fn main() {}\n"), 0);
        assert_eq!(findings("crates/core/src/util.rs", "//! Things.\n"), 1);
        assert_eq!(findings("crates/desk/tests/common/mod.rs", "//! Things.\n"), 1);
        assert_eq!(findings("crates/core/src/time.rs", &"//! x\n".repeat(600)), 0);
        assert_eq!(findings("crates/core/src/time.rs", &"//! x\n".repeat(601)), 1);
    }
}

//! Clock, ids, randomness and environment are read in one place each. clippy bans them everywhere (`clippy.toml`);
//! this rule bans lifting that ban anywhere else.

use super::Finding;
use crate::tree::SourceFile;

const ALLOWED: [&str; 2] = ["crates/desk/src/clock.rs", "crates/copydesk/src/config"];

pub fn check(files: &[SourceFile]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| !file.is_for_tests()) {
        if ALLOWED.iter().any(|place| file.path.starts_with(place)) {
            continue;
        }
        for (number, _) in file.product_lines().iter().filter(|(_, line)| line.contains("clippy::disallowed_methods")) {
            findings.push(format!("{}:{number}: take the clock, ids or settings as a value instead", file.path));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ban_is_lifted_in_its_places_only() {
        let text = "//! x\n#![allow(clippy::disallowed_methods)]\n";
        let findings = |path: &str| check(&[SourceFile { path: path.to_owned(), text: text.to_owned() }]).len();
        assert_eq!(findings("crates/desk/src/clock.rs"), 0);
        assert_eq!(findings("crates/copydesk/src/config/env.rs"), 0);
        assert_eq!(findings("crates/api/tests/main.rs"), 0);
        assert_eq!(findings("crates/api/src/router.rs"), 1);
    }
}

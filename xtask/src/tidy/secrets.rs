//! Secrets are compared in one place, in a time that does not tell where they differ; everywhere else they are looked up by
//! their hash. This rule finds comparisons of hashes and of revealed secrets anywhere else.

use super::Finding;
use crate::tree::SourceFile;

/// Where the one comparison is, and what only shares the name: the ledger's chain is public.
const ALLOWED: [&str; 2] = ["crates/desk/src/secrets.rs", "crates/store-tests/"];
const PUBLIC: [&str; 1] = ["chain_hash"];
/// How what is compared may end, before or behind the sign.
const SECRET: [&str; 6] = ["secret_hash", "token_hash", "password_hash", ".hash()", ".reveal()", "password.0"];

pub fn check(files: &[SourceFile]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| file.path.starts_with("crates/") && !file.is_for_tests()) {
        if ALLOWED.iter().any(|place| file.path.starts_with(place)) {
            continue;
        }
        for (number, line) in file.product_lines() {
            if compares_secrets(line) {
                findings.push(format!("{}:{number}: compare secrets by desk::secrets::same", file.path));
            }
        }
    }
    findings
}

fn compares_secrets(line: &str) -> bool {
    let sides = ["==", "!="].into_iter().filter_map(|sign| line.split_once(sign));
    let word = |side: &str| PUBLIC.iter().any(|public| side.contains(public));
    let secret = |side: &str| SECRET.iter().any(|end| side.contains(end)) && !word(side);
    sides.into_iter().any(|(left, right)| {
        let left = left.split([',', '{', '|']).next_back().unwrap_or_default();
        let right = right.split([',', '{', '&']).next().unwrap_or_default();
        secret(left) || secret(right)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s_07_a_comparison_of_secrets_is_found_wherever_it_is() {
        let check =
            |path: &str, line: &str| check(&[SourceFile { path: path.to_owned(), text: format!("{line}\n") }]).len();
        let (here, there) = ("crates/api/src/auth.rs", "crates/desk/src/secrets.rs");
        for bad in [
            "if local.hash() == key.hash() {",
            "row.secret_hash != hash",
            "rows.iter().find(|row| row.token_hash == hash)",
            "text == key.reveal()",
        ] {
            assert_eq!((check(here, bad), check(there, bad)), (1, 0), "{bad}");
            assert_eq!(check("crates/api/tests/auth.rs", bad), 0);
        }
        for good in [
            "secrets::same(&a.hash(), &b.hash())",
            "chain_hash != link(hash)",
            "// a.hash() == b",
            "let x = row.hash();",
        ] {
            assert_eq!(check(here, good), 0, "{good}");
        }
    }
}

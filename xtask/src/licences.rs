//! `cargo xtask licences`: every dependency, on every system we build for, is under a licence we may ship. The list
//! stands here and in `deny.toml`, and a test below keeps the two the same.

use serde_json::Value;

use crate::shell::{self, Outcome, Verdict, cargo};
use crate::spdx::Expression;

/// What a program under Apache-2.0 may contain without further duties than a notice. MPL-2.0 counts per file; CC0-1.0 asks
/// for nothing (it is there for a macro of parquet's hash function, which runs at build time only).
pub const ALLOWED: [&str; 14] = [
    "MIT",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Zlib",
    "Unicode-3.0",
    "Unicode-DFS-2016",
    "Unlicense",
    "0BSD",
    "MIT-0",
    "MPL-2.0",
    "CC0-1.0",
];

/// The systems we build for; what only other systems would pull in is not shipped.
pub const TARGETS: [&str; 4] =
    ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu", "aarch64-apple-darwin", "x86_64-apple-darwin"];

pub fn run(arguments: &[String]) -> Outcome<Verdict> {
    if !arguments.is_empty() {
        return Err("takes no arguments".to_owned());
    }
    let mut command = cargo(["metadata", "--format-version", "1"]);
    for target in TARGETS {
        command.args(["--filter-platform", target]);
    }
    let text = shell::capture(&mut command)?;
    let metadata: Value = serde_json::from_str(&text).map_err(|error| format!("cargo metadata: {error}"))?;
    let packages = metadata["packages"].as_array().ok_or("cargo metadata names no packages")?;
    let foreign: Vec<&Value> = packages.iter().filter(|package| !package["source"].is_null()).collect();
    let offences: Vec<String> = foreign.iter().filter_map(|package| offence(package)).collect();
    for offence in &offences {
        println!("{offence}");
    }
    println!("licences: {} dependencies, {} not allowed", foreign.len(), offences.len());
    Ok(if offences.is_empty() { Verdict::Good } else { Verdict::Bad })
}

/// Why this package may not be shipped, if it may not.
fn offence(package: &Value) -> Option<String> {
    let name = format!("{} {}", text(package, "name"), text(package, "version"));
    let Some(licence) = package["license"].as_str() else {
        return Some(format!("{name}: names no licence (licence file: {})", text(package, "license_file")));
    };
    match Expression::parse(licence) {
        Ok(expression) if expression.satisfied_by(&ALLOWED) => None,
        Ok(_) => Some(format!("{name}: {licence} is not on the allow-list")),
        Err(reason) => Some(format!("{name}: cannot read the licence '{licence}': {reason}")),
    }
}

fn text<'a>(package: &'a Value, key: &str) -> &'a str {
    package[key].as_str().unwrap_or("none")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree;

    /// The quoted strings of a TOML array `KEY = [ ... ]`.
    fn array(text: &str, key: &str) -> Vec<String> {
        let (_, rest) = text.split_once(&format!("\n{key} = [")).unwrap();
        let (body, _) = rest.split_once("\n]").unwrap();
        body.split('"').skip(1).step_by(2).map(str::to_owned).collect()
    }

    #[test]
    fn deny_toml_has_the_same_lists() {
        let deny = tree::read(&shell::root(), "deny.toml").unwrap();
        assert_eq!(array(&deny, "allow"), ALLOWED);
        assert_eq!(array(&deny, "targets"), TARGETS);
    }

    #[test]
    fn a_missing_or_foreign_licence_is_an_offence() {
        let package = |licence: Value| serde_json::json!({"name": "x", "version": "1.0.0", "license": licence});
        assert_eq!(offence(&package("MIT OR GPL-3.0-only".into())), None);
        assert!(offence(&package("GPL-3.0-only".into())).is_some_and(|text| text.contains("not on the allow-list")));
        assert!(offence(&package(Value::Null)).is_some_and(|text| text.contains("names no licence")));
        assert!(offence(&package("MIT OR".into())).is_some_and(|text| text.contains("cannot read")));
    }
}

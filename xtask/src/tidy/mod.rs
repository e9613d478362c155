//! `cargo xtask tidy`: the house rules of STYLE.md and ARCHITECTURE.md that no compiler checks. One file per kind of
//! rule; each takes text and returns findings, so that each is tested without a repository.

mod dependencies;
mod error_pages;
mod layout;
mod secrets;
mod sql;
mod status_words;
mod world;

use crate::shell::{self, Outcome, Verdict, cargo};
use crate::tree;

/// One broken rule: where, and what to do about it.
pub type Finding = String;

pub fn run(arguments: &[String]) -> Outcome<Verdict> {
    if !arguments.is_empty() {
        return Err("takes no arguments".to_owned());
    }
    let root = shell::root();
    let metadata = shell::capture(&mut cargo(["metadata", "--format-version", "1", "--no-deps"]))?;
    let metadata = serde_json::from_str(&metadata).map_err(|error| format!("cargo metadata: {error}"))?;
    let files = tree::rust_files(&root)?;

    let mut findings = dependencies::check(&metadata);
    findings.extend(dependencies::engines_meet_in_wiring_only(&files));
    findings.extend(layout::check(&files));
    findings.extend(sql::check(
        &tree::files_below(&root, sql::SQLITE, "sql")?,
        &tree::files_below(&root, sql::POSTGRES, "sql")?,
    ));
    findings.extend(status_words::check(&files, &tree::read(&root, status_words::ALLOW_LIST)?));
    findings.extend(world::check(&files));
    findings.extend(secrets::check(&files));
    if root.join(error_pages::FOLDER).is_dir() {
        findings.extend(error_pages::check(&files, &tree::files_below(&root, error_pages::FOLDER, "md")?));
    } else {
        println!("warning: {} does not exist yet, so error codes are not checked", error_pages::FOLDER);
    }
    for finding in &findings {
        println!("{finding}");
    }
    println!("tidy: {} Rust files, {} findings", files.len(), findings.len());
    Ok(if findings.is_empty() { Verdict::Good } else { Verdict::Bad })
}

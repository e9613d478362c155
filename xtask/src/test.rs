//! `cargo xtask test`: all tests of the workspace, on a PostgreSQL cluster of their own, with one closing line of
//! counts. It installs what is missing, starts the cluster, runs the tests and stops the cluster again.

use std::path::Path;
use std::process::Command;

use crate::counts::{Counts, Runner};
use crate::install::{self, Permission};
use crate::postgres::{Cluster, Fsync, URL_VARIABLE};
use crate::shell::{self, Outcome, Verdict, cargo, succeeds};
use crate::tree::{self, SourceFile};

/// What a run of the tests came to. No counts: some tests did not even build.
pub struct Report {
    pub verdict: Verdict,
    pub counts: Option<Counts>,
}

pub fn run(arguments: &[String]) -> Outcome<Verdict> {
    let report = report(arguments)?;
    println!("\n{}", closing_line(report.counts));
    Ok(report.verdict)
}

pub fn closing_line(counts: Option<Counts>) -> String {
    counts.map_or_else(|| "The tests did not all run.".to_owned(), |counts| counts.to_string())
}

/// Arguments other than `--no-install` go to the test runner; one that names packages replaces the whole workspace.
pub fn report(arguments: &[String]) -> Outcome<Report> {
    let permission =
        if arguments.iter().any(|word| word == "--no-install") { Permission::Denied } else { Permission::Granted };
    let wishes: Vec<&String> = arguments.iter().filter(|word| *word != "--no-install").collect();
    install::postgres(permission)?;

    let (url, _cluster) = match std::env::var(URL_VARIABLE) {
        Ok(url) => {
            println!("Using the PostgreSQL named in {URL_VARIABLE}.");
            (url, None)
        }
        Err(_) => {
            let cluster = Cluster::start(Fsync::Off)?;
            (cluster.url(), Some(cluster))
        }
    };
    let mut total = Some(Counts::default());
    let mut verdict = Verdict::Good;
    for (mut command, runner) in commands(&wishes)? {
        let (status, counts) = shell::run_counting(command.env(URL_VARIABLE, &url), runner)?;
        // A runner that does not say how many tests it ran has proved nothing, whatever the others say.
        total = total.and_then(|total| counts.map(|counts| total + counts));
        if !status.success() || total.is_none() {
            verdict = Verdict::Bad;
        }
    }
    Ok(Report { verdict, counts: total })
}

/// nextest when it is installed (it does not run documentation tests), else `cargo test`, which does both.
fn commands(wishes: &[&String]) -> Outcome<Vec<(Command, Runner)>> {
    let narrowed = wishes.iter().any(|word| word.starts_with("-p") || word.starts_with("--package"));
    let scope = if narrowed { &[][..] } else { &["--workspace"][..] };
    let colour = ["--color", shell::colour_wish()];
    if !succeeds(&mut cargo(["nextest", "--version"])) {
        println!("cargo-nextest is not installed: running plain `cargo test`.");
        let mut plain = cargo(["test", "--no-fail-fast"]);
        plain.args(colour).args(scope).args(wishes);
        return Ok(vec![(plain, Runner::CargoTest)]);
    }
    let mut nextest = cargo(["nextest", "run", "--no-fail-fast", "--no-tests=pass"]);
    nextest.args(colour).args(scope).args(wishes);
    let mut all = vec![(nextest, Runner::Nextest)];
    let documented = packages_with_doctests(&tree::rust_files(&shell::root())?);
    if wishes.is_empty() && !documented.is_empty() {
        let mut doctests = cargo(["test", "--doc", "--no-fail-fast"]);
        doctests.args(colour);
        for package in documented {
            doctests.args(["--package", &package]);
        }
        all.push((doctests, Runner::CargoTest));
    }
    Ok(all)
}

/// Library packages with at least one code block that the documentation tests would run.
fn packages_with_doctests(files: &[SourceFile]) -> Vec<String> {
    let mut packages: Vec<String> = Vec::new();
    for file in files.iter().filter(|file| file.path.starts_with("crates/") && has_doctest(&file.text)) {
        let folder = file.path.split('/').nth(1).unwrap_or_default();
        let is_library = files.iter().any(|other| other.path == format!("crates/{folder}/src/lib.rs"));
        let package = format!("copydesk-{folder}");
        if is_library && Path::new(&file.path).components().nth(2).is_some_and(|part| part.as_os_str() == "src") {
            packages.push(package);
        }
    }
    packages.sort();
    packages.dedup();
    packages
}

fn has_doctest(text: &str) -> bool {
    let mut inside = false;
    for line in text.lines() {
        let trimmed = line.trim_start();
        let Some(comment) = trimmed.strip_prefix("///").or_else(|| trimmed.strip_prefix("//!")) else { continue };
        let Some(info) = comment.trim_start().strip_prefix("```") else { continue };
        let runs = ["", "rust", "no_run", "should_panic", "compile_fail"].contains(&info.trim());
        if !inside && runs {
            return true;
        }
        inside = !inside;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_blocks_that_run_are_doctests() {
        assert!(has_doctest("/// Adds.\n/// ```\n/// assert!(true);\n/// ```\nfn f() {}"));
        assert!(has_doctest("    //! ```no_run\n    //! f();\n    //! ```\n"));
        assert!(!has_doctest("/// ```text\n/// a -> b\n/// ```\nfn f() {}"));
        assert!(!has_doctest("// ```\n// not documentation\n// ```\n"));
    }

    #[test]
    fn doctests_are_looked_for_in_libraries_only() {
        let file = |path: &str, text: &str| SourceFile { path: path.to_owned(), text: text.to_owned() };
        let files = [
            file("crates/core/src/lib.rs", "//! The core."),
            file("crates/core/src/time.rs", "/// ```\n/// 1\n/// ```"),
            file("crates/copydesk/src/main.rs", "/// ```\n/// 1\n/// ```"),
            file("crates/desk/src/lib.rs", "//! ```sh\n//! ls\n//! ```"),
        ];
        assert_eq!(packages_with_doctests(&files), ["copydesk-core"]);
    }

    #[test]
    fn a_run_without_a_summary_says_so() {
        assert_eq!(closing_line(None), "The tests did not all run.");
        assert_eq!(closing_line(Some(Counts::default())), "0 passed, 0 failed, 0 skipped");
    }
}

//! `cargo xtask ci`: everything the merge check runs, in order, each step under a heading with its time. A failed step
//! does not stop the later ones, so that one run shows all that is wrong. The last line is the test counts.

use std::time::{Duration, Instant};

use crate::counts::Counts;
use crate::shell::{self, Outcome, Verdict, cargo};
use crate::{browser, coverage, licences, test, tidy, webhooks};

/// What became of one step.
struct Step {
    name: &'static str,
    verdict: Verdict,
    took: Duration,
}

/// Arguments go to the tests.
pub fn run(arguments: &[String]) -> Outcome<Verdict> {
    let mut steps = Vec::new();
    let mut counts: Option<Counts> = None;
    step(&mut steps, "format", || shell::run(&mut cargo(["fmt", "--all", "--check"])).map(Verdict::of));
    step(&mut steps, "clippy", || {
        let mut clippy = cargo(["clippy", "--workspace", "--all-targets", "--quiet", "--", "--deny", "warnings"]);
        shell::run(&mut clippy).map(Verdict::of)
    });
    step(&mut steps, "licences", || licences::run(&[]));
    step(&mut steps, "tidy", || tidy::run(&[]));
    step(&mut steps, "coverage", || coverage::run(&[]));
    step(&mut steps, "test", || {
        let report = test::report(arguments)?;
        counts = report.counts;
        Ok(report.verdict)
    });
    step(&mut steps, "webhooks", || webhooks::run(&[]));
    step(&mut steps, "browser", || browser::run(&[]));

    println!("\n== result");
    for step in &steps {
        let word = if step.verdict == Verdict::Good { "ok" } else { "FAILED" };
        println!("{:<9} {word:<6} {:>7.1} s", step.name, step.took.as_secs_f64());
    }
    println!("{}", test::closing_line(counts));
    let good = steps.iter().all(|step| step.verdict == Verdict::Good);
    Ok(if good { Verdict::Good } else { Verdict::Bad })
}

/// A step that could not be done at all has failed, and says why.
fn step(steps: &mut Vec<Step>, name: &'static str, run: impl FnOnce() -> Outcome<Verdict>) {
    println!("\n== {name}");
    let started = Instant::now();
    let verdict = run().unwrap_or_else(|reason| {
        println!("{reason}");
        Verdict::Bad
    });
    steps.push(Step { name, verdict, took: started.elapsed() });
}

//! `cargo xtask providers live`: a few small calls to the real providers the environment has a key or an address for. It
//! only starts the program `live` of the package `copydesk-bench`, which says what ran and what was skipped.

use crate::shell::{self, Outcome, Verdict, cargo};

pub fn run(arguments: &[String]) -> Outcome<Verdict> {
    if arguments != ["live"] {
        return Err("there is one thing to do: `cargo xtask providers live`".to_owned());
    }
    let mut live = cargo(["run", "--quiet", "--package", "copydesk-bench", "--bin", "live"]);
    shell::run(&mut live).map(Verdict::of)
}

//! The chores of this repository, started with `cargo xtask CHORE`. One file per chore; this file only picks one.
//! Nothing here is part of the product, and nothing here depends on one of its crates.

#![allow(
    clippy::disallowed_methods,
    reason = "chores run outside the product: they may read the clock and environment"
)]

mod bench;
mod browser;
mod ci;
mod counts;
mod coverage;
mod crash;
mod install;
mod licences;
mod postgres;
mod prices;
mod providers;
mod schemathesis;
mod server;
mod shell;
mod spdx;
mod test;
mod tidy;
mod tree;
mod webhooks;

use std::process::ExitCode;

use shell::{Outcome, Verdict};

/// One chore: its word, its usage line, what it does, and the function that does it.
struct Chore {
    name: &'static str,
    usage: &'static str,
    run: fn(&[String]) -> Outcome<Verdict>,
}

/// A new chore is a new file and one line here.
const CHORES: [Chore; 13] = [
    Chore {
        name: "ci",
        usage: "ci                          everything the merge check runs, in its order",
        run: ci::run,
    },
    Chore {
        name: "test",
        usage: "test [--no-install] [ARGS]  all tests, on a PostgreSQL of their own",
        run: test::run,
    },
    Chore {
        name: "tidy",
        usage: "tidy                        the house rules that no compiler checks",
        run: tidy::run,
    },
    Chore {
        name: "licences",
        usage: "licences                    the licence of every dependency",
        run: licences::run,
    },
    Chore {
        name: "coverage",
        usage: "coverage                    docs/coverage.md against the tests",
        run: coverage::run,
    },
    Chore {
        name: "postgres",
        usage: "postgres                    a durable PostgreSQL until Ctrl-C",
        run: postgres::run,
    },
    Chore {
        name: "bench",
        usage: "bench NAME [ARGS]           one benchmark, on a durable PostgreSQL",
        run: bench::run,
    },
    Chore {
        name: "prices",
        usage: "prices --from DIR --media-date DAY   the price table anew, from two unpacked packages",
        run: prices::run,
    },
    Chore {
        name: "webhooks",
        usage: "webhooks                    every message verified by the specification's Python package, on both databases",
        run: webhooks::run,
    },
    Chore {
        name: "browser",
        usage: "browser [--must] [--keep]   exports looked at in headless Chromium, at the width of a phone and in the dark",
        run: browser::run,
    },
    Chore {
        name: "providers",
        usage: "providers live              small calls to the real providers there is a key for",
        run: providers::run,
    },
    Chore {
        name: "schemathesis",
        usage: "schemathesis [ARGS]         made-up requests against the real server, held against its OpenAPI document",
        run: schemathesis::run,
    },
    Chore {
        name: "crash",
        usage: "crash [ARGS]                kill -9 rounds against the real binary",
        run: crash::run,
    },
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((name, rest)) = arguments.split_first() else {
        eprintln!("{}", usage());
        return ExitCode::from(2);
    };
    let Some(chore) = CHORES.iter().find(|chore| chore.name == name) else {
        eprintln!("There is no chore called '{name}'.\n\n{}", usage());
        return ExitCode::from(2);
    };
    match (chore.run)(rest) {
        Ok(Verdict::Good) => ExitCode::SUCCESS,
        Ok(Verdict::Bad) => ExitCode::FAILURE,
        Err(reason) => {
            eprintln!("cargo xtask {name}: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn usage() -> String {
    let lines: Vec<&str> = CHORES.iter().map(|chore| chore.usage).collect();
    format!("Chores (cargo xtask CHORE):\n  {}", lines.join("\n  "))
}

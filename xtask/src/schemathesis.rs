//! `cargo xtask schemathesis [ARGS]`: starts the real server, on SQLite and then on PostgreSQL, and lets schemathesis hold
//! it against the document it serves: made-up requests, right and wrong ones, chains of them. Arguments go to schemathesis.
//! It is a Python program (`pip install schemathesis`); where it is not installed, this says so and is content.

use crate::install::{self, Permission};
use crate::postgres::{Cluster, Fsync};
use crate::server::Server;
use crate::shell::{self, Outcome, Verdict, cargo};
use std::process::Command;

const PROGRAM: &str = "schemathesis";
/// Longest time an answer may take, also in a debug build on a busy machine. Units: seconds.
const ANSWER_SECONDS_MAX: &str = "20";
/// How many requests are made up for each operation in each phase, unless an argument says otherwise.
const EXAMPLES: &str = "50";

pub fn run(arguments: &[String]) -> Outcome<Verdict> {
    if !install::on_path(PROGRAM) {
        println!(
            "skipped: {PROGRAM} is not installed; `pip install {PROGRAM}` in a virtual environment, and put it on PATH"
        );
        return Ok(Verdict::Good);
    }
    let built = shell::run(&mut cargo(["build", "--package", "copydesk"]))?;
    if !built.success() {
        return Err("the server does not build".to_owned());
    }
    println!("schemathesis: SQLite");
    let sqlite = held_against_its_document(arguments, None)?;
    println!("schemathesis: PostgreSQL");
    install::postgres(Permission::Granted)?;
    let cluster = Cluster::start(Fsync::Off)?;
    let postgres = held_against_its_document(arguments, Some(cluster.url()))?;
    Ok(if sqlite == Verdict::Good { postgres } else { sqlite })
}

fn held_against_its_document(arguments: &[String], database_url: Option<String>) -> Outcome<Verdict> {
    let server = Server::start(PROGRAM, database_url, &[("COPYDESK_CREDITS", "on")])?;
    let config = shell::root().join("xtask/schemathesis.toml");
    let mut program = Command::new(PROGRAM);
    program.arg("--config-file").arg(config).arg("run").arg(format!("{}/openapi.json", server.url()));
    program.args(["--header", &format!("Authorization: Bearer {}", server.key())]);
    program.args(["--continue-on-failure", "--max-response-time", ANSWER_SECONDS_MAX, "--generation-deterministic"]);
    // An event stream of something that waits does not end.
    program.args(["--exclude-operation-id", "streamGeneration"]);
    if !arguments.iter().any(|argument| argument == "-n" || argument.starts_with("--max-examples")) {
        program.args(["--max-examples", EXAMPLES]);
    }
    shell::run(program.args(arguments).current_dir(server.folder())).map(Verdict::of)
}

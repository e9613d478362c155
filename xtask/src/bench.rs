//! `cargo xtask bench NAME [ARGS]`: one benchmark of the package `copydesk-bench`, built in the profile `fast` and run
//! on a durable PostgreSQL of its own, because figures without fsync would flatter us. The figures of the adapters need
//! no database and get none.

use std::process::Command;

use crate::install::{self, Permission};
use crate::postgres::{Cluster, Fsync, URL_VARIABLE};
use crate::shell::{self, Outcome, Verdict, cargo};

/// Suites that open no database.
const WITHOUT_DATABASE: [&str; 4] = ["providers", "overhead", "streaming", "streams"];
/// Ten thousand open streams are ten thousand open files; a shell is what can raise that limit without unsafe code.
const WITH_FILES: &str = "ulimit -n \"$(ulimit -Hn)\"; exec \"$0\" \"$@\"";

pub fn run(arguments: &[String]) -> Outcome<Verdict> {
    let Some(suite) = arguments.first() else {
        return Err("which benchmark? `cargo xtask bench NAME [ARGS]`".to_owned());
    };
    let bench = cargo(["run", "--profile", "fast", "--package", "copydesk-bench", "--bin", "bench", "--"]);
    let mut bench = with_files(&bench);
    bench.args(arguments);
    if WITHOUT_DATABASE.contains(&suite.as_str()) {
        return shell::run(&mut bench).map(Verdict::of);
    }
    install::postgres(Permission::Granted)?;
    let cluster = Cluster::start(Fsync::On)?;
    shell::run(bench.env(URL_VARIABLE, cluster.url())).map(Verdict::of)
}

/// The same command with as many open files as this user may have.
fn with_files(command: &Command) -> Command {
    let mut raised = Command::new("sh");
    raised.args(["-c", WITH_FILES]).arg(command.get_program()).args(command.get_args());
    if let Some(folder) = command.get_current_dir() {
        raised.current_dir(folder);
    }
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => raised.env(name, value),
            None => raised.env_remove(name),
        };
    }
    raised
}

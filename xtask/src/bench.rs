//! `cargo xtask bench NAME [ARGS]`: one benchmark of the package `copydesk-bench`, built in the profile `fast` and run
//! on a durable PostgreSQL of its own, because figures without fsync would flatter us.

use crate::install::{self, Permission};
use crate::postgres::{Cluster, Fsync, URL_VARIABLE};
use crate::shell::{self, Outcome, Verdict, cargo};

pub fn run(arguments: &[String]) -> Outcome<Verdict> {
    if arguments.is_empty() {
        return Err("which benchmark? `cargo xtask bench NAME [ARGS]`".to_owned());
    }
    install::postgres(Permission::Granted)?;
    let cluster = Cluster::start(Fsync::On)?;
    let mut bench = cargo(["run", "--profile", "fast", "--package", "copydesk-bench", "--bin", "bench", "--"]);
    shell::run(bench.args(arguments).env(URL_VARIABLE, cluster.url())).map(Verdict::of)
}

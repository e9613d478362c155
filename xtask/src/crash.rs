//! `cargo xtask crash [ARGS]`: rounds of `kill -9` against the real binary. It builds that binary first, then runs the
//! driver `crash` of the package `copydesk-bench` on a durable PostgreSQL of its own.

use crate::install::{self, Permission};
use crate::postgres::{Cluster, Fsync, URL_VARIABLE};
use crate::shell::{self, Outcome, Verdict, cargo};

pub fn run(arguments: &[String]) -> Outcome<Verdict> {
    install::postgres(Permission::Granted)?;
    let built = shell::run(&mut cargo(["build", "--profile", "fast", "--package", "copydesk"]))?;
    if !built.success() {
        return Err("the binary does not build, so there is nothing to kill".to_owned());
    }
    let cluster = Cluster::start(Fsync::On)?;
    let mut crash = cargo(["run", "--profile", "fast", "--package", "copydesk-bench", "--bin", "crash", "--"]);
    shell::run(crash.args(arguments).env(URL_VARIABLE, cluster.url())).map(Verdict::of)
}

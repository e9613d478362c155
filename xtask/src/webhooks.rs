//! `cargo xtask webhooks`: starts the real server, on SQLite and then on PostgreSQL, and lets the Python package of the
//! Standard Webhooks specification verify every message it sends, through a rotation of the secret. The package goes into a
//! virtual environment beside the build; only its first run needs a network. Where it cannot be had, this says so and is
//! content: the same signatures are verified by the Rust package in the tests. With `--must` that is a failure.

use crate::install::{self, Permission};
use crate::postgres::{Cluster, Fsync};
use crate::server::Server;
use crate::shell::{self, Outcome, Verdict, cargo, succeeds};
use std::path::{Path, PathBuf};
use std::process::Command;

const PYTHON: &str = "python3";
const PACKAGE: &str = "standardwebhooks==1.1.0";

pub fn run(arguments: &[String]) -> Outcome<Verdict> {
    let python = match environment() {
        Ok(python) => python,
        Err(reason) if arguments.iter().any(|argument| argument == "--must") => return Err(reason),
        Err(reason) => {
            println!("skipped: {reason}");
            return Ok(Verdict::Good);
        }
    };
    let built = shell::run(&mut cargo(["build", "--quiet", "--package", "copydesk"]))?;
    if !built.success() {
        return Err("the server does not build".to_owned());
    }
    println!("webhooks: SQLite");
    let sqlite = verified(&python, None)?;
    println!("webhooks: PostgreSQL");
    install::postgres(Permission::Granted)?;
    let cluster = Cluster::start(Fsync::Off)?;
    let postgres = verified(&python, Some(cluster.url()))?;
    Ok(if sqlite == Verdict::Good { postgres } else { sqlite })
}

fn verified(python: &Path, database_url: Option<String>) -> Outcome<Verdict> {
    let settings = [("COPYDESK_WEBHOOK_ALLOW", "127.0.0.0/8")];
    let server = Server::start("webhooks", database_url, &settings)?;
    let script = shell::root().join("xtask/webhooks.py");
    shell::run(Command::new(python).arg(script).args([server.url(), server.key()])).map(Verdict::of)
}

/// The interpreter of a virtual environment that has the package; made once for each version.
fn environment() -> Outcome<PathBuf> {
    if !succeeds(Command::new(PYTHON).arg("--version")) {
        return Err(format!("{PYTHON} is not installed, and the second opinion on the signatures is a Python package"));
    }
    let folder = target().join(format!("python-{}", PACKAGE.replace("==", "-")));
    let python = folder.join("bin/python");
    if succeeds(Command::new(&python).args(["-c", "import standardwebhooks"])) {
        return Ok(python);
    }
    println!("Making a virtual environment with {PACKAGE}.");
    let made = shell::run(Command::new(PYTHON).args(["-m", "venv", "--clear"]).arg(&folder))?;
    if !made.success() {
        return Err(format!("`{PYTHON} -m venv` failed; on Debian and Ubuntu it wants the package python3-venv"));
    }
    let patience = ["--timeout", "15", "--retries", "1"];
    let pip = ["-m", "pip", "--disable-pip-version-check", "install", "--quiet", PACKAGE];
    let pip = pip.into_iter().chain(patience);
    if !shell::run(Command::new(&python).args(pip))?.success() {
        return Err(format!("{PACKAGE} could not be installed; its first run needs a network"));
    }
    Ok(python)
}

/// Where builds go: this program stands in `TARGET/PROFILE/`.
fn target() -> PathBuf {
    let own = std::env::current_exe().ok();
    let folder = own.as_deref().and_then(|own| own.parent()?.parent());
    folder.map_or_else(|| shell::root().join("target"), Path::to_path_buf)
}

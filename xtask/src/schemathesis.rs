//! `cargo xtask schemathesis [ARGS]`: starts the real server, on SQLite and then on PostgreSQL, and lets schemathesis hold
//! it against the document it serves: made-up requests, right and wrong ones, chains of them. Arguments go to schemathesis.
//! It is a Python program (`pip install schemathesis`); where it is not installed, this says so and is content.

use crate::install::{self, Permission};
use crate::postgres::{Cluster, Fsync};
use crate::shell::{self, Outcome, Verdict, cargo};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;

const PROGRAM: &str = "schemathesis";
/// Made up for this run.
const KEY: &str = "cdk_schemathesis_0123456789abcdef";
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
    let server = Server::start(database_url)?;
    let config = shell::root().join("xtask/schemathesis.toml");
    let mut program = Command::new(PROGRAM);
    program.arg("--config-file").arg(config).arg("run").arg(format!("{}/openapi.json", server.url));
    program.args(["--header", &format!("Authorization: Bearer {KEY}")]);
    program.args(["--continue-on-failure", "--max-response-time", ANSWER_SECONDS_MAX, "--generation-deterministic"]);
    // An event stream of something that waits does not end.
    program.args(["--exclude-operation-id", "streamGeneration"]);
    if !arguments.iter().any(|argument| argument == "-n" || argument.starts_with("--max-examples")) {
        program.args(["--max-examples", EXAMPLES]);
    }
    shell::run(program.args(arguments).current_dir(server.folder())).map(Verdict::of)
}

/// A running server with a data folder of its own. Dropping it stops the one and removes the other.
struct Server {
    child: Child,
    folder: PathBuf,
    url: String,
}

impl Server {
    fn start(database_url: Option<String>) -> Outcome<Server> {
        let folder = std::env::temp_dir().join(format!("copydesk-schemathesis-{}", std::process::id()));
        std::fs::create_dir_all(&folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
        let mut serve =
            cargo(["run", "--quiet", "--package", "copydesk", "--", "serve", "--listen", "127.0.0.1:0", "--data"]);
        serve.arg(folder.join("data")).env("COPYDESK_ADMIN_KEY", KEY).env("COPYDESK_CREDITS", "on");
        if let Some(url) = database_url {
            serve.args(["--auto-migrate", "--database-url", &url]);
        }
        let spawned = serve.stdout(Stdio::piped()).stderr(Stdio::piped()).stdin(Stdio::null()).spawn();
        let child = spawned.map_err(|error| format!("cannot start the server: {error}"))?;
        // From here `drop` cleans up.
        let mut server = Server { child, folder, url: String::new() };
        let (Some(out), Some(err)) = (server.child.stdout.take(), server.child.stderr.take()) else {
            return Err("the server has no output to read".to_owned());
        };
        let (found, address) = std::sync::mpsc::channel();
        for pipe in [Box::new(out) as Box<dyn Read + Send>, Box::new(err)] {
            let found = found.clone();
            thread::spawn(move || {
                for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                    if let Some(url) = line.split(" serves ").nth(1).and_then(|rest| rest.split(',').next()) {
                        found.send(url.to_owned()).unwrap_or_default();
                    } else if line.contains("ERROR") {
                        eprintln!("{line}");
                    }
                }
            });
        }
        drop(found);
        server.url = address.recv().map_err(|_| "the server ended before it served".to_owned())?;
        Ok(server)
    }

    fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let ended = self.child.kill().and_then(|()| self.child.wait());
        let gone = std::fs::remove_dir_all(&self.folder);
        if let Err(error) = ended.map(drop).and(gone) {
            eprintln!("cannot clean up {}: {error}", self.folder.display());
        }
    }
}

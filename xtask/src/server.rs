//! The real server, for chores that talk to it from outside.

use crate::shell::{Outcome, cargo};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread;

/// Made up for each run.
const KEY: &str = "cdk_chore_0123456789abcdef01234567";
/// Seals the secrets of webhooks; on PostgreSQL nobody makes one up.
const SECRET_KEY: &str = "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a";

/// A running server with a data folder of its own. Dropping it stops the one and removes the other.
pub struct Server {
    child: Child,
    folder: PathBuf,
    url: String,
}

impl Server {
    /// `name` is for the folder; `settings` are variables of the environment.
    pub fn start(name: &str, database_url: Option<String>, settings: &[(&str, &str)]) -> Outcome<Server> {
        let folder = std::env::temp_dir().join(format!("copydesk-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
        let mut serve =
            cargo(["run", "--quiet", "--package", "copydesk", "--", "serve", "--listen", "127.0.0.1:0", "--data"]);
        serve.arg(folder.join("data")).env("COPYDESK_ADMIN_KEY", KEY);
        serve.env("COPYDESK_SECRET_KEY", SECRET_KEY).envs(settings.iter().copied());
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

    pub fn url(&self) -> &str {
        &self.url
    }
    /// Of an owner.
    pub fn key(&self) -> &'static str {
        KEY
    }
    pub fn folder(&self) -> &Path {
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

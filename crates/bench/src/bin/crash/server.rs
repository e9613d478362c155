//! The real binary as a child process: start, wait until it is ready, kill or stop it.

use copydesk_bench::engine::{Engine, Place};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a start may take before the test gives up on it.
const READY_LIMIT: Duration = Duration::from_secs(30);

/// What every start has in common.
pub struct Setup {
    pub binary: PathBuf,
    pub url: String,
    pub key: String,
    variables: Vec<(String, String)>,
}

impl Setup {
    pub fn new(place: &Place, folder: &Path, provider: &str) -> Result<Setup, String> {
        let own = std::env::current_exe().map_err(|error| error.to_string())?;
        let binary = own.with_file_name("copydesk");
        if !binary.exists() {
            return Err(format!("{} is not there: run this through `cargo xtask crash`", binary.display()));
        }
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .and_then(|socket| socket.local_addr())
            .map_err(|error| error.to_string())?
            .port();
        let key = "crash-test-admin-key".to_owned();
        let recipes = folder.join("recipes");
        let mut variables = vec![
            ("COPYDESK_DATA", place.folder.display().to_string()),
            ("COPYDESK_LISTEN", format!("127.0.0.1:{port}")),
            ("COPYDESK_ADMIN_KEY", key.clone()),
            ("COPYDESK_CREDITS", "true".to_owned()),
            ("COPYDESK_MAX_CONCURRENT", "64".to_owned()),
            ("COPYDESK_RECIPES", recipes.display().to_string()),
            ("COPYDESK_LOG", "error".to_owned()),
            ("COPYDESK_PROVIDER_OUTSIDE_KIND", "openai-compatible".to_owned()),
            ("COPYDESK_PROVIDER_OUTSIDE_BASE_URL", provider.to_owned()),
        ];
        if place.engine == Engine::Postgres {
            let url = format!("{} options='-c search_path={}'", Place::postgres_url()?, place.schema);
            variables.push(("COPYDESK_DATABASE_URL", url));
        }
        let variables = variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Ok(Setup { binary, url: format!("http://127.0.0.1:{port}"), key, variables })
    }

    /// The program with these settings and nothing else from the environment that could disturb it.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.binary);
        command.env_clear().envs(self.variables.iter().map(|(name, value)| (name, value))).current_dir("/");
        command
    }
}

/// A running server. Dropping it kills it.
pub struct Server {
    child: Child,
    pub ready_after: Duration,
}

impl Server {
    pub async fn start(setup: &Setup) -> Result<Server, String> {
        let begun = Instant::now();
        let child = setup
            .command()
            .args(["serve", "--quiet"])
            .stdout(Stdio::null())
            .spawn()
            .map_err(|error| error.to_string())?;
        let mut server = Server { child, ready_after: Duration::ZERO };
        let client = reqwest::Client::new();
        while begun.elapsed() < READY_LIMIT {
            if let Some(status) = server.child.try_wait().map_err(|error| error.to_string())? {
                return Err(format!("the server ended at its start with {status}"));
            }
            if client.get(format!("{}/readyz", setup.url)).send().await.is_ok_and(|reply| reply.status().is_success()) {
                server.ready_after = begun.elapsed();
                return Ok(server);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Err(format!("the server was not ready after {READY_LIMIT:?}"))
    }

    /// SIGKILL: nothing of it gets a chance to tidy up.
    pub fn kill(mut self) -> Result<(), String> {
        self.child.kill().and_then(|()| self.child.wait()).map(drop).map_err(|error| error.to_string())
    }

    /// SIGTERM, and the exit code must be 0.
    pub async fn stop(mut self) -> Result<(), String> {
        let pid = self.child.id().to_string();
        let told = Command::new("kill").args(["-TERM", &pid]).status().map_err(|error| error.to_string())?;
        if !told.success() {
            return Err("the server could not be told to stop".to_owned());
        }
        let begun = Instant::now();
        while begun.elapsed() < READY_LIMIT {
            if let Some(status) = self.child.try_wait().map_err(|error| error.to_string())? {
                return if status.success() { Ok(()) } else { Err(format!("the server stopped with {status}")) };
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Err(format!("the server did not stop within {READY_LIMIT:?}"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Ended already, in the good case.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

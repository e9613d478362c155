//! Runs the program: in an empty temporary folder, with an empty environment, never longer than [`LIMIT`]. Conditions are
//! waited for by what a process prints or by its end; nothing here sleeps.

use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// Far more than anything here takes, also on a busy machine.
const LIMIT: Duration = Duration::from_secs(90);

/// A key of the length that settings ask for.
pub const KEY: &str = "0123456789abcdef-test-key";

/// A file of the repository.
pub fn repository(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap();
    root.join(path).display().to_string()
}

pub fn week_xml() -> String {
    repository("examples/newsletter/week.xml")
}

/// A folder to run in; the data is in `copydesk-data` below it, as it is by default.
pub struct Place {
    folder: tempfile::TempDir,
    environment: Vec<(String, String)>,
}

impl Place {
    pub fn new() -> Place {
        Place { folder: tempfile::tempdir().unwrap(), environment: Vec::new() }
    }

    pub fn with(mut self, name: &str, value: &str) -> Place {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn data(&self, name: &str) -> PathBuf {
        self.path("copydesk-data").join(name)
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    fn dressed(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        // So that coverage is written where it is looked for.
        #[expect(clippy::disallowed_methods, reason = "the test runner says where coverage goes")]
        command.envs(std::env::var_os("LLVM_PROFILE_FILE").map(|file| ("LLVM_PROFILE_FILE", file)));
        command
    }

    pub fn start(&self, arguments: &[&str]) -> Running {
        let mut command = self.dressed(env!("CARGO_BIN_EXE_copydesk"));
        command.args(arguments);
        Running::start(command)
    }

    /// Runs the program behind a line of shell that ends in `exec "$0" "$@"`.
    pub fn start_behind(&self, shell: &str, arguments: &[&str]) -> Running {
        let mut command = self.dressed("/bin/sh");
        command.args(["-c", shell, env!("CARGO_BIN_EXE_copydesk")]).args(arguments);
        Running::start(command)
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        self.start(arguments).ended()
    }

    pub fn run_with_input(&self, arguments: &[&str], input: &[u8]) -> Ran {
        let mut command = self.dressed(env!("CARGO_BIN_EXE_copydesk"));
        command.args(arguments).stdin(Stdio::piped());
        let mut running = Running::start(command);
        running.child.stdin.take().unwrap().write_all(input).unwrap();
        running.ended()
    }

    /// Runs it, expects success, and reads what it printed as JSON.
    pub fn json(&self, arguments: &[&str]) -> Value {
        self.run(&[arguments, &["--json"]].concat()).exits(0).json()
    }

    pub fn serve(&self, arguments: &[&str]) -> Server {
        let running = self.start(&[&["serve", "--listen", "127.0.0.1:0"], arguments].concat());
        Server::ready(running)
    }

    pub fn serve_behind(&self, shell: &str, arguments: &[&str]) -> Server {
        Server::ready(self.start_behind(shell, &[&["serve", "--listen", "127.0.0.1:0"], arguments].concat()))
    }

    /// Nothing was begun: no draft, no generation.
    #[track_caller]
    pub fn is_empty(&self) {
        for list in ["drafts", "generations"] {
            assert_eq!(self.json(&[list, "ls"])["data"], serde_json::json!([]), "{list}");
        }
    }

    /// Starts a generation that nobody works on; returns its id and its draft's.
    pub fn waiting(&self) -> (String, String) {
        ids(&self.json(&["generate", "text", "--set", "prompt=Hello", "--no-wait"]))
    }

    /// A finished draft; returns its generation's id and its own.
    pub fn written(&self) -> (String, String) {
        ids(&self.json(&["generate", "text", "--set", "prompt=Hello"])["generation"])
    }

    /// A failed one.
    pub fn failed(&self) -> (String, String) {
        let ran = self.run(&["generate", "text", "--set", "prompt=Hello", "--model", "demo/fail?status=400"]);
        ran.exits(5);
        ids(&self.json(&["generations", "ls", "--status", "failed"])["data"][0])
    }
}

fn ids(generation: &Value) -> (String, String) {
    (text(generation, "/id"), text(generation, "/draft_id"))
}

#[track_caller]
pub fn text(object: &Value, pointer: &str) -> String {
    let found = object.pointer(pointer).and_then(Value::as_str);
    found.unwrap_or_else(|| panic!("no text at {pointer} in {object:#}")).to_owned()
}

/// What one stream of a process has said so far.
#[derive(Default)]
struct Pipe {
    seen: Mutex<(Vec<u8>, bool)>,
    changed: Condvar,
}

impl Pipe {
    fn follow(mut stream: impl Read + Send + 'static) -> Arc<Pipe> {
        let pipe = Arc::new(Pipe::default());
        let mine = Arc::clone(&pipe);
        std::thread::spawn(move || {
            let mut piece = [0; 4_096];
            loop {
                let read = stream.read(&mut piece).unwrap_or(0);
                let mut seen = mine.seen.lock().unwrap();
                seen.0.extend_from_slice(&piece[..read]);
                seen.1 = read == 0;
                mine.changed.notify_all();
                if read == 0 {
                    return;
                }
            }
        });
        pipe
    }

    /// Waits until the condition holds for the text, or the stream has ended; `None` when neither happens in time.
    fn wait(&self, condition: impl Fn(&str) -> bool) -> Option<String> {
        let holds = |seen: &(Vec<u8>, bool)| seen.1 || condition(&String::from_utf8_lossy(&seen.0));
        let seen = self.seen.lock().unwrap();
        let (seen, late) = self.changed.wait_timeout_while(seen, LIMIT, |seen| !holds(seen)).unwrap();
        (!late.timed_out()).then(|| String::from_utf8_lossy(&seen.0).into_owned())
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.seen.lock().unwrap().0).into_owned()
    }
}

/// A process under way; killed when the test is done with it.
pub struct Running {
    child: Child,
    out: Arc<Pipe>,
    err: Arc<Pipe>,
}

impl Running {
    fn start(mut command: Command) -> Running {
        let mut child = command.spawn().unwrap();
        let out = Pipe::follow(child.stdout.take().unwrap());
        let err = Pipe::follow(child.stderr.take().unwrap());
        Running { child, out, err }
    }

    #[track_caller]
    pub fn says(&self, what: &str) -> String {
        self.awaited(&self.err, what)
    }

    #[track_caller]
    pub fn prints(&self, what: &str) -> String {
        self.awaited(&self.out, what)
    }

    #[track_caller]
    fn awaited(&self, pipe: &Pipe, what: &str) -> String {
        let seen = pipe.wait(|text| text.contains(what)).unwrap_or_else(|| pipe.text());
        let other = (self.out.text(), self.err.text());
        assert!(seen.contains(what), "{what:?} did not come:\n{}\n{}", other.0, other.1);
        seen
    }

    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &pid]).status().unwrap().success());
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for its own end.
    #[track_caller]
    pub fn ended(mut self) -> Ran {
        let (Some(out), Some(err)) = (self.out.wait(|_| false), self.err.wait(|_| false)) else {
            panic!("it does not end:\n{}\n{}", self.out.text(), self.err.text());
        };
        Ran { exit: self.child.wait().unwrap().code(), out, err }
    }

    /// The power cut.
    pub fn kill(mut self) -> Ran {
        self.child.kill().unwrap();
        self.ended()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Already ended is as good.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// `copydesk serve` that answers.
pub struct Server {
    pub running: Running,
    pub address: String,
}

impl Server {
    #[track_caller]
    fn ready(running: Running) -> Server {
        let said = running.says(", data in ");
        let address = said.split("serves http://").nth(1).and_then(|rest| rest.split(',').next()).unwrap().to_owned();
        let server = Server { running, address };
        assert_eq!(server.http("GET", "/readyz", None, "").0, 200);
        server
    }

    /// The key that was made at the first start.
    pub fn admin_key(&self) -> String {
        let said = self.running.says("Admin key, shown only now: ");
        said.split("shown only now: ").nth(1).unwrap().lines().next().unwrap().trim().to_owned()
    }

    /// Status and body of one request.
    #[track_caller]
    pub fn http(&self, method: &str, path: &str, key: Option<&str>, body: &str) -> (u16, String) {
        self.try_http(method, path, key, body).unwrap_or_else(|| panic!("no answer to {method} {path}"))
    }

    /// `None` when the server went away.
    pub fn try_http(&self, method: &str, path: &str, key: Option<&str>, body: &str) -> Option<(u16, String)> {
        let mut stream = TcpStream::connect(&self.address).ok()?;
        stream.set_read_timeout(Some(LIMIT)).ok()?;
        // Whatever revision it is.
        let anyhow = if method == "PATCH" { "if-match: *\r\n" } else { "" };
        let authorization = key.map(|key| format!("authorization: Bearer {key}\r\n")).unwrap_or_default();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-type: application/json\r\n{authorization}{anyhow}\
             content-length: {}\r\n\r\n",
            self.address,
            body.len()
        );
        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes())).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
    }

    /// Asks it to stop and waits until it has.
    #[track_caller]
    pub fn stop(self) -> Ran {
        self.running.signal("TERM");
        self.running.ended()
    }
}

/// A process that has ended.
#[derive(Debug)]
pub struct Ran {
    pub exit: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Ran {
    #[track_caller]
    pub fn exits(&self, code: i32) -> &Ran {
        assert_eq!(self.exit, Some(code), "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        assert!(!self.err.contains("panicked"), "{}", self.err);
        self
    }

    #[track_caller]
    pub fn says(&self, what: &str) -> &Ran {
        assert!(self.err.contains(what), "{what:?} is not in stderr:\n{}", self.err);
        self
    }

    #[track_caller]
    pub fn prints(&self, what: &str) -> &Ran {
        assert!(self.out.contains(what), "{what:?} is not in stdout:\n{}", self.out);
        self
    }

    #[track_caller]
    pub fn prints_nothing(&self) -> &Ran {
        assert_eq!(self.out, "");
        self
    }

    /// One error with its code, its sentence and the next step, and nothing on stdout.
    #[track_caller]
    pub fn refuses(&self, exit: i32, code: &str) -> &Ran {
        self.exits(exit).prints_nothing();
        let starts = self.err.lines().filter(|line| line.starts_with(&format!("error[{code}]: "))).count();
        assert_eq!(starts, 1, "{}", self.err);
        let hints = self.err.lines().filter(|line| line.starts_with("hint: ")).count();
        assert_eq!(hints, 1, "{}", self.err);
        let mut lines: Vec<&str> = self.err.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        lines.sort_unstable();
        lines.dedup();
        assert_eq!(
            lines.len(),
            self.err.lines().filter(|line| !line.trim().is_empty()).count(),
            "said twice: {}",
            self.err
        );
        self
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }
}

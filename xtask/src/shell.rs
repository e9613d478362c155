//! What every chore needs from the outside: the repository's root, commands, and a way to watch a command's output
//! while it still reaches the terminal. It knows nothing about any single chore.

use std::io::{BufRead, BufReader, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;

use crate::counts::{Counts, Runner};

/// A chore's answer, or the sentence why it could not be done at all.
pub type Outcome<T> = Result<T, String>;

/// What a chore found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    Good,
    /// Already explained on the terminal; the exit code says it to scripts.
    Bad,
}

impl Verdict {
    pub fn of(status: ExitStatus) -> Verdict {
        if status.success() { Verdict::Good } else { Verdict::Bad }
    }
}

/// The repository's root: the folder above `xtask`. Cargo names it at run time, so one target folder can serve several
/// clones.
pub fn root() -> PathBuf {
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let folder = manifest.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")));
    folder.parent().map_or_else(|| folder.clone(), Path::to_path_buf)
}

/// Cargo, at the root. What `cargo run` put into our environment about *this* package is taken out again: some build
/// scripts watch those variables, and everything above them would be built twice.
pub fn cargo<const N: usize>(arguments: [&str; N]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root()).args(arguments);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") || text == "CARGO_CRATE_NAME" {
            command.env_remove(&name);
        }
    }
    command
}

/// Runs a command whose output belongs to the terminal.
pub fn run(command: &mut Command) -> Outcome<ExitStatus> {
    command.status().map_err(|error| format!("cannot start {}: {error}", describe(command)))
}

/// Runs a command and returns what it printed; a failure becomes a sentence with its own words.
pub fn capture(command: &mut Command) -> Outcome<String> {
    let output = command.output().map_err(|error| format!("cannot start {}: {error}", describe(command)))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    Err(format!("{} failed ({}): {}", describe(command), output.status, words.trim()))
}

/// Whether a command can be started and succeeds. Its output is dropped.
pub fn succeeds(command: &mut Command) -> bool {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|s| s.success())
}

/// Runs a test runner, passes its output on line by line, and takes the counts from its summary lines.
pub fn run_counting(command: &mut Command, runner: Runner) -> Outcome<(ExitStatus, Option<Counts>)> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| format!("cannot start {}: {error}", describe(command)))?;
    let (Some(out), Some(err)) = (child.stdout.take(), child.stderr.take()) else {
        return Err("the command has no output to read".to_owned());
    };
    let out = thread::spawn(move || pass_on(out, std::io::stdout(), runner));
    let err = thread::spawn(move || pass_on(err, std::io::stderr(), runner));
    let status = child.wait().map_err(|error| format!("cannot wait for {}: {error}", describe(command)))?;
    let mut total: Option<Counts> = None;
    for reader in [out, err] {
        let seen = reader.join().map_err(|_| "reading the command's output failed".to_owned())?;
        total = Counts::join(total, seen);
    }
    Ok((status, total))
}

/// Whether people watch: then a command behind a pipe is asked to keep its colours.
pub fn colour_wish() -> &'static str {
    if std::io::stderr().is_terminal() { "always" } else { "auto" }
}

fn pass_on(from: impl Read, mut to: impl Write, runner: Runner) -> Option<Counts> {
    let mut reader = BufReader::new(from);
    let mut total = None;
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
        total = runner.count(total, &String::from_utf8_lossy(&line));
        // A closed terminal must not stop the counting, so a failed write is no reason to leave.
        to.write_all(&line).and_then(|()| to.flush()).unwrap_or_default();
        line.clear();
    }
    total
}

fn describe(command: &Command) -> String {
    let words = command.get_args().map(|word| word.to_string_lossy().into_owned());
    let mut text = Path::new(command.get_program()).file_name().unwrap_or_default().to_string_lossy().into_owned();
    for word in words.take(4) {
        text.push(' ');
        text.push_str(&word);
    }
    format!("`{text}`")
}

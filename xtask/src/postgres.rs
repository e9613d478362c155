//! A PostgreSQL cluster for one run: own folder, own user, a socket nobody else can reach, no network. It goes away
//! with the process that started it, also after a panic, Ctrl-C or `kill -9`, because a small shell process outside
//! our process group waits for our end and then cleans up. Finding and installing the server is `install.rs`.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::install;
use crate::shell::{self, Outcome, Verdict, succeeds};

/// The variable through which tests, benches and crash rounds find their server.
pub const URL_VARIABLE: &str = "COPYDESK_TEST_POSTGRES_URL";

/// The superuser of the cluster, not of the machine.
const ROLE: &str = "copydesk";

/// How long `pg_ctl` waits for the server to answer.
const START_SECONDS_MAX: &str = "60";

/// A socket's path may be about 100 bytes long, so the folder is kept short and out of a deep `TMPDIR`.
const FOLDER_BYTES_MAX: usize = 60;

/// Whether what was committed survives a power cut.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fsync {
    /// For benches and crash rounds, whose figures would be lies without it.
    On,
    /// For tests, which throw everything away.
    Off,
}

/// Waits until the pipe from us is closed, by a plain end or by our death; then stops the server and removes the
/// folder. `postmaster.pid` disappears when the server is down. $1 is the folder.
const GUARD: &str = r#"
trap '' INT TERM HUP
cat >/dev/null
pid_file="$1/data/postmaster.pid"
pid=$(head -n 1 "$pid_file" 2>/dev/null)
if [ -n "$pid" ]; then
  kill -QUIT "$pid" 2>/dev/null
  waited=0
  while [ -e "$pid_file" ] && [ "$waited" -lt 100 ]; do sleep 0.1; waited=$((waited + 1)); done
  if [ -e "$pid_file" ]; then kill -KILL "$pid" 2>/dev/null; sleep 0.2; fi
fi
rm -rf -- "$1"
"#;

/// A running cluster. Dropping it stops the server and removes its folder.
pub struct Cluster {
    folder: PathBuf,
    guard: Child,
}

impl Cluster {
    pub fn start(fsync: Fsync) -> Outcome<Cluster> {
        let programs = install::find_postgres().ok_or_else(install::how_to_get_postgres)?;
        let owner = Owner::find()?;
        let folder = make_folder(&owner)?;
        let guard = match start_guard(&folder) {
            Ok(guard) => guard,
            Err(reason) => {
                fs::remove_dir_all(&folder).map_err(|error| format!("{reason}; and its folder stays: {error}"))?;
                return Err(reason);
            }
        };
        // From here `drop` cleans up.
        let cluster = Cluster { folder, guard };
        cluster.create(&programs, &owner)?;
        cluster.configure(fsync)?;
        cluster.launch(&programs, &owner)?;
        Ok(cluster)
    }

    /// Key and value form, as every PostgreSQL client reads it.
    pub fn url(&self) -> String {
        format!("host={} user={ROLE} dbname=postgres", self.folder.display())
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    fn alive(&self) -> bool {
        self.data().join("postmaster.pid").exists()
    }

    fn create(&self, programs: &Path, owner: &Owner) -> Outcome<()> {
        let mut initdb = owner.command(&programs.join("initdb"));
        initdb.args(["--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync"]).arg(format!("--username={ROLE}"));
        initdb.arg(format!("--pgdata={}", self.data().display())).current_dir(&self.folder);
        shell::capture(&mut initdb).map(drop)
    }

    /// `trust` is safe here: the only way in is a socket inside a folder of mode 0700.
    fn configure(&self, fsync: Fsync) -> Outcome<()> {
        let durability = match fsync {
            Fsync::On => "fsync = on\nfull_page_writes = on",
            Fsync::Off => "fsync = off\nfull_page_writes = off",
        };
        let settings = format!(
            "\n# set by cargo xtask\nlisten_addresses = ''\nunix_socket_directories = '{}'\nmax_connections = 200\n\
             shared_buffers = '256MB'\nsynchronous_commit = on\n{durability}\n",
            self.folder.display()
        );
        let path = self.data().join("postgresql.conf");
        let written =
            fs::OpenOptions::new().append(true).open(&path).and_then(|mut f| f.write_all(settings.as_bytes()));
        written.map_err(|error| format!("cannot write {}: {error}", path.display()))
    }

    fn launch(&self, programs: &Path, owner: &Owner) -> Outcome<()> {
        let mut start = owner.command(&programs.join("pg_ctl"));
        start.arg("start").arg("--silent").arg("--wait").arg(format!("--timeout={START_SECONDS_MAX}"));
        start.arg(format!("--pgdata={}", self.data().display())).arg(format!("--log={}", self.log().display()));
        // A group of its own: Ctrl-C reaches us and the tests, and the server ends after them.
        start.current_dir(&self.folder).stdin(Stdio::null()).process_group(0);
        // Not captured: the server would inherit the pipe and we would wait for its end.
        start.stdout(Stdio::null()).stderr(Stdio::null());
        if shell::run(&mut start)?.success() {
            return Ok(());
        }
        let log = fs::read_to_string(self.log()).unwrap_or_else(|error| format!("(no log: {error})"));
        let tail: Vec<&str> = log.lines().rev().take(10).collect();
        Err(format!("PostgreSQL did not start:\n{}", tail.into_iter().rev().collect::<Vec<_>>().join("\n")))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        if let Err(error) = self.guard.wait() {
            eprintln!("cannot wait for the clean-up of {}: {error}", self.folder.display());
        }
    }
}

/// `cargo xtask postgres`: a durable cluster until Ctrl-C.
pub fn run(arguments: &[String]) -> Outcome<Verdict> {
    if !arguments.is_empty() {
        return Err("takes no arguments".to_owned());
    }
    install::postgres(install::Permission::Granted)?;
    let cluster = Cluster::start(Fsync::On)?;
    println!("export {URL_VARIABLE}='{}'", cluster.url());
    println!("PostgreSQL runs with fsync on until Ctrl-C; its folder is removed then.");
    while cluster.alive() {
        thread::sleep(Duration::from_millis(500));
    }
    Err("the server has stopped by itself".to_owned())
}

/// Who runs the server. PostgreSQL refuses to run as root, so root lends it an unprivileged user.
enum Owner {
    Me,
    Other { name: String, uid: u32, gid: u32 },
}

impl Owner {
    fn find() -> Outcome<Owner> {
        if !install::is_root() {
            return Ok(Owner::Me);
        }
        for name in ["postgres", "nobody"] {
            if let (Some(uid), Some(gid)) = (id_number("-u", name), id_number("-g", name)) {
                return Ok(Owner::Other { name: name.to_owned(), uid, gid });
            }
        }
        Err("root may not run PostgreSQL, and there is neither a user `postgres` nor `nobody` to run it".to_owned())
    }

    fn command(&self, program: &Path) -> Command {
        let Owner::Other { name, uid, gid } = self else { return Command::new(program) };
        if succeeds(Command::new("setpriv").arg("--version")) {
            let mut command = Command::new("setpriv");
            command.arg(format!("--reuid={uid}")).arg(format!("--regid={gid}")).arg("--clear-groups").arg("--");
            command.arg(program);
            return command;
        }
        if succeeds(Command::new("runuser").arg("--version")) {
            let mut command = Command::new("runuser");
            command.args(["-u", name, "--"]).arg(program);
            return command;
        }
        // `su` hands what follows `--` to the shell: the program is $0, its arguments are "$@".
        let mut command = Command::new("su");
        command.args(["-s", "/bin/sh", "-c", r#"exec "$0" "$@""#, name, "--"]).arg(program);
        command
    }
}

fn id_number(flag: &str, name: &str) -> Option<u32> {
    shell::capture(Command::new("id").args([flag, name])).ok()?.trim().parse().ok()
}

/// A fresh folder of mode 0700 that belongs to the server's user.
fn make_folder(owner: &Owner) -> Outcome<PathBuf> {
    let wished = std::env::temp_dir();
    let reachable = matches!(owner, Owner::Me) && wished.as_os_str().len() <= FOLDER_BYTES_MAX;
    let parent = if reachable { wished } else { PathBuf::from("/tmp") };
    for number in 0..1000 {
        let folder = parent.join(format!("copydesk-pg-{}-{number}", std::process::id()));
        match fs::DirBuilder::new().mode(0o700).create(&folder) {
            Ok(()) => {
                if let Owner::Other { uid, gid, .. } = owner {
                    chown(&folder, Some(*uid), Some(*gid)).map_err(|e| format!("cannot give {folder:?} away: {e}"))?;
                }
                return Ok(folder);
            }
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(format!("cannot make a folder for PostgreSQL in {}: {error}", parent.display())),
        }
    }
    Err(format!("{} is full of folders called copydesk-pg-*; remove them", parent.display()))
}

/// The only holder of the pipe's other end is this process: the standard library opens pipes close-on-exec.
fn start_guard(folder: &Path) -> Outcome<Child> {
    let mut guard = Command::new("sh");
    guard.args(["-c", GUARD, "copydesk-pg-guard"]).arg(folder).current_dir("/").process_group(0);
    guard.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    guard.spawn().map_err(|error| format!("cannot start the clean-up shell: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The client is in the server's folder, or on PATH when that folder is one of links.
    fn psql(programs: &Path, url: &str, query: &str) -> String {
        let beside = programs.join("psql");
        let client = if beside.is_file() { beside } else { PathBuf::from("psql") };
        shell::capture(Command::new(client).args(["-X", "-A", "-t", "-c", query, url])).unwrap()
    }

    /// Runs where a server is installed, which `cargo xtask test` sees to.
    #[test]
    fn cluster_answers_on_its_socket_and_leaves_nothing_behind() {
        let programs = install::find_postgres().expect("cargo xtask test installs the server");
        for (fsync, word) in [(Fsync::Off, "off"), (Fsync::On, "on")] {
            let cluster = Cluster::start(fsync).unwrap();
            let folder = cluster.folder.clone();
            assert_eq!(psql(&programs, &cluster.url(), "show fsync").trim(), word);
            assert_eq!(psql(&programs, &cluster.url(), "show listen_addresses").trim(), "");
            assert!(cluster.alive());
            drop(cluster);
            assert!(!folder.exists(), "{} is still there", folder.display());
        }
    }

    #[test]
    fn a_panic_takes_the_cluster_down_too() {
        let folder = std::thread::spawn(|| {
            let cluster = Cluster::start(Fsync::Off).unwrap();
            std::panic::panic_any(cluster.folder.clone());
        })
        .join()
        .expect_err("the thread panics on purpose");
        let folder = folder.downcast::<PathBuf>().unwrap();
        assert!(!folder.exists(), "{} is still there", folder.display());
    }
}

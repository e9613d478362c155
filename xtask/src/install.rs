//! What the tests need from the machine: finds PostgreSQL's server programs where the usual systems put them, and
//! installs them with the system's package manager when that is possible without asking a person.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::shell::{self, Outcome, succeeds};

/// Whether a chore may change the machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Permission {
    Granted,
    Denied,
}

/// Makes sure that a server can be started, or says what to install.
pub fn postgres(permission: Permission) -> Outcome<()> {
    if find_postgres().is_some() {
        return Ok(());
    }
    if permission == Permission::Denied || !on_path("apt-get") {
        return Err(how_to_get_postgres());
    }
    let prefix: &[&str] = if is_root() {
        &[]
    } else if succeeds(Command::new("sudo").args(["-n", "true"])) {
        &["sudo", "-n"]
    } else {
        return Err(how_to_get_postgres());
    };
    println!("PostgreSQL's server programs are missing: installing the package `postgresql`.");
    for step in [&["update"][..], &["install", "-y", "postgresql"][..]] {
        let words: Vec<&str> = [prefix, &["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q"], step].concat();
        if let Some((program, arguments)) = words.split_first() {
            let status = shell::run(Command::new(program).args(arguments))?;
            if !status.success() {
                return Err(format!("`{}` failed. {}", words.join(" "), how_to_get_postgres()));
            }
        }
    }
    find_postgres().map(drop).ok_or_else(how_to_get_postgres)
}

pub fn how_to_get_postgres() -> String {
    "PostgreSQL's server programs (initdb, pg_ctl, postgres) were not found. Install them: `apt-get install postgresql` \
     on Debian and Ubuntu, `dnf install postgresql-server` on Fedora, `brew install postgresql` on macOS; or put their \
     folder on PATH. No server needs to be running."
        .to_owned()
}

/// The folder with `initdb`, `pg_ctl` and `postgres`: from PATH first, then the newest of the usual places.
pub fn find_postgres() -> Option<PathBuf> {
    let from_path: Vec<PathBuf> =
        std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default();
    let usual = [
        versions_in("/usr/lib/postgresql", "", "bin"),
        versions_in("/usr", "pgsql-", "bin"),
        versions_in("/opt/homebrew/opt", "postgresql", "bin"),
        versions_in("/usr/local/opt", "postgresql", "bin"),
        vec![PathBuf::from("/usr/local/pgsql/bin"), PathBuf::from("/usr/libexec/postgresql")],
    ];
    from_path.into_iter().chain(usual.into_iter().flatten()).find(|folder| has_server(folder))
}

/// `PARENT/PREFIX<version>/CHILD`, newest version first.
fn versions_in(parent: &str, prefix: &str, child: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(parent) else { return Vec::new() };
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.filter(|name| name.starts_with(prefix)).collect();
    names.sort_by_key(|name| std::cmp::Reverse(version_of(name)));
    names.into_iter().map(|name| Path::new(parent).join(name).join(child)).collect()
}

/// The first number in a folder's name: `15`, `pgsql-16`, `postgresql@17`. None is oldest.
fn version_of(name: &str) -> u32 {
    let digits: String = name.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or(0)
}

fn has_server(folder: &Path) -> bool {
    ["initdb", "pg_ctl", "postgres"].iter().all(|program| folder.join(program).is_file())
}

pub fn on_path(program: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(program).is_file()))
}

pub fn is_root() -> bool {
    shell::capture(Command::new("id").arg("-u")).is_ok_and(|uid| uid.trim() == "0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_server_wins_by_number_and_not_by_text() {
        let mut names = ["9", "15", "pgsql-16", "postgresql@17", "postgresql"];
        names.sort_by_key(|name| std::cmp::Reverse(version_of(name)));
        assert_eq!(names, ["postgresql@17", "pgsql-16", "15", "9", "postgresql"]);
    }
}

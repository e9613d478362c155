//! The data folder: made if it is missing, refused on a network file system, and owned by one process at a time through
//! a lock file. Knows nothing of the database inside.

use copydesk_store::StoreError;
use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

const LOCK_FILE: &str = "copydesk.lock";
const DATABASE_FILE: &str = "copydesk.db";
/// SQLite's locks and shared memory are not reliable on these.
const NETWORK_FILE_SYSTEMS: [&str; 7] = ["nfs", "nfs4", "cifs", "smb", "smb2", "smb3", "smbfs"];

/// The folder while this process owns it: dropping it lets the next one in.
pub(crate) struct DataFolder {
    pub path: PathBuf,
    _lock: File,
}

impl DataFolder {
    /// Errors: `Unavailable` when it cannot be made or written, `Held` when a running process (also this one) owns it.
    pub fn take(path: &Path) -> Result<DataFolder, StoreError> {
        let unusable = |what: &str, error: &dyn std::fmt::Display| {
            StoreError::Unavailable(format!("{what} {}: {error}", path.display()))
        };
        std::fs::create_dir_all(path).map_err(|error| unusable("cannot make the data folder", &error))?;
        refuse_network_file_system(path)?;
        let mut lock = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path.join(LOCK_FILE))
            .map_err(|error| unusable("cannot write in the data folder", &error))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::Held { folder: path.display().to_string(), holder: holder(&mut lock) });
            }
            Err(TryLockError::Error(error)) => return Err(unusable("cannot lock the data folder", &error)),
        }
        sign(&mut lock).map_err(|error| unusable("cannot write in the data folder", &error))?;
        Ok(DataFolder { path: path.to_owned(), _lock: lock })
    }

    pub fn database(&self) -> PathBuf {
        self.path.join(DATABASE_FILE)
    }
}

/// Leaves our process id for people who find the folder locked.
fn sign(lock: &mut File) -> std::io::Result<()> {
    lock.set_len(0)?;
    lock.rewind()?;
    lock.write_all(std::process::id().to_string().as_bytes())
}

fn holder(lock: &mut File) -> String {
    let mut pid = String::new();
    match lock.read_to_string(&mut pid) {
        Ok(_) if !pid.trim().is_empty() => pid.trim().to_owned(),
        Ok(_) | Err(_) => "unknown".to_owned(),
    }
}

fn refuse_network_file_system(path: &Path) -> Result<(), StoreError> {
    let (Ok(path), Ok(mounts)) = (path.canonicalize(), std::fs::read_to_string("/proc/mounts")) else {
        // Not Linux, or no /proc: nothing to ask cheaply.
        return Ok(());
    };
    match file_system_of(&path, &mounts) {
        Some(kind) if NETWORK_FILE_SYSTEMS.contains(&kind) => Err(StoreError::Unavailable(format!(
            "the data folder {} is on a network file system ({kind}), where SQLite can lose data: use a local disk, \
             or PostgreSQL",
            path.display()
        ))),
        Some(_) | None => Ok(()),
    }
}

/// The type of the mount with the longest path above `path`; of two at the same place the later one counts.
fn file_system_of<'m>(path: &Path, mounts: &'m str) -> Option<&'m str> {
    let mut best: Option<(usize, &str)> = None;
    for line in mounts.lines() {
        let mut words = line.split(' ');
        let (Some(_device), Some(point), Some(kind)) = (words.next(), words.next(), words.next()) else { continue };
        // The kernel writes a space in a path as \040.
        let point = point.replace("\\040", " ");
        if path.starts_with(&point) && best.is_none_or(|(length, _)| point.len() >= length) {
            best = Some((point.len(), kind));
        }
    }
    best.map(|(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_mount_decides() {
        let mounts = "/dev/vda / ext4 rw 0 0\nhost:/x /srv/shared\\040data nfs4 rw 0 0\n/dev/vdb /srv ext4 rw 0 0\n";
        assert_eq!(file_system_of(Path::new("/srv/shared data/desk"), mounts), Some("nfs4"));
        assert_eq!(file_system_of(Path::new("/srv/desk"), mounts), Some("ext4"));
        assert_eq!(file_system_of(Path::new("/srvx"), mounts), Some("ext4"));
    }
}

//! How the command line finds the server that owns a data folder: the server leaves its address and a key that is good
//! for its lifetime in `server.json`, readable by its owner only.

use crate::exit::{self, Failure};
use copydesk_desk::keys::KeyText;
use serde_json::Value;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Address and key of a running server.
#[derive(Clone, Debug)]
pub struct ServerNote {
    pub url: String,
    pub key: KeyText,
    /// The server's process: a note outlives a server that was killed.
    pub pid: u32,
}

fn path(data: &Path) -> PathBuf {
    data.join("server.json")
}

/// Leaves the note; the returned guard takes it away again.
pub fn leave(data: &Path, note: &ServerNote) -> Result<NoteGuard, Failure> {
    let path = path(data);
    let text = serde_json::json!({ "url": note.url, "key": note.key.reveal(), "pid": note.pid }).to_string();
    let written = remove_if_there(&path).and_then(|()| {
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(&path)?.write_all(text.as_bytes())
    });
    written.map_err(|error| {
        Failure::new(exit::UNEXPECTED, "storage_unavailable", format!("{} cannot be written: {error}", path.display()))
    })?;
    Ok(NoteGuard { path })
}

/// Reads the note of the server that owns the folder; a note of another process than the holder is an old one.
pub fn find(data: &Path, holder: &str) -> Option<ServerNote> {
    note(data).filter(|note| note.pid.to_string() == holder)
}

/// The note that lies there, which may be that of a server that was killed.
pub fn note(data: &Path) -> Option<ServerNote> {
    let text = std::fs::read_to_string(path(data)).ok()?;
    let note: Value = serde_json::from_str(&text).ok()?;
    let pid = u32::try_from(note.get("pid")?.as_u64()?).ok()?;
    Some(ServerNote { url: note.get("url")?.as_str()?.to_owned(), key: KeyText::new(note.get("key")?.as_str()?), pid })
}

fn remove_if_there(path: &Path) -> std::io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Removes the note when the server ends.
pub struct NoteGuard {
    path: PathBuf,
}

impl Drop for NoteGuard {
    fn drop(&mut self) {
        if let Err(error) = remove_if_there(&self.path) {
            tracing::warn!("{} could not be removed: {error}", self.path.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_counts_only_while_its_server_holds_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let note = ServerNote { url: "http://127.0.0.1:1".to_owned(), key: KeyText::new("k"), pid: 41 };
        let guard = leave(folder.path(), &note).unwrap();
        assert_eq!(find(folder.path(), "41").map(|note| note.url), Some("http://127.0.0.1:1".to_owned()));
        assert!(find(folder.path(), "42").is_none());
        drop(guard);
        assert!(find(folder.path(), "41").is_none());
    }
}

//! Where the key comes from that secrets are sealed under: the setting, or a file in the data folder of the embedded
//! database, which is made at its first use. Never printed.

use crate::config::Settings;
use copydesk_desk::World;
use copydesk_desk::vault::{MasterKey, Vault};
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::sync::Arc;

/// In the data folder.
const FILE: &str = "secret.key";

pub fn vault(settings: &Settings) -> Vault {
    if let Some(key) = &settings.secret_key {
        return Vault::of(key.clone());
    }
    let file = settings.database_url.is_none().then(|| settings.data.join(FILE));
    Vault::new(Arc::new(move || match &file {
        Some(file) => of_file(file),
        None => {
            Err("there is no key to seal it with: on PostgreSQL, COPYDESK_SECRET_KEY or COPYDESK_SECRET_KEY_FILE must \
                     be set, to the same key on every node"
                .to_owned())
        }
    }))
}

/// The key in the file; a new one where there is no file yet.
fn of_file(file: &Path) -> Result<MasterKey, String> {
    match std::fs::read_to_string(file) {
        Ok(text) => MasterKey::parse(&text).map_err(|bad| format!("{} is not a key: {bad}", file.display())),
        Err(error) if error.kind() == ErrorKind::NotFound => make(file),
        Err(error) => Err(format!("{} cannot be read: {error}", file.display())),
    }
}

fn make(file: &Path) -> Result<MasterKey, String> {
    let key = MasterKey::random(&World::real());
    match write_private(file, &key.reveal()) {
        Ok(()) => Ok(key),
        // Another thread was quicker.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => of_file(file),
        Err(error) => Err(format!("{} cannot be written: {error}", file.display())),
    }
}

/// A new file that only its owner reads, on disk with its folder: a secret that a power cut takes away may take others along.
pub fn write_private(file: &Path, text: &str) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut out = options.open(file)?;
    writeln!(out, "{text}")?;
    out.sync_all()?;
    match file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Environment, Loaded};

    #[test]
    fn on_postgres_the_key_must_be_set_and_the_error_names_the_setting() {
        let with = |more: &[(&'static str, &str)]| {
            let flags = more.iter().map(|(name, text)| (*name, (*text).to_owned())).collect();
            Settings::read(&Loaded::read(&flags, &Environment::default(), None).unwrap()).unwrap()
        };
        let seal =
            |settings: &Settings| vault(settings).seal(&World::real(), "x", b"y").map_err(|error| error.to_string());
        let said = seal(&with(&[("database_url", "postgres://db")])).unwrap_err();
        assert!(said.contains("COPYDESK_SECRET_KEY_FILE"), "{said}");
        assert!(seal(&with(&[("database_url", "postgres://db"), ("secret_key", &"5a".repeat(32))])).is_ok());
    }

    #[test]
    fn the_file_is_made_once_for_its_owner_only_and_a_damaged_one_is_no_key() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(FILE);
        let key = of_file(&file).unwrap();
        assert_eq!(of_file(&file).unwrap(), key);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        }
        std::fs::write(&file, "nothing").unwrap();
        let said = of_file(&file).unwrap_err();
        assert!(said.contains("secret.key is not a key") && !said.contains("nothing"), "{said}");
    }
}

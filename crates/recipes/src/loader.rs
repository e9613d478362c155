//! From a folder's files to a recipe that can work. Reads the disk, hashes what it read, and hands everything to
//! `check.rs` for judgement. A template name is looked up among the files of the folder, so it cannot lead out of it.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::check;
use crate::fault::Fault;
use crate::loaded::LoadedRecipe;

/// Largest file of a recipe folder. Units: bytes.
pub const FILE_BYTES_MAX: u64 = 1024 * 1024;
/// Most files of a recipe folder that are read.
pub const FILES_MAX: usize = 100;
/// Endings of the files that make up a recipe; others, such as a README, are left alone.
const ENDINGS: [&str; 4] = [".toml", ".json", ".j2", ".txt"];

/// Where a recipe comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Origin {
    BuiltIn,
    Folder(PathBuf),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::BuiltIn => write!(f, "built in"),
            Origin::Folder(path) => write!(f, "{}", path.display()),
        }
    }
}

/// The files of one recipe, read.
#[derive(Clone, Debug)]
pub struct RecipeFiles {
    pub origin: Origin,
    /// The folder's own name, which must be the recipe's.
    pub folder: String,
    pub files: BTreeMap<String, String>,
}

/// Checks a folder's files and makes the recipe. Errors: every fault there is.
pub fn load(files: &RecipeFiles) -> Result<LoadedRecipe, Vec<Fault>> {
    check::check(files)
}

impl RecipeFiles {
    pub fn compiled_in(folder: &str, files: &[(&str, &str)]) -> RecipeFiles {
        let files = files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        RecipeFiles { origin: Origin::BuiltIn, folder: folder.to_owned(), files }
    }

    /// Reads a folder from disk. Sub-folders and hidden files are not part of a recipe.
    pub fn from_folder(path: &Path) -> Result<RecipeFiles, Vec<Fault>> {
        let shown = path.display().to_string();
        let unreadable = |error: std::io::Error| {
            vec![Fault::new(&shown, format!("cannot be read: {error}"), "Check that it is a folder and may be read.")]
        };
        let full = fs::canonicalize(path).map_err(unreadable)?;
        let folder = full.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let (mut files, mut faults) = (BTreeMap::new(), Vec::new());
        for entry in fs::read_dir(&full).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let counts = !name.starts_with('.') && ENDINGS.iter().any(|ending| name.ends_with(ending));
            if !counts || entry.path().is_dir() {
                continue;
            }
            if files.len() == FILES_MAX {
                faults.push(Fault::new(&shown, format!("has more than {FILES_MAX} files"), "Remove some."));
                break;
            }
            match read_text(&entry.path()) {
                Ok(text) => drop(files.insert(name, text)),
                Err(what) => faults.push(Fault::new(&name, what, "Correct the file or remove it.")),
            }
        }
        if faults.is_empty() { Ok(RecipeFiles { origin: Origin::Folder(full), folder, files }) } else { Err(faults) }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.files.get(name).map(String::as_str)
    }

    /// A short hash of names and contents: the same files are the same version on every machine.
    pub(crate) fn version(&self) -> String {
        let mut hash = Sha256::new();
        for (name, text) in &self.files {
            // Lengths keep two different splits of the same bytes apart.
            hash.update((name.len() as u64).to_be_bytes());
            hash.update(name.as_bytes());
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text.as_bytes());
        }
        hash.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect()
    }
}

fn read_text(path: &Path) -> Result<String, String> {
    let length = fs::metadata(path).map_err(|error| format!("cannot be read: {error}"))?.len();
    if length > FILE_BYTES_MAX {
        return Err(format!("has {length} bytes, at most {FILE_BYTES_MAX} are allowed"));
    }
    let bytes = fs::read(path).map_err(|error| format!("cannot be read: {error}"))?;
    let text = String::from_utf8(bytes).map_err(|_| "is not UTF-8 text".to_owned())?;
    Ok(text.strip_prefix('\u{feff}').map_or_else(|| text.clone(), str::to_owned).replace("\r\n", "\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_changes_with_the_contents_and_nothing_else() {
        let files = |text| RecipeFiles::compiled_in("a", &[("recipe.toml", text), ("p.j2", "x")]);
        assert_eq!(files("one").version(), files("one").version());
        assert_ne!(files("one").version(), files("two").version());
        assert_eq!(files("one").version().len(), 12);
        let elsewhere = RecipeFiles { origin: Origin::Folder("/x/a".into()), ..files("one") };
        assert_eq!(elsewhere.version(), files("one").version());
    }

    #[test]
    fn a_folder_is_read_without_its_readme_and_hidden_files() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["recipe.toml", "README.md", ".prompt.j2.swp", ".hidden.json", "prompt.j2"] {
            fs::write(dir.path().join(name), "\u{feff}a\r\nb").unwrap();
        }
        fs::create_dir(dir.path().join("sub.json")).unwrap();
        let files = RecipeFiles::from_folder(dir.path()).unwrap();
        assert_eq!(files.files.keys().collect::<Vec<_>>(), ["prompt.j2", "recipe.toml"]);
        assert_eq!(files.get("prompt.j2"), Some("a\nb"));
    }

    #[test]
    fn what_cannot_be_read_is_a_fault_with_its_name() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("prompt.j2"), [0xff, 0xfe, 0x00]).unwrap();
        let faults = RecipeFiles::from_folder(dir.path()).unwrap_err();
        assert_eq!((faults[0].file.as_str(), faults[0].what.as_str()), ("prompt.j2", "is not UTF-8 text"));
        assert!(RecipeFiles::from_folder(&dir.path().join("absent")).is_err());
    }
}

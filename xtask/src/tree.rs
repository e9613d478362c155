//! The files of the repository as text, for the chores that read source: paths are relative to the root and written
//! with `/`. It decides nothing about them.

use std::fs;
use std::path::Path;

use crate::shell::Outcome;

/// One file: where it is and what it says.
pub struct SourceFile {
    pub path: String,
    pub text: String,
}

impl SourceFile {
    /// The file's name without folder and ending.
    pub fn stem(&self) -> &str {
        let name = self.path.rsplit('/').next().unwrap_or(&self.path);
        name.rsplit_once('.').map_or(name, |(stem, _)| stem)
    }

    /// Tests, benches and the crates made for them: they may do what the product may not.
    pub fn is_for_tests(&self) -> bool {
        let folders = ["/tests/", "/benches/", "/examples/"];
        let crates = ["crates/store-tests/", "crates/bench/", "crates/fakeprovider/", "xtask/"];
        folders.iter().any(|folder| self.path.contains(folder))
            || crates.iter().any(|prefix| self.path.starts_with(prefix))
            || self.stem() == "tests"
            || self.stem().ends_with("_tests")
    }

    /// The lines of the product with their numbers: no comments, and nothing behind `#[cfg(test)]`.
    pub fn product_lines(&self) -> Vec<(usize, &str)> {
        let mut lines = Vec::new();
        let mut skipping: Option<Skip> = None;
        for (index, line) in self.text.lines().enumerate() {
            if let Some(skip) = skipping {
                skipping = skip.after(line);
            } else if line.trim() == "#[cfg(test)]" {
                skipping = Some(Skip::Item { indent: line.len() - line.trim_start().len() });
            } else if !line.trim_start().starts_with("//") {
                lines.push((index + 1, line));
            }
        }
        lines
    }
}

/// Where we are in an item that is compiled for tests only.
#[derive(Clone, Copy)]
enum Skip {
    /// Its first line is still to come.
    Item { indent: usize },
    /// Inside its braces, which close at this indent.
    Body { indent: usize },
}

impl Skip {
    fn after(self, line: &str) -> Option<Skip> {
        let text = line.trim();
        match self {
            Skip::Item { indent } if text.starts_with("#[") || text.is_empty() => Some(Skip::Item { indent }),
            Skip::Item { .. } if text.ends_with(';') || text.ends_with('}') => None,
            Skip::Item { indent } => Some(Skip::Body { indent }),
            Skip::Body { indent } => {
                let closes = text.starts_with('}') && line.len() - line.trim_start().len() == indent;
                if closes { None } else { Some(self) }
            }
        }
    }
}

/// All Rust files of the repository, in order.
pub fn rust_files(root: &Path) -> Outcome<Vec<SourceFile>> {
    let mut files = Vec::new();
    for folder in ["crates", "examples", "xtask"] {
        collect(root, folder, "rs", &mut files)?;
    }
    Ok(files)
}

/// All files below `folder` with this ending; a folder that is not there has none.
pub fn files_below(root: &Path, folder: &str, ending: &str) -> Outcome<Vec<SourceFile>> {
    let mut files = Vec::new();
    collect(root, folder, ending, &mut files)?;
    Ok(files)
}

pub fn read(root: &Path, path: &str) -> Outcome<String> {
    fs::read_to_string(root.join(path)).map_err(|error| format!("cannot read {path}: {error}"))
}

fn collect(root: &Path, folder: &str, ending: &str, files: &mut Vec<SourceFile>) -> Outcome<()> {
    let path = root.join(folder);
    if !path.is_dir() {
        return Ok(());
    }
    let entries = fs::read_dir(&path).map_err(|error| format!("cannot list {folder}: {error}"))?;
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| format!("cannot list {folder}: {error}"))?;
        names.push(entry.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    for name in names.iter().filter(|name| !name.starts_with('.') && *name != "target" && *name != "node_modules") {
        let inner = format!("{folder}/{name}");
        if root.join(&inner).is_dir() {
            collect(root, &inner, ending, files)?;
        } else if name.rsplit_once('.').is_some_and(|(_, end)| end == ending) {
            files.push(SourceFile { text: read(root, &inner)?, path: inner });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn product(text: &str) -> Vec<usize> {
        let file = SourceFile { path: "crates/desk/src/accept.rs".to_owned(), text: text.to_owned() };
        file.product_lines().into_iter().map(|(number, _)| number).collect()
    }

    #[test]
    fn test_modules_and_comments_are_not_product() {
        assert_eq!(
            product("//! Head.\nfn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() {\n    }\n}\nfn c() {}\n"),
            [2, 8]
        );
        assert_eq!(product("#[cfg(test)]\nmod tests;\nfn a() {}\n"), [3]);
        assert_eq!(
            product("impl A {\n    #[cfg(test)]\n    fn b() {\n        1\n    }\n    fn c() {}\n}\n"),
            [1, 6, 7]
        );
        assert_eq!(product("#[cfg(test)]\n#[path = \"x.rs\"]\nmod tests;\n    // note\nfn a() {}\n"), [5]);
    }

    #[test]
    fn test_files_are_known_by_their_place_or_name() {
        let is = |path: &str| SourceFile { path: path.to_owned(), text: String::new() }.is_for_tests();
        assert!(is("crates/desk/tests/main.rs"));
        assert!(is("crates/store-tests/src/model.rs"));
        assert!(is("crates/core/src/ledger/rules_tests.rs"));
        assert!(!is("crates/desk/src/accept.rs"));
    }
}

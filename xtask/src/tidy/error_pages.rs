//! Every public error code has a page `docs/errors/<code>.md`, and every page has a code.

use std::collections::BTreeSet;

use super::Finding;
use crate::tree::SourceFile;

pub const FOLDER: &str = "docs/errors";

/// The enums that carry public codes; each has one function whose arms read `=> "word"`.
const SOURCES: [&str; 3] =
    ["crates/core/src/generation/failure.rs", "crates/core/src/refusal.rs", "crates/api/src/error.rs"];

/// A page that lists the others is no code.
const INDEX: [&str; 2] = ["README", "index"];

pub fn check(files: &[SourceFile], pages: &[SourceFile]) -> Vec<Finding> {
    let codes: BTreeSet<&str> =
        files.iter().filter(|file| SOURCES.contains(&file.path.as_str())).flat_map(codes_in).collect();
    let pages: BTreeSet<&str> = pages.iter().map(SourceFile::stem).filter(|stem| !INDEX.contains(stem)).collect();
    let lonely = codes.difference(&pages).map(|code| format!("the error code {code} has no page {FOLDER}/{code}.md"));
    let stale = pages.difference(&codes).map(|page| format!("{FOLDER}/{page}.md belongs to no error code"));
    lonely.chain(stale).collect()
}

fn codes_in(file: &SourceFile) -> Vec<&str> {
    let words = file.product_lines().into_iter().filter_map(|(_, line)| {
        let (_, after) = line.split_once("=> \"")?;
        let (word, _) = after.split_once('"')?;
        let plain = !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        plain.then_some(word)
    });
    words.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> SourceFile {
        SourceFile { path: path.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn codes_and_pages_pair_up() {
        let text = "    Self::A => \"not_found\",\n    Self::B => \"Not found\",\n    Self::C => \"internal\",\n";
        let files = [file("crates/api/src/error.rs", text), file("crates/api/src/other.rs", "X => \"other\"")];
        let page = |name: &str| file(&format!("{FOLDER}/{name}.md"), "");
        assert_eq!(check(&files, &[page("not_found"), page("internal"), page("README")]), Vec::<Finding>::new());
        let findings = check(&files, &[page("not_found"), page("gone")]);
        assert_eq!(findings.len(), 2);
        assert!(findings[0].contains("internal has no page"));
        assert!(findings[1].contains("gone.md belongs to no error code"));
    }
}

//! The page of every code, compiled in: what happened, what to do, whether anything was charged.

use crate::error::Code;

/// The page in Markdown.
pub fn page(code: Code) -> &'static str {
    code.page()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::codes;
    use std::collections::BTreeSet;
    use std::path::Path;

    #[test]
    fn codes_and_pages_pair_up() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors");
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let pages: BTreeSet<String> =
            files.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
        let words: BTreeSet<String> = codes().iter().map(|code| code.as_str().to_owned()).collect();
        assert_eq!(pages, words);
    }

    #[test]
    fn every_page_is_its_codes_own_and_says_what_was_charged() {
        for code in codes() {
            let text = page(*code);
            assert!(text.contains(&format!("`{}`", code.as_str())), "{}", code.as_str());
            assert!(text.starts_with("# "), "{}", code.as_str());
            for heading in ["## What happened", "## What to do", "## Is anything charged?"] {
                assert!(text.contains(heading), "{}: {heading}", code.as_str());
            }
        }
    }
}

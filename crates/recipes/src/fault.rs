//! One fault of a recipe folder, in words that say what to do. A folder's faults are reported all at once.

use std::fmt;

use copydesk_core::recipe::RecipeFault;

/// Something that is wrong with a recipe folder.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Fault {
    /// File name inside the folder, or the folder itself.
    pub file: String,
    /// The key, line or JSON pointer inside the file.
    pub key: Option<String>,
    pub what: String,
    /// What to do about it.
    pub fix: String,
}

impl Fault {
    pub(crate) fn new(file: &str, what: impl Into<String>, fix: impl Into<String>) -> Fault {
        Fault { file: file.to_owned(), key: None, what: what.into(), fix: fix.into() }
    }

    pub(crate) fn at(mut self, key: impl Into<String>) -> Fault {
        self.key = Some(key.into());
        self
    }

    pub(crate) fn in_file(file: &str, fault: RecipeFault) -> Fault {
        Fault { file: file.to_owned(), key: Some(fault.key), what: fault.what, fix: fault.fix }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.file)?;
        if let Some(key) = &self.key {
            write!(f, "{key}: ")?;
        }
        write!(f, "{}. {}", self.what.trim_end_matches('.'), self.fix)
    }
}

/// ` Did you mean "title"?` when one of the known words is close to the one that was written.
pub(crate) fn did_you_mean<'k>(written: &str, known: impl IntoIterator<Item = &'k str>) -> String {
    let close = known.into_iter().map(|word| (distance(written, word), word)).min();
    match close {
        Some((steps, word)) if steps <= 1 + written.chars().count() / 4 => format!("Did you mean {word:?}?"),
        Some(_) | None => String::new(),
    }
}

/// Levenshtein distance, over characters. Both words are short: keys of a file.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().take(64).enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, cb) in b.iter().enumerate() {
            let cost = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = cost.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_is_recognised_and_another_word_is_not() {
        let known = ["title", "steps", "max_attempts"];
        assert_eq!(did_you_mean("titel", known), "Did you mean \"title\"?");
        assert_eq!(did_you_mean("max_attempt", known), "Did you mean \"max_attempts\"?");
        assert_eq!(did_you_mean("colour", known), "");
    }

    #[test]
    fn a_fault_reads_as_file_key_what_and_fix() {
        let fault = Fault::new("recipe.toml", "is empty.", "Write one.").at("title");
        assert_eq!(fault.to_string(), "recipe.toml: title: is empty. Write one.");
    }
}

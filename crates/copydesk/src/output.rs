//! What a person sees: data on stdout, talk on stderr. Tables are aligned text; `--json` prints the API's own objects.

use crate::exit::Failure;
use serde_json::Value;
use std::io::{IsTerminal, Write};

/// How to print.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    pub json: bool,
    pub quiet: bool,
}

impl Output {
    /// Data. A closed pipe (`| head`) is the reader's wish, not an error.
    pub fn data(self, text: &str) {
        let mut out = std::io::stdout().lock();
        drop(out.write_all(text.as_bytes()).and_then(|()| if text.ends_with('\n') { Ok(()) } else { out.write_all(b"\n") }));
        drop(out.flush());
    }
    pub fn object(self, value: &Value) {
        self.data(&serde_json::to_string_pretty(value).unwrap_or_default());
    }
    pub fn line_of_json(self, value: &Value) {
        self.data(&value.to_string());
    }
    pub fn talk(self, text: &str) {
        if !self.quiet {
            eprintln!("{text}");
        }
    }
    pub fn failure(self, failure: &Failure) {
        if self.json {
            let body = serde_json::json!({
                "error": { "code": failure.code, "message": failure.message, "hint": failure.hint, "errors": failure.lines }
            });
            eprintln!("{body}");
            return;
        }
        eprintln!("error[{}]: {}", failure.code, failure.message);
        for line in &failure.lines {
            eprintln!("    {line}");
        }
        if let Some(hint) = &failure.hint {
            eprintln!("hint: {hint}");
        }
    }
    /// Whether a moving progress line makes sense.
    pub fn may_animate(self) -> bool {
        !self.quiet && !self.json && std::io::stderr().is_terminal()
    }
}

/// Rows under headings, columns as wide as their widest cell. An empty table says so instead of printing a lone heading.
pub fn table(headings: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = headings.iter().map(|heading| heading.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: Vec<&str>| {
        let padded: Vec<String> = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        format!("{}\n", padded.join("  ").trim_end())
    };
    let mut text = line(headings.to_vec());
    for row in rows {
        text.push_str(&line(row.iter().map(String::as_str).collect()));
    }
    text
}

/// A member of an API object as text; a dash where there is none.
pub fn cell(object: &Value, pointer: &str) -> String {
    match object.pointer(pointer) {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = vec![vec!["a".to_owned(), "long title".to_owned()], vec!["bbb".to_owned(), "t".to_owned()]];
        assert_eq!(table(&["ID", "TITLE"], &rows), "ID   TITLE\na    long title\nbbb  t\n");
    }
}

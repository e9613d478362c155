//! What a person sees: data on stdout, talk on stderr. Tables are aligned text with times to the
//! minute; `--json` prints the API's own objects.

use crate::exit::Failure;
use copydesk_api::Code;
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
        drop(
            out.write_all(text.as_bytes())
                .and_then(|()| if text.ends_with('\n') { Ok(()) } else { out.write_all(b"\n") }),
        );
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
    /// What must be seen also with `--quiet`, because it is never said again.
    pub fn once(self, text: &str) {
        eprintln!("{text}");
    }
    pub fn table(self, table: Table<'_>) {
        self.data(&table.text(std::io::stdout().is_terminal().then_some(COLUMNS_MAX)));
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
        if Code::parse(&failure.code).is_some() {
            eprintln!("docs: copydesk explain {}", failure.code);
        }
    }
    /// Whether a moving progress line makes sense.
    pub fn may_animate(self) -> bool {
        !self.quiet && !self.json && std::io::stderr().is_terminal()
    }
}

/// How long a row may be on a terminal. Units: characters.
const COLUMNS_MAX: usize = 120;
/// What a cut column keeps at least.
const CUT_MIN: usize = 12;

/// Rows under headings, columns as wide as their widest cell. `cut` is the column that gives way where a row would not
/// fit on a terminal; ids never do.
pub struct Table<'a> {
    pub headings: &'a [&'a str],
    pub rows: Vec<Vec<String>>,
    pub cut: Option<usize>,
}

impl Table<'_> {
    fn text(self, columns_max: Option<usize>) -> String {
        let Table { headings, mut rows, cut } = self;
        // What a model or a user wrote must not break the row or talk to the terminal.
        for cell in rows.iter_mut().flatten() {
            *cell = cell.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        }
        let mut widths: Vec<usize> = headings.iter().map(|heading| heading.chars().count()).collect();
        for row in &rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        if let (Some(column), Some(max)) = (cut, columns_max) {
            let others: usize = widths.iter().sum::<usize>() - widths[column] + 2 * (widths.len() - 1);
            widths[column] = widths[column].min(max.saturating_sub(others).max(CUT_MIN));
            for row in &mut rows {
                row[column] = shortened(&row[column], widths[column]);
            }
        }
        let line = |cells: Vec<&str>| {
            let padded: Vec<String> =
                cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}", width = *width)).collect();
            format!("{}\n", padded.join("  ").trim_end())
        };
        let mut text = line(headings.to_vec());
        for row in &rows {
            text.push_str(&line(row.iter().map(String::as_str).collect()));
        }
        text
    }
}

/// At most `max` characters; what was cut is marked.
pub fn shortened(text: &str, max: usize) -> String {
    if text.chars().count() <= max {
        return text.to_owned();
    }
    let kept: String = text.chars().take(max.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// A member of an API object as text; a dash where there is none.
pub fn cell(object: &Value, pointer: &str) -> String {
    match object.pointer(pointer) {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// An instant of an API object as lists show it: to the minute, in UTC.
pub fn minute(object: &Value, pointer: &str) -> String {
    instant(object, pointer, "2026-01-31T08:00".len())
}

/// The same to the second, where the order of things matters.
pub fn second(object: &Value, pointer: &str) -> String {
    instant(object, pointer, "2026-01-31T08:00:00".len())
}

fn instant(object: &Value, pointer: &str, length: usize) -> String {
    let text = cell(object, pointer);
    match text.get(..length).and_then(|kept| kept.split_once('T')) {
        Some((day, time)) => format!("{day} {time}Z"),
        None => text,
    }
}

/// `1 token`, `2 tokens`.
pub fn counted(number: &str, noun: &str) -> String {
    if number == "1" { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(title: &str, columns_max: Option<usize>) -> String {
        let rows = vec![vec!["a".to_owned(), title.to_owned()], vec!["bbb".to_owned(), "t".to_owned()]];
        Table { headings: &["ID", "TITLE"], rows, cut: Some(1) }.text(columns_max)
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        assert_eq!(shown("long title", None), "ID   TITLE\na    long title\nbbb  t\n");
    }

    #[test]
    fn a_long_title_gives_way_on_a_terminal_and_nowhere_else() {
        let title = "word ".repeat(60);
        assert!(shown(&title, None).contains(title.trim_end()));
        let cut = shown(&title, Some(COLUMNS_MAX));
        assert!(cut.lines().all(|line| line.chars().count() <= COLUMNS_MAX), "{cut}");
        assert!(cut.contains("word…"), "{cut}");
    }

    #[test]
    fn a_title_cannot_break_its_row_or_talk_to_the_terminal() {
        assert_eq!(shown("a\nb\u{1b}[2J", None), "ID   TITLE\na    a b [2J\nbbb  t\n");
    }

    #[test]
    fn instants_are_shown_as_short_as_they_are_useful() {
        let row = serde_json::json!({ "at": "2026-11-22T04:25:26.717826Z", "none": null });
        assert_eq!(minute(&row, "/at"), "2026-11-22 04:25Z");
        assert_eq!(second(&row, "/at"), "2026-11-22 04:25:26Z");
        assert_eq!(minute(&row, "/none"), "-");
    }
}

//! Rows that leave as one file: lines of JSON, or a table (RFC 4180).

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use futures::stream::{self, Stream};
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use std::fmt::Display;
use std::io;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Lines,
    Table,
}

impl Format {
    pub const WORDS: [&str; 2] = ["jsonl", "csv"];

    pub fn parse(word: &str) -> Option<Format> {
        match word {
            "jsonl" => Some(Format::Lines),
            "csv" => Some(Format::Table),
            _ => None,
        }
    }
}

/// A file called after `name` that is made piece by piece: `next` makes one of what is left, and says what is left then.
pub(super) fn file<S, F>(
    format: Format,
    name: impl Display,
    start: S,
    next: impl Fn(S) -> F + Send + 'static,
) -> Response
where
    S: Send + 'static,
    F: Future<Output = io::Result<(Vec<u8>, Option<S>)>> + Send + 'static,
{
    let (kind, ending) = match format {
        Format::Lines => ("application/x-ndjson; charset=utf-8", "jsonl"),
        Format::Table => ("text/csv; charset=utf-8", "csv"),
    };
    let head =
        [(CONTENT_TYPE, kind.to_owned()), (CONTENT_DISPOSITION, format!("attachment; filename=\"{name}.{ending}\""))];
    (head, Body::from_stream(pieces(start, next))).into_response()
}

fn pieces<S, F>(start: S, next: impl Fn(S) -> F + Send + 'static) -> impl Stream<Item = io::Result<Vec<u8>>> + Send
where
    S: Send + 'static,
    F: Future<Output = io::Result<(Vec<u8>, Option<S>)>> + Send + 'static,
{
    stream::try_unfold(Some(start), move |left| {
        let piece = left.map(&next);
        async move {
            match piece {
                Some(piece) => piece.await.map(Some),
                None => Ok(None),
            }
        }
    })
}

/// One row of a table.
pub(super) fn table_row<S: AsRef<str>>(piece: &mut Vec<u8>, cells: &[S]) {
    for (place, cell) in cells.iter().enumerate() {
        if place > 0 {
            piece.push(b',');
        }
        let cell = defused(cell.as_ref());
        if cell.contains(['"', ',', '\n', '\r']) {
            piece.push(b'"');
            piece.extend_from_slice(cell.replace('"', "\"\"").as_bytes());
            piece.push(b'"');
        } else {
            piece.extend_from_slice(cell.as_bytes());
        }
    }
    piece.extend_from_slice(b"\r\n");
}

/// Spreadsheets take what begins so for a formula, and run it.
fn defused(cell: &str) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{cell}") } else { cell.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seed_s57_a_cell_never_becomes_a_formula() {
        for (cell, shown) in [
            ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM", "'@SUM"),
            ("\tx", "'\tx"),
            ("plain = text", "plain = text"),
            ("", ""),
        ] {
            assert_eq!(defused(cell), shown);
        }
        let mut piece = Vec::new();
        table_row(&mut piece, &["a,b", "say \"x\"", "=1\n2", ""]);
        assert_eq!(String::from_utf8(piece).unwrap(), "\"a,b\",\"say \"\"x\"\"\",\"'=1\n2\",\r\n");
    }
}

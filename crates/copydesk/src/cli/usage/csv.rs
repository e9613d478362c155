//! Comma-separated values as RFC 4180 has them: lines end in CR LF, what needs it is quoted, an absent value is empty. A
//! text that a spreadsheet would run as a formula is preceded by an apostrophe.

use super::sink::{Column, Kind, broken};
use crate::exit::Failure;
use serde_json::Value;
use std::io::Write;

pub struct Csv<W> {
    to: W,
    columns: Vec<Column>,
}

impl<W: Write> Csv<W> {
    pub fn new(mut to: W, columns: Vec<Column>) -> Result<Csv<W>, Failure> {
        let headings: Vec<String> = columns.iter().map(|column| quoted(&column.name)).collect();
        write!(to, "{}\r\n", headings.join(",")).map_err(broken)?;
        Ok(Csv { to, columns })
    }

    pub fn rows(&mut self, rows: &[Value]) -> Result<(), Failure> {
        for row in rows {
            let cells: Vec<String> = self.columns.iter().map(|column| cell(row, column)).collect();
            write!(self.to, "{}\r\n", cells.join(",")).map_err(broken)?;
        }
        Ok(())
    }

    pub fn finish(mut self) -> Result<(), Failure> {
        self.to.flush().map_err(broken)
    }
}

fn cell(row: &Value, column: &Column) -> String {
    match row.pointer(&column.pointer) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) if column.kind == Kind::Text && starts_a_formula(text) => quoted(&format!("'{text}")),
        Some(Value::String(text)) => quoted(text),
        Some(other) => quoted(&other.to_string()),
    }
}

fn starts_a_formula(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@', '\t', '\r'])
}

fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\r', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_needs_it_is_quoted_and_what_is_absent_is_empty() {
        let column = |name: &str, kind| Column { name: name.to_owned(), pointer: format!("/{name}"), kind };
        let columns = vec![column("a", Kind::Text), column("b", Kind::Integer), column("c", Kind::Text)];
        let mut bytes = Vec::new();
        let mut csv = Csv::new(&mut bytes, columns).unwrap();
        let rows = [json!({"a": "x,\"y\"\nz", "b": 7, "c": null}), json!({"a": "=1+1", "b": -3}), json!({"a": "é"})];
        csv.rows(&rows).unwrap();
        csv.finish().unwrap();
        let expected = "a,b,c\r\n\"x,\"\"y\"\"\nz\",7,\r\n'=1+1,-3,\r\né,,\r\n";
        assert_eq!(String::from_utf8(bytes).unwrap(), expected);
    }
}

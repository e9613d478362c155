//! Where items come from: a list, lines of JSON, or a table. Each is read row by row, so that a large file is never in
//! memory. A row that cannot be read is a fault with its line, and the rows after it are read all the same.

use super::item::{FIELDS, Item};
use crate::error::Fault;
use crate::prospects::drafting::Page;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tokio::sync::mpsc;

/// The longest line of JSON. Units: bytes.
const LINE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// One item as it was found: where, and what it says or what is wrong.
pub struct Found {
    /// The line of the file, from 1; for a list the place in it, from 0.
    pub line: u64,
    pub item: Result<Item, Vec<Fault>>,
}

/// Reads item after item. An error ends it: the bytes could not be read at all.
pub type Rows = Box<dyn Iterator<Item = std::io::Result<Found>> + Send>;

pub enum Source {
    List(Vec<Value>),
    /// Read elsewhere, page by page, while these are taken in.
    Read(mpsc::Receiver<Page>),
    /// One JSON object a line; empty lines are passed over.
    Lines(Box<dyn Read + Send>),
    /// The same, but what stands in a line is the input itself.
    Inputs(Box<dyn Read + Send>),
    /// A table with a header row (RFC 4180).
    Table {
        reader: Box<dyn Read + Send>,
        columns: Columns,
    },
}

/// How the columns of a table are read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Columns {
    pub delimiter: u8,
    /// From field (`input.topic`, `external_id`) to the name of a column. A column that nobody names is `input.<its name>`,
    /// or the field of an item it is called by.
    pub names: BTreeMap<String, String>,
    /// How the values of an input field are read: its types by the recipe's schema.
    pub types: BTreeMap<String, Kind>,
}

impl Default for Columns {
    fn default() -> Columns {
        Columns { delimiter: b',', names: BTreeMap::new(), types: BTreeMap::new() }
    }
}

/// What a cell of text becomes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Text,
    Integer,
    Number,
    Boolean,
    /// Lists and objects: JSON in the cell; for a list also words between semicolons.
    List,
    Json,
}

impl Kind {
    /// Of each property of a schema.
    pub fn of_schema(schema: &Value) -> BTreeMap<String, Kind> {
        let properties = schema.get("properties").and_then(Value::as_object);
        let kind = |of: &Value| match of.get("type").and_then(Value::as_str) {
            Some("integer") => Kind::Integer,
            Some("number") => Kind::Number,
            Some("boolean") => Kind::Boolean,
            Some("array") => Kind::List,
            Some("object") => Kind::Json,
            _ => Kind::Text,
        };
        properties.into_iter().flatten().map(|(name, of)| (name.clone(), kind(of))).collect()
    }

    /// What cannot be read so stays text, and the schema says what is wrong with it.
    fn read(self, cell: &str) -> Value {
        let text = || Value::from(cell);
        match self {
            Kind::Text => text(),
            Kind::Integer => cell.trim().parse::<i64>().map_or_else(|_| text(), Value::from),
            Kind::Number => cell.trim().parse::<f64>().map_or_else(|_| text(), Value::from),
            Kind::Boolean => match cell.trim().to_ascii_lowercase().as_str() {
                "true" | "yes" | "1" => true.into(),
                "false" | "no" | "0" => false.into(),
                _ => text(),
            },
            Kind::Json => serde_json::from_str(cell).unwrap_or_else(|_| text()),
            Kind::List => match serde_json::from_str::<Value>(cell) {
                Ok(list @ Value::Array(_)) => list,
                Ok(_) | Err(_) => {
                    cell.split(';').map(str::trim).filter(|part| !part.is_empty()).map(Value::from).collect()
                }
            },
        }
    }
}

impl Source {
    pub fn rows(self) -> Rows {
        match self {
            Source::List(items) => {
                let found = |(place, value)| Ok(Found { line: place as u64, item: Item::read(value) });
                Box::new(items.into_iter().enumerate().map(found))
            }
            Source::Read(pages) => Box::new(Pages { pages, page: Vec::new().into_iter(), place: 0 }),
            Source::Lines(reader) => Box::new(Lines { reader: BufReader::new(reader), line: 0, read: Item::read }),
            Source::Inputs(reader) => Box::new(Lines { reader: BufReader::new(reader), line: 0, read: input_alone }),
            Source::Table { reader, columns } => Box::new(Table::new(reader, columns)),
        }
    }

    /// Whether `line` is a line, and not a place in a list.
    pub fn has_lines(&self) -> bool {
        !matches!(self, Source::List(_) | Source::Read(_))
    }
}

struct Pages {
    pages: mpsc::Receiver<Page>,
    page: std::vec::IntoIter<Item>,
    place: u64,
}

impl Iterator for Pages {
    type Item = std::io::Result<Found>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(item) = self.page.next() {
                self.place += 1;
                return Some(Ok(Found { line: self.place - 1, item: Ok(item) }));
            }
            match self.pages.blocking_recv()? {
                Ok(page) => self.page = page.into_iter(),
                Err(why) => return Some(Err(std::io::Error::other(why))),
            }
        }
    }
}

struct Lines {
    reader: BufReader<Box<dyn Read + Send>>,
    line: u64,
    read: fn(Value) -> Result<Item, Vec<Fault>>,
}

fn input_alone(input: Value) -> Result<Item, Vec<Fault>> {
    Ok(Item { input, ..Item::default() })
}

impl Iterator for Lines {
    type Item = std::io::Result<Found>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let mut text = Vec::new();
            match self.reader.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut text) {
                Ok(0) => return None,
                Ok(_) => self.line += 1,
                Err(error) => return Some(Err(error)),
            }
            if text.len() as u64 == LINE_BYTES_MAX && text.last() != Some(&b'\n') {
                let what = format!("line {} is longer than {LINE_BYTES_MAX} bytes", self.line);
                return Some(Err(std::io::Error::other(what)));
            }
            let text = if self.line == 1 { text.strip_prefix(BOM).unwrap_or(&text) } else { &text };
            if text.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let item = serde_json::from_slice(text)
                .map_err(|error| vec![Fault::new("", "malformed_json", format!("it is no JSON: {error}"))])
                .and_then(self.read);
            return Some(Ok(Found { line: self.line, item }));
        }
    }
}

/// What some programs begin a file with.
const BOM: &[u8] = b"\xef\xbb\xbf";

/// Passes bytes on, and looks how the first line of them ends.
struct Breaks {
    reader: Box<dyn Read + Send>,
    /// Until it is known.
    two: Option<Arc<AtomicBool>>,
    last: u8,
    /// Bytes read since the last row was complete: a quote that is never closed makes the rest of a file one cell.
    row_bytes: Arc<AtomicU64>,
}

impl Read for Breaks {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let read = self.reader.read(into)?;
        if self.row_bytes.fetch_add(read as u64, Ordering::Relaxed) > LINE_BYTES_MAX {
            let what = format!("a row is longer than {LINE_BYTES_MAX} bytes; is there a quote that is never closed?");
            return Err(std::io::Error::other(what));
        }
        if let Some(two) = &self.two {
            let piece = &into[..read];
            if let Some(at) = piece.iter().position(|byte| *byte == b'\n') {
                let before = at.checked_sub(1).map_or(self.last, |before| piece[before]);
                two.store(before == b'\r', Ordering::Relaxed);
                self.two = None;
            }
            self.last = piece.last().copied().unwrap_or(self.last);
        }
        Ok(read)
    }
}

struct Table {
    rows: csv::ByteRecordsIntoIter<Breaks>,
    /// Its lines end with two characters, of which the row before has eaten the first only.
    two: Arc<AtomicBool>,
    row_bytes: Arc<AtomicU64>,
    columns: Columns,
    /// The field each column fills.
    fields: Option<Result<Vec<String>, Vec<Fault>>>,
    over: bool,
}

impl Table {
    fn new(reader: Box<dyn Read + Send>, columns: Columns) -> Table {
        let two = Arc::new(AtomicBool::new(false));
        let row_bytes = Arc::new(AtomicU64::new(0));
        let reader = Breaks { reader, two: Some(Arc::clone(&two)), last: 0, row_bytes: Arc::clone(&row_bytes) };
        let reader = csv::ReaderBuilder::new()
            .delimiter(columns.delimiter)
            .has_headers(false)
            .flexible(true)
            .from_reader(reader);
        Table { rows: reader.into_byte_records(), two, row_bytes, columns, fields: None, over: false }
    }

    /// Which field each column of the header row fills.
    fn header(&self, row: &csv::ByteRecord) -> Result<Vec<String>, Vec<Fault>> {
        let names: Vec<String> = row
            .iter()
            .enumerate()
            .map(|(place, cell)| {
                let cell = if place == 0 { cell.strip_prefix(BOM).unwrap_or(cell) } else { cell };
                String::from_utf8_lossy(cell).trim().to_owned()
            })
            .collect();
        let mut faults = Vec::new();
        for (field, column) in &self.columns.names {
            if !names.contains(column) {
                let there = names.join(", ");
                let detail = format!("the table has no column {column:?}; it has {there}");
                faults.push(Fault::new(format!("/columns/{field}"), "unknown_column", detail));
            }
            let known =
                FIELDS.contains(&field.as_str()) || field.starts_with("input.") || field.starts_with("metadata.");
            if !known {
                let detail = "it must be input.<field>, metadata.<name> or a field of an item";
                faults.push(Fault::new(format!("/columns/{field}"), "unknown_field", detail));
            }
        }
        let named: BTreeMap<&String, &String> = self.columns.names.iter().map(|(field, name)| (name, field)).collect();
        let field = |name: String| match named.get(&name) {
            Some(field) => (*field).clone(),
            None if self.columns.types.contains_key(&name) => format!("input.{name}"),
            None if FIELDS.contains(&name.as_str()) || name.contains('.') => name,
            None => format!("input.{name}"),
        };
        if faults.is_empty() { Ok(names.into_iter().map(field).collect()) } else { Err(faults) }
    }

    fn item(&self, row: &csv::ByteRecord, fields: &[String]) -> Result<Item, Vec<Fault>> {
        if row.len() > fields.len() {
            let detail = format!("it has {} cells, and the header {}", row.len(), fields.len());
            return Err(vec![Fault::new("", "too_many_cells", detail)]);
        }
        let (mut input, mut metadata, mut item) = (Map::new(), Map::new(), Map::new());
        for (cell, field) in row.iter().zip(fields) {
            let cell = std::str::from_utf8(cell).map_err(|_| {
                vec![Fault::new(format!("/{field}"), "not_utf8", "it is no UTF-8: save the file as UTF-8")]
            })?;
            // An empty cell says nothing.
            if cell.is_empty() {
                continue;
            }
            if let Some(name) = field.strip_prefix("input.") {
                let kind = self.columns.types.get(name).copied().unwrap_or(Kind::Text);
                input.insert(name.to_owned(), kind.read(cell));
            } else if let Some(name) = field.strip_prefix("metadata.") {
                metadata.insert(name.to_owned(), cell.into());
            } else if ["input", "metadata", "params"].contains(&field.as_str()) {
                item.insert(field.clone(), Kind::Json.read(cell));
            } else if ["priority", "max_cost"].contains(&field.as_str()) {
                item.insert(field.clone(), Kind::Integer.read(cell));
            } else {
                item.insert(field.clone(), cell.into());
            }
        }
        item.entry("input").or_insert(Value::Object(input));
        if !metadata.is_empty() {
            item.entry("metadata").or_insert(Value::Object(metadata));
        }
        Item::read(Value::Object(item))
    }
}

impl Iterator for Table {
    type Item = std::io::Result<Found>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let row = match self.rows.next()? {
            Ok(row) => row,
            Err(error) => {
                self.over = true;
                return Some(Err(std::io::Error::other(error.to_string())));
            }
        };
        self.row_bytes.store(0, Ordering::Relaxed);
        let late = self.fields.is_some() && self.two.load(Ordering::Relaxed);
        let line = row.position().map_or(0, csv::Position::line) + u64::from(late);
        match &self.fields {
            None => {
                let fields = self.header(&row);
                if let Err(faults) = fields {
                    self.over = true;
                    return Some(Ok(Found { line, item: Err(faults) }));
                }
                self.fields = Some(fields);
                self.next()
            }
            Some(Ok(fields)) => Some(Ok(Found { line, item: self.item(&row, fields) })),
            Some(Err(_)) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn table(text: &str, columns: Columns) -> Vec<(u64, Result<Value, String>)> {
        let reader = Box::new(std::io::Cursor::new(text.to_owned()));
        seen(Source::Table { reader, columns })
    }

    fn seen(source: Source) -> Vec<(u64, Result<Value, String>)> {
        let rows = source.rows().map(|row| row.unwrap());
        rows.map(|Found { line, item }| {
            let said = item.map(|item| {
                let mut value: Value = serde_json::from_str(&item.to_text()).unwrap();
                if let Some(id) = item.custom_id {
                    value["custom_id"] = id.into();
                }
                value
            });
            (line, said.map_err(|faults| format!("{}: {}", faults[0].pointer, faults[0].code)))
        })
        .collect()
    }

    #[test]
    fn a_table_is_read_with_quotes_line_ends_and_a_mark_at_its_beginning() {
        let text = "\u{feff}custom_id,topic,metadata.source\r\nc1,\"tea, \"\"green\"\"\nand black\",web\r\nc2,,\r\nc3,x,y,z\r\n";
        assert_eq!(
            table(text, Columns::default()),
            [
                (
                    2,
                    Ok(
                        json!({"custom_id": "c1", "input": {"topic": "tea, \"green\"\nand black"}, "metadata": {"source": "web"}})
                    )
                ),
                (4, Ok(json!({"custom_id": "c2", "input": {}}))),
                (5, Err(": too_many_cells".to_owned())),
            ]
        );
    }

    #[test]
    fn columns_are_named_typed_and_missed() {
        let names = BTreeMap::from([("input.topic".to_owned(), "What".to_owned())]);
        let types = BTreeMap::from([("n".to_owned(), Kind::Integer), ("tags".to_owned(), Kind::List)]);
        let columns = Columns { delimiter: b';', names: names.clone(), types };
        let text = "What;n;tags;external_id\ntea;7;\"a; b\";p-1\ntea;many;\"[1]\";p-2\n";
        assert_eq!(
            table(text, columns),
            [
                (2, Ok(json!({"external_id": "p-1", "input": {"topic": "tea", "n": 7, "tags": ["a", "b"]}}))),
                (3, Ok(json!({"external_id": "p-2", "input": {"topic": "tea", "n": "many", "tags": [1]}}))),
            ]
        );
        let missed = table("topic\ntea\n", Columns { names, ..Columns::default() });
        assert_eq!(missed, [(1, Err("/columns/input.topic: unknown_column".to_owned()))]);
    }

    #[test]
    fn a_bad_line_is_named_and_those_behind_it_are_read() {
        let text = "\u{feff}{\"input\":{\"a\":1}}\n\n{\"input\":\n{\"input\":{\"a\":2}}";
        let source = Source::Lines(Box::new(std::io::Cursor::new(text.to_owned())));
        assert_eq!(
            seen(source),
            [
                (1, Ok(json!({"input": {"a": 1}}))),
                (3, Err(": malformed_json".to_owned())),
                (4, Ok(json!({"input": {"a": 2}}))),
            ]
        );
    }
}

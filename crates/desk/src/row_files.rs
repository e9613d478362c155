//! Files of people: read row by row in a thread, handed on in pieces. What is wrong with a row leaves that row out, with its
//! line and the reason, and the others go on. What a row means is said by whoever reads.

use crate::error::DeskError;
use crate::jobs::item::FIELDS;
use crate::jobs::source::{Columns, Found, Kind, Source};
use copydesk_store::StoreError;
use copydesk_store::prospects::Skip;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashMap};
use std::io::Read;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// How many rows one file may have.
pub const ROWS_MAX: u64 = 200_000;
/// How many of the rows that are left out an answer names.
pub const NAMED_MAX: usize = 100;
/// How many rows are written in one transaction.
const PIECE: usize = 1_000;
/// How many pieces may wait for the store before reading waits.
const PIECES: usize = 2;
/// The most of a row that is kept of one that is left out. Units: characters.
const ROW_CHARS_MAX: usize = 4_000;

/// How the bytes are read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// A table whose cells stand between these.
    Table(u8),
    /// One JSON object a line.
    Lines,
}

/// What the rows of a file are.
pub(crate) trait Rows: Send + 'static {
    type Row: Send + 'static;
    /// What one is called.
    const WHAT: &'static str;

    /// Errors: code and detail.
    fn read(&self, row: &Map<String, Value>) -> Result<Self::Row, (String, String)>;

    /// What makes two rows one.
    fn identity(&self, row: &Self::Row) -> String;
}

/// Rows that were read together.
pub(crate) struct Piece<R> {
    pub rows: Vec<R>,
    pub skips: Vec<Skip>,
    pub is_last: bool,
}

/// A file that is being read.
pub(crate) struct Reading<R> {
    pieces: mpsc::Receiver<Piece<R>>,
    thread: JoinHandle<Result<(), DeskError>>,
}

impl<R: Send + 'static> Reading<R> {
    pub fn of<T: Rows<Row = R>>(rows: T, source: Source) -> Reading<R> {
        let (sender, pieces) = mpsc::channel(PIECES);
        let thread = tokio::task::spawn_blocking(move || Reader::new(rows, sender).read(source));
        Reading { pieces, thread }
    }

    pub async fn next(&mut self) -> Option<Piece<R>> {
        self.pieces.recv().await
    }

    /// Errors: `stopped`, or else what ended the reading.
    pub async fn end(mut self, stopped: Option<DeskError>) -> Result<(), DeskError> {
        // The reader finds nobody who takes the next piece.
        self.pieces.close();
        let read =
            self.thread.await.map_err(|error| StoreError::Corrupt(format!("reading a file of rows broke: {error}")))?;
        stopped.map_or(read, Err)
    }
}

struct Reader<T: Rows> {
    what: T,
    pieces: mpsc::Sender<Piece<T::Row>>,
    rows: Vec<T::Row>,
    skips: Vec<Skip>,
    /// What was there before, and its line.
    seen: HashMap<String, u64>,
}

impl<T: Rows> Reader<T> {
    fn new(what: T, pieces: mpsc::Sender<Piece<T::Row>>) -> Reader<T> {
        Reader { what, pieces, rows: Vec::new(), skips: Vec::new(), seen: HashMap::new() }
    }

    fn read(mut self, source: Source) -> Result<(), DeskError> {
        let mut read = 0;
        for found in source.rows() {
            let unreadable = |error| DeskError::invalid("/", "unreadable", format!("reading stopped: {error}"));
            let Found { line, item } = found.map_err(unreadable)?;
            read += 1;
            if read > ROWS_MAX {
                let detail = format!("a file may have at most {ROWS_MAX} rows: cut it into several");
                return Err(DeskError::invalid("/", "too_many", detail));
            }
            match item {
                Ok(item) => self.take(line, item.input),
                // A table whose header is wrong has no rows that could be right.
                Err(faults) if faults.iter().any(|fault| fault.pointer.starts_with("/columns/")) => {
                    return Err(DeskError::Invalid(faults));
                }
                Err(faults) => {
                    let first = faults.into_iter().next();
                    let (code, detail) = first.map(|fault| (fault.code, fault.detail)).unwrap_or_default();
                    self.skip(line, code, detail, &Value::Null);
                }
            }
            if self.rows.len() + self.skips.len() >= PIECE && !self.hand_on(false) {
                return Ok(());
            }
        }
        if read == 0 {
            let detail = "there are no rows in it: a table begins with a row of names, JSON has one object a line";
            return Err(DeskError::invalid("/", "required", detail));
        }
        self.hand_on(true);
        Ok(())
    }

    /// Whether anybody takes more.
    fn hand_on(&mut self, is_last: bool) -> bool {
        let (rows, skips) = (std::mem::take(&mut self.rows), std::mem::take(&mut self.skips));
        self.pieces.blocking_send(Piece { rows, skips, is_last }).is_ok()
    }

    fn take(&mut self, line: u64, row: Value) {
        let Value::Object(said) = &row else {
            self.skip(line, "wrong_type".to_owned(), "a line is an object of fields and values".to_owned(), &row);
            return;
        };
        match self.what.read(said) {
            Ok(read) => self.keep(line, read, &row),
            Err((code, detail)) => self.skip(line, code, detail, &row),
        }
    }

    fn keep(&mut self, line: u64, read: T::Row, row: &Value) {
        let identity = self.what.identity(&read);
        match self.seen.get(&identity) {
            Some(first) => {
                let detail = format!("line {first} is the same {} ({identity})", T::WHAT);
                self.skip(line, "duplicate_row".to_owned(), detail, row);
            }
            None => {
                self.seen.insert(identity, line);
                self.rows.push(read);
            }
        }
    }

    fn skip(&mut self, line: u64, code: String, detail: String, row: &Value) {
        let row = row.to_string().chars().take(ROW_CHARS_MAX).collect();
        self.skips.push(Skip { line, code, detail, row });
    }
}

/// Rows whose inputs are what their columns say. `columns` go from a field to the name of the column that fills it.
pub(crate) fn source(
    format: Format,
    columns: &BTreeMap<String, String>,
    fields: impl Iterator<Item = &'static str>,
    reader: Box<dyn Read + Send>,
) -> Source {
    match format {
        Format::Lines => Source::Inputs(reader),
        Format::Table(delimiter) => {
            let names = columns.iter().map(|(field, column)| (format!("input.{field}"), column.clone()));
            // Also what is a field of a job's item elsewhere is a column like any other here.
            let texts = fields.chain(FIELDS).map(|field| (field.to_owned(), Kind::Text));
            let types = texts.chain([("facts".to_owned(), Kind::Json)]).collect();
            Source::Table { reader, columns: Columns { delimiter, names: names.collect(), types } }
        }
    }
}

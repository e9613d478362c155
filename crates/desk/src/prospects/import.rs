//! Files of prospects: read row by row in a thread, written in pieces. What is wrong with a row leaves that row out, with its
//! line and the reason, and the others go on. Reading the same file twice changes nothing.

use crate::desk::Desk;
use crate::error::DeskError;
use crate::jobs::item::FIELDS;
use crate::jobs::source::{Columns, Found, Kind, Source};
use copydesk_core::metering::cuts::Zone;
use copydesk_core::prospect::{BadFact, Edit, Facts, Field, VERIFICATION, read_row};
use copydesk_core::{ImportId, ProspectId, Timestamp};
use copydesk_store::prospects::{
    ImportCounts, ImportPiece, ImportRow, Known, Names, NewProspect, Skip, UndoImport, WriteProspects, decide,
};
use copydesk_store::{Scope, StoreError};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::io::Read;
use tokio::sync::mpsc;

/// How many rows one file may have.
pub const ROWS_MAX: u64 = 200_000;
/// How many of the rows that are left out an answer names; all are kept with the import.
pub const NAMED_MAX: usize = 100;
/// How many rows are written in one transaction.
const PIECE: usize = 1_000;
/// How many pieces may wait for the store before reading waits.
const PIECES: usize = 2;
/// The most of a row that is kept of one that is left out. Units: characters.
const ROW_CHARS_MAX: usize = 4_000;
/// How many prospects one transaction of an undo removes.
const UNDO_SLICE: u32 = 1_000;

/// How the bytes are read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// A table whose cells stand between these.
    Table(u8),
    /// One JSON object a line.
    Lines,
}

/// What holds for all rows.
#[derive(Clone, Debug)]
pub struct Terms {
    pub scope: Scope,
    pub name: Option<String>,
    pub format: Format,
    /// From a field of a prospect to the name of the column that fills it.
    pub columns: BTreeMap<String, String>,
    /// The zone of times that name none; without it they are refused.
    pub assume_tz: Option<Zone>,
    /// For rows that do not say otherwise.
    pub usual: Edit,
    /// Whether rows without an address are left out.
    pub needs_email: bool,
    pub known: Known,
}

/// What an import did, or would do.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Outcome {
    /// `None` where nothing was to be written.
    pub import: Option<ImportRow>,
    pub counts: ImportCounts,
    /// The first [`NAMED_MAX`] that were left out.
    pub skips: Vec<Skip>,
    /// How many were left out for what reason.
    pub reasons: BTreeMap<String, u64>,
}

/// Rows that were read together.
struct Piece {
    rows: Vec<Edit>,
    skips: Vec<Skip>,
    is_last: bool,
}

impl Desk {
    /// Writes what the file says.
    ///
    /// Errors: bytes that cannot be read any further. What was read before stays, and can be undone.
    pub async fn import_prospects(&self, terms: Terms, reader: Box<dyn Read + Send>) -> Result<Outcome, DeskError> {
        let now = self.inner.now();
        let import = ImportId(self.inner.world.uuid(now));
        self.read_prospects(terms, reader, Some((import, now))).await
    }

    /// What [`Desk::import_prospects`] would do.
    pub async fn dry_import(&self, terms: Terms, reader: Box<dyn Read + Send>) -> Result<Outcome, DeskError> {
        self.read_prospects(terms, reader, None).await
    }

    /// Removes what an import made, nobody has changed since and has no draft. What it changed stays as it is.
    pub async fn undo_import(&self, scope: Scope, import: ImportId) -> Result<ImportRow, DeskError> {
        let at = self.inner.now();
        loop {
            let undone = self.store().undo_import(UndoImport { scope, import, at, limit: UNDO_SLICE }).await?;
            if !undone.more {
                return Ok(undone.row);
            }
        }
    }

    async fn read_prospects(
        &self,
        terms: Terms,
        reader: Box<dyn Read + Send>,
        import: Option<(ImportId, Timestamp)>,
    ) -> Result<Outcome, DeskError> {
        let (sender, mut pieces) = mpsc::channel(PIECES);
        let reading = {
            let terms = terms.clone();
            tokio::task::spawn_blocking(move || Reader::new(terms, sender).read(reader))
        };
        let (mut outcome, mut stopped) = (Outcome::default(), None);
        while let Some(piece) = pieces.recv().await {
            if let Err(error) = self.take_piece(&terms, piece, import, &mut outcome).await {
                // The reader finds nobody who takes the next piece.
                pieces.close();
                stopped = Some(error);
                break;
            }
        }
        let read = reading
            .await
            .map_err(|error| StoreError::Corrupt(format!("reading a file of prospects broke: {error}")))?;
        if let Some(error) = stopped {
            return Err(error);
        }
        read?;
        if let Some((import, _)) = import {
            outcome.import = Some(self.store().import(terms.scope, import).await?);
        }
        Ok(outcome)
    }

    async fn take_piece(
        &self,
        terms: &Terms,
        piece: Piece,
        import: Option<(ImportId, Timestamp)>,
        outcome: &mut Outcome,
    ) -> Result<(), DeskError> {
        let Piece { rows, skips, is_last } = piece;
        outcome.counts.skipped += skips.len() as u64;
        for skip in &skips {
            *outcome.reasons.entry(skip.code.clone()).or_default() += 1;
        }
        outcome.skips.extend(skips.iter().take(NAMED_MAX.saturating_sub(outcome.skips.len())).cloned());
        let now = self.inner.now();
        // In the order of the file, which is the order they are listed in.
        let mut ids: Vec<ProspectId> = rows.iter().map(|_| ProspectId(self.inner.world.uuid(now))).collect();
        ids.sort();
        let mut write = WriteProspects {
            scope: terms.scope,
            at: now,
            rows: ids.into_iter().zip(rows).map(|(id, edit)| NewProspect { id, edit }).collect(),
            known: terms.known,
            import: None,
        };
        let written = match import {
            Some((id, started_at)) => {
                write.import = Some(ImportPiece { id, name: terms.name.clone(), started_at, skips, is_last });
                self.store().write_prospects(write).await?
            }
            None => {
                let identity = |new: &NewProspect| Facts::default().edited(&new.edit).identity();
                let names = Names { ids: vec![], identities: write.rows.iter().map(identity).collect() };
                let found = self.store().find_prospects(terms.scope, names).await?;
                let found: HashMap<String, _> = found.into_iter().map(|row| (row.facts.identity(), row)).collect();
                write.rows.iter().map(|new| decide(&write, new, found.get(&identity(new)))).collect()
            }
        };
        outcome.counts.add(&written);
        Ok(())
    }
}

struct Reader {
    terms: Terms,
    pieces: mpsc::Sender<Piece>,
    rows: Vec<Edit>,
    skips: Vec<Skip>,
    /// Hashes of what was there before, and its line.
    seen: HashMap<String, u64>,
}

impl Reader {
    fn new(terms: Terms, pieces: mpsc::Sender<Piece>) -> Reader {
        Reader { terms, pieces, rows: Vec::new(), skips: Vec::new(), seen: HashMap::new() }
    }

    fn read(mut self, reader: Box<dyn Read + Send>) -> Result<(), DeskError> {
        let mut read = 0;
        for found in source(&self.terms, reader).rows() {
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
        let edit = read_row(said.clone(), self.terms.assume_tz.as_ref()).map(Edit::telling);
        let edit = edit.and_then(|edit| self.checked(edit));
        match edit {
            Ok(edit) => self.keep(line, edit, &row),
            Err(bad) => {
                let code = bad.first().map_or("invalid", |bad| bad.code).to_owned();
                let told = |bad: &BadFact| match bad.field.as_str() {
                    "" => bad.detail.clone(),
                    field => format!("{field}: {}", bad.detail),
                };
                let detail = bad.iter().map(told).collect::<Vec<_>>().join("; ");
                self.skip(line, code, detail, &row);
            }
        }
    }

    /// With what holds for all rows, and whole.
    fn checked(&self, edit: Edit) -> Result<Edit, Vec<BadFact>> {
        let mut whole = self.terms.usual.clone();
        whole.texts.extend(edit.texts);
        whole.more.extend(edit.more);
        whole.verification = edit.verification.or(whole.verification);
        let facts = Facts::default().edited(&whole);
        let mut faults = facts.faults();
        if self.terms.needs_email && facts.text(Field::ContactEmail).is_none() {
            let field = Field::ContactEmail.as_str().to_owned();
            let detail = "it is empty, and nobody can be written to without one".to_owned();
            faults.insert(0, BadFact { field, code: "no_email", detail });
        }
        if faults.is_empty() { Ok(whole) } else { Err(faults) }
    }

    fn keep(&mut self, line: u64, edit: Edit, row: &Value) {
        let identity = Facts::default().edited(&edit).identity();
        match self.seen.get(&identity) {
            Some(first) => {
                let detail = format!("line {first} is the same prospect ({identity})");
                self.skip(line, "duplicate_row".to_owned(), detail, row);
            }
            None => {
                self.seen.insert(identity, line);
                self.rows.push(edit);
            }
        }
    }

    fn skip(&mut self, line: u64, code: String, detail: String, row: &Value) {
        let row = row.to_string().chars().take(ROW_CHARS_MAX).collect();
        self.skips.push(Skip { line, code, detail, row });
    }
}

/// Rows whose inputs are what their columns say.
fn source(terms: &Terms, reader: Box<dyn Read + Send>) -> Source {
    match terms.format {
        Format::Lines => Source::Inputs(reader),
        Format::Table(delimiter) => {
            let names = terms.columns.iter().map(|(field, column)| (format!("input.{field}"), column.clone()));
            // Also what is a field of a job's item elsewhere is a column like any other here.
            let fields = Field::ALL.map(Field::as_str).into_iter().chain([VERIFICATION]).chain(FIELDS);
            let texts = fields.map(|field| (field.to_owned(), Kind::Text));
            let types = texts.chain([("facts".to_owned(), Kind::Json)]).collect();
            Source::Table { reader, columns: Columns { delimiter, names: names.collect(), types } }
        }
    }
}

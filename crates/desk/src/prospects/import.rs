//! Files of prospects: read row by row in a thread, written in pieces. What is wrong with a row leaves that row out, with its
//! line and the reason, and the others go on. Reading the same file twice changes nothing.

use crate::desk::Desk;
use crate::error::DeskError;
use crate::row_files::{Piece, Reading, Rows, source};
use copydesk_core::metering::cuts::Zone;
use copydesk_core::prospect::{BadFact, Edit, Facts, Field, VERIFICATION, read_row};
use copydesk_core::{ImportId, ProspectId, Timestamp};
use copydesk_store::Scope;
use copydesk_store::prospects::{
    ImportCounts, ImportPiece, ImportRow, Known, Names, NewProspect, Skip, UndoImport, WriteProspects, decide,
};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashMap};
use std::io::Read;

pub use crate::row_files::{Format, NAMED_MAX, ROWS_MAX};

/// How many prospects one transaction of an undo removes.
const UNDO_SLICE: u32 = 1_000;

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
        let fields = Field::ALL.map(Field::as_str).into_iter().chain([VERIFICATION]);
        let source = source(terms.format, &terms.columns, fields, reader);
        let mut reading = Reading::of(terms.clone(), source);
        let (mut outcome, mut stopped) = (Outcome::default(), None);
        while let Some(piece) = reading.next().await {
            if let Err(error) = self.take_piece(&terms, piece, import, &mut outcome).await {
                stopped = Some(error);
                break;
            }
        }
        reading.end(stopped).await?;
        if let Some((import, _)) = import {
            outcome.import = Some(self.store().import(terms.scope, import).await?);
        }
        Ok(outcome)
    }

    async fn take_piece(
        &self,
        terms: &Terms,
        piece: Piece<Edit>,
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

impl Rows for Terms {
    type Row = Edit;
    const WHAT: &'static str = "prospect";

    fn read(&self, row: &Map<String, Value>) -> Result<Edit, (String, String)> {
        let edit = read_row(row.clone(), self.assume_tz.as_ref()).map(Edit::telling);
        edit.and_then(|edit| self.checked(edit)).map_err(|bad| {
            let code = bad.first().map_or("invalid", |bad| bad.code).to_owned();
            let told = |bad: &BadFact| match bad.field.as_str() {
                "" => bad.detail.clone(),
                field => format!("{field}: {}", bad.detail),
            };
            (code, bad.iter().map(told).collect::<Vec<_>>().join("; "))
        })
    }

    fn identity(&self, row: &Edit) -> String {
        Facts::default().edited(row).identity()
    }
}

impl Terms {
    /// With what holds for all rows, and whole.
    fn checked(&self, edit: Edit) -> Result<Edit, Vec<BadFact>> {
        let mut whole = self.usual.clone();
        whole.texts.extend(edit.texts);
        whole.more.extend(edit.more);
        whole.verification = edit.verification.or(whole.verification);
        let facts = Facts::default().edited(&whole);
        let mut faults = facts.faults();
        if self.needs_email && facts.text(Field::ContactEmail).is_none() {
            let field = Field::ContactEmail.as_str().to_owned();
            let detail = "it is empty, and nobody can be written to without one".to_owned();
            faults.insert(0, BadFact { field, code: "no_email", detail });
        }
        if faults.is_empty() { Ok(whole) } else { Err(faults) }
    }
}

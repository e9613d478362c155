//! Prospects and their imports. What a write makes of each row is decided by [`copydesk_store::prospects::decide`]; the one
//! writer lets nobody between the look and the write.

use crate::codec;
use crate::db::{Db, ordered, sql};
use crate::fault::{Done, Fault};
use crate::open::SqliteStore;
use crate::page::{self, Cut};
use copydesk_core::draft::{DraftStatus, Review};
use copydesk_core::prospect::{Facts, Field, Rule, Standing, Tally, Verification, draft_name};
use copydesk_core::refusal::Refusal;
use copydesk_core::{DraftId, GenerationId, ImportId, ProspectId, Timestamp, WorkspaceId};
use copydesk_store::prospects::{
    DraftOf, ImportCounts, ImportPiece, ImportRow, JudgeProspects, LetterSent, Listed, Names, ProspectChange,
    ProspectCut, ProspectFilter, ProspectRow, ProspectSetting, Skip, UndoImport, Undone, WriteProspects, Written,
    changed, decide, last_of_each, no_import, no_prospect,
};
use copydesk_store::{Answer, ImportStore, Page, PageRequest, ProspectStore, Scope};
use rusqlite::{Row, params};

impl ProspectStore for SqliteStore {
    fn prospect(&self, scope: Scope, id: ProspectId) -> Answer<'_, Listed> {
        Box::pin(self.read(move |db| {
            let params = [scope.workspace.0.as_bytes(), id.0.as_bytes()];
            db.first(sql!("prospects/get"), params, listed)?.ok_or_else(|| no_prospect(id).into())
        }))
    }

    fn find_prospects(&self, scope: Scope, names: Names) -> Answer<'_, Vec<ProspectRow>> {
        Box::pin(self.read(move |db| {
            let mut rows = Vec::new();
            for id in names.ids {
                rows.extend(by_id(db, scope, id)?);
            }
            for identity in names.identities {
                rows.extend(by_identity(db, scope, &identity)?);
            }
            rows.sort_by_key(|row| row.id);
            rows.dedup_by_key(|row| row.id);
            Ok(rows)
        }))
    }

    fn prospects(&self, scope: Scope, filter: ProspectFilter, page: PageRequest) -> Answer<'_, Page<Listed>> {
        Box::pin(self.read(move |db| {
            let cut = Cut::new::<ProspectId>(&page, |id| id.0)?;
            let params = params![
                scope.workspace.0.as_bytes(),
                cut.after.as_bytes(),
                filter.verification.map(Verification::as_str),
                filter.source_type,
                filter.category,
                filter.has_email,
                filter.import.map(|import| *import.0.as_bytes()),
                filter.stage.map(|stage| stage as i64),
                filter.sent_before.map(Timestamp::micros),
                filter.answered,
                cut.limit,
            ];
            let rows = db.all(ordered!(cut, "prospects/list"), params, listed)?;
            Ok(page::cut(rows, page.limit, |listed| listed.row.id.to_string()))
        }))
    }

    fn cut_prospects(&self, scope: Scope, skip: u32, limit: u32) -> Answer<'_, ProspectCut> {
        Box::pin(self.read(move |db| {
            let workspace = scope.workspace.0.as_bytes();
            let rows = db.all(sql!("prospects/cut"), params![workspace, limit, skip], listed)?;
            let total = db.number(sql!("prospects/total"), [workspace])?;
            Ok(ProspectCut { rows, total: total.unsigned_abs() })
        }))
    }

    fn tally_prospects(&self, scope: Scope, filter: ProspectFilter, rule: Rule) -> Answer<'_, Tally> {
        Box::pin(self.read(move |db| tally(db, scope, &filter, &rule)))
    }

    fn write_prospects(&self, write: WriteProspects) -> Answer<'_, Vec<Written>> {
        let bytes = write.rows.iter().map(|row| format!("{:?}", row.edit.more).len()).sum();
        Box::pin(self.write(bytes, move |session| put_all(session.db, &write)))
    }

    fn change_prospect(&self, change: ProspectChange) -> Answer<'_, ProspectRow> {
        Box::pin(self.write(0, move |session| change_one(session.db, &change)))
    }

    fn judge_prospects(&self, judge: JudgeProspects) -> Answer<'_, u64> {
        Box::pin(self.write(0, move |session| {
            let rows = judge.verdicts.iter().map(|(id, _, _)| by_id(session.db, judge.scope, *id));
            let rows = rows.filter_map(Result::transpose).collect::<Done<Vec<_>>>()?;
            let changes = judge.changes(rows);
            changes.iter().try_for_each(|row| put(session.db, row, None))?;
            Ok(changes.len() as u64)
        }))
    }

    fn letters_sent(&self, scope: Scope, to: Vec<ProspectId>) -> Answer<'_, Vec<LetterSent>> {
        Box::pin(self.read(move |db| {
            let mut letters = Vec::new();
            for prospect in to {
                let params = [scope.workspace.0.as_bytes(), prospect.0.as_bytes()];
                letters.extend(db.all(sql!("prospects/letters"), params, letter)?);
            }
            Ok(last_of_each(letters))
        }))
    }
}

impl ImportStore for SqliteStore {
    fn import(&self, scope: Scope, id: ImportId) -> Answer<'_, ImportRow> {
        Box::pin(self.read(move |db| get_import(db, scope, id)))
    }

    fn imports(&self, scope: Scope, page: PageRequest) -> Answer<'_, Page<ImportRow>> {
        Box::pin(self.read(move |db| {
            let cut = Cut::new::<ImportId>(&page, |id| id.0)?;
            let params = params![scope.workspace.0.as_bytes(), cut.after.as_bytes(), cut.limit];
            let rows = db.all(ordered!(cut, "imports/list"), params, import_row)?;
            Ok(page::cut(rows, page.limit, |row| row.id.to_string()))
        }))
    }

    fn import_skips(&self, scope: Scope, id: ImportId, page: PageRequest) -> Answer<'_, Page<Skip>> {
        Box::pin(self.read(move |db| {
            get_import(db, scope, id)?;
            let cut = Cut::of_numbers(&page)?;
            let rows =
                db.all(ordered!(cut, "imports/skips"), params![id.0.as_bytes(), cut.after, cut.limit], |row| {
                    let (code, detail) = (row.get("code")?, row.get("detail")?);
                    Ok(Skip { line: codec::unsigned(row, "line")?, code, detail, row: row.get("row")? })
                })?;
            Ok(page::cut(rows, page.limit, |skip| skip.line.to_string()))
        }))
    }

    fn undo_import(&self, undo: UndoImport) -> Answer<'_, Undone> {
        Box::pin(self.write(0, move |session| {
            let db = session.db;
            let UndoImport { scope, import, at, limit } = undo;
            get_import(db, scope, import)?;
            let (workspace, id) = (scope.workspace.0.as_bytes(), import.0.as_bytes());
            let params = params![at.micros(), workspace, id, FIRST_REVISION, limit];
            let removed = db.execute(sql!("imports/undo"), params)?;
            db.execute(sql!("imports/undone"), params![removed as i64, at.micros(), workspace, id])?;
            Ok(Undone { row: get_import(db, scope, import)?, more: removed == limit as usize })
        }))
    }
}

/// Of a prospect that nobody has changed, without what the domain check wrote.
const FIRST_REVISION: i64 = 1;

fn by_id(db: Db<'_>, scope: Scope, id: ProspectId) -> Done<Option<ProspectRow>> {
    db.first(sql!("prospects/find_id"), [scope.workspace.0.as_bytes(), id.0.as_bytes()], prospect_row)
}

fn by_identity(db: Db<'_>, scope: Scope, identity: &str) -> Done<Option<ProspectRow>> {
    db.first(sql!("prospects/find_identity"), params![scope.workspace.0.as_bytes(), identity], prospect_row)
}

fn put_all(db: Db<'_>, write: &WriteProspects) -> Done<Vec<Written>> {
    let mut all = Vec::with_capacity(write.rows.len());
    for new in &write.rows {
        let found = by_identity(db, write.scope, &Facts::default().edited(&new.edit).identity())?;
        let written = decide(write, new, found.as_ref());
        match &written {
            Written::Created(row) => insert(db, row)?,
            Written::Updated(row) => put(db, row, None)?,
            Written::Unchanged(_) => {}
        }
        all.push(written);
    }
    if let Some(import) = &write.import {
        count(db, write, import, &all)?;
    }
    Ok(all)
}

fn count(db: Db<'_>, write: &WriteProspects, import: &ImportPiece, all: &[Written]) -> Done<()> {
    let id = import.id.0.as_bytes();
    for skip in &import.skips {
        let params = params![id, codec::signed(skip.line), skip.code, skip.detail, skip.row];
        db.execute(sql!("imports/skip"), params)?;
    }
    let mut counts = ImportCounts { skipped: import.skips.len() as u64, ..ImportCounts::default() };
    counts.add(all);
    let params = params![
        write.scope.workspace.0.as_bytes(),
        id,
        import.name,
        codec::signed(counts.created),
        codec::signed(counts.updated),
        codec::signed(counts.unchanged),
        codec::signed(counts.skipped),
        import.started_at.micros(),
        import.is_last.then_some(write.at.micros()),
    ];
    db.execute(sql!("imports/add"), params)?;
    Ok(())
}

fn change_one(db: Db<'_>, change: &ProspectChange) -> Done<ProspectRow> {
    let row = by_id(db, change.scope, change.prospect)?.ok_or_else(|| Fault::Store(no_prospect(change.prospect)))?;
    if change.revision.is_some_and(|seen| seen != row.revision) {
        return Err(Refusal::VersionConflict { current: row.revision }.into());
    }
    match &change.to {
        ProspectSetting::Delete => {
            let after = ProspectRow { revision: row.revision + 1, updated_at: change.at, ..row };
            put(db, &after, Some(change.at))?;
            Ok(after)
        }
        ProspectSetting::Edit(edit) => {
            let Some(after) = changed(&row, edit, change.at) else { return Ok(row) };
            let double = by_identity(db, change.scope, &after.facts.identity())?.filter(|other| other.id != after.id);
            if let Some(double) = double {
                return Err(Refusal::ProspectExists { prospect: double.id }.into());
            }
            put(db, &after, None)?;
            Ok(after)
        }
    }
}

fn insert(db: Db<'_>, row: &ProspectRow) -> Done<()> {
    let text = |field| row.facts.text(field);
    let params = params![
        row.scope.workspace.0.as_bytes(),
        row.id.0.as_bytes(),
        row.facts.identity(),
        draft_name(row.id),
        row.facts.verification.as_str(),
        row.import.map(|import| *import.0.as_bytes()),
        row.revision,
        row.created_at.micros(),
        row.updated_at.micros(),
        text(Field::ExternalId),
        text(Field::Name),
        text(Field::Company),
        text(Field::ContactEmail),
        text(Field::Website),
        text(Field::Category),
        text(Field::SourceType),
        text(Field::Notes),
        text(Field::VerificationReason),
        row.judged,
        more(row),
        row.answered_at.map(Timestamp::micros),
    ];
    db.execute(sql!("prospects/insert"), params)?;
    Ok(())
}

fn put(db: Db<'_>, row: &ProspectRow, deleted_at: Option<Timestamp>) -> Done<()> {
    let text = |field| row.facts.text(field);
    let params = params![
        row.facts.identity(),
        row.facts.verification.as_str(),
        row.revision,
        row.updated_at.micros(),
        deleted_at.map(Timestamp::micros),
        text(Field::ExternalId),
        text(Field::Name),
        text(Field::Company),
        text(Field::ContactEmail),
        text(Field::Website),
        text(Field::Category),
        text(Field::SourceType),
        text(Field::Notes),
        text(Field::VerificationReason),
        row.judged,
        more(row),
        row.answered_at.map(Timestamp::micros),
        row.scope.workspace.0.as_bytes(),
        row.id.0.as_bytes(),
    ];
    match db.execute(sql!("prospects/put"), params)? {
        1 => Ok(()),
        _ => Err(Fault::corrupt(format!("{} is gone", row.id))),
    }
}

fn more(row: &ProspectRow) -> String {
    serde_json::Value::Object(row.facts.more.clone()).to_string()
}

fn tally(db: Db<'_>, scope: Scope, filter: &ProspectFilter, rule: &Rule) -> Done<Tally> {
    let params = params![
        Verification::Rejected.as_str(),
        rule.verification.as_str(),
        rule.needs_email,
        rule.source_type,
        scope.workspace.0.as_bytes(),
        filter.verification.map(Verification::as_str),
        filter.source_type,
        filter.category,
        filter.has_email,
        filter.import.map(|import| *import.0.as_bytes()),
        filter.stage.map(|stage| stage as i64),
        filter.sent_before.map(Timestamp::micros),
        filter.answered,
    ];
    let mut tally = Tally::default();
    db.each(sql!("prospects/tally"), params, |row| {
        let place: u32 = row.get("standing")?;
        let standing =
            Standing::ALL.get(place as usize).ok_or_else(|| Fault::corrupt(format!("{place} is no standing")))?;
        tally.add(*standing, codec::unsigned(row, "prospects")?);
        Ok(())
    })?;
    Ok(tally)
}

fn get_import(db: Db<'_>, scope: Scope, id: ImportId) -> Done<ImportRow> {
    let row = db.first(sql!("imports/get"), [scope.workspace.0.as_bytes(), id.0.as_bytes()], import_row)?;
    row.ok_or_else(|| Fault::Store(no_import(id)))
}

fn import_row(row: &Row<'_>) -> Done<ImportRow> {
    let count = |column: &str| codec::unsigned(row, column);
    Ok(ImportRow {
        id: ImportId(codec::uuid(row, "id")?),
        scope: Scope::of(WorkspaceId(codec::uuid(row, "workspace_id")?)),
        name: row.get("name")?,
        counts: ImportCounts {
            created: count("created")?,
            updated: count("updated")?,
            unchanged: count("unchanged")?,
            skipped: count("skipped")?,
        },
        removed: count("removed")?,
        created_at: codec::instant(row, "created_at")?,
        finished_at: codec::maybe_instant(row, "finished_at")?,
        undone_at: codec::maybe_instant(row, "undone_at")?,
    })
}

fn prospect_row(row: &Row<'_>) -> Done<ProspectRow> {
    let id = ProspectId(codec::uuid(row, "id")?);
    let mut facts = Facts {
        verification: codec::word(row, "prospect_list.verification", Verification::parse)?,
        ..Facts::default()
    };
    for field in Field::ALL {
        let text: Option<String> = row.get(field.as_str())?;
        facts.texts.extend(text.map(|text| (field, text)));
    }
    let more: String = row.get("facts")?;
    facts.more = serde_json::from_str(&more).map_err(|error| Fault::corrupt(format!("the facts of {id}: {error}")))?;
    Ok(ProspectRow {
        id,
        scope: Scope::of(WorkspaceId(codec::uuid(row, "workspace_id")?)),
        facts,
        import: codec::maybe_uuid(row, "import_id")?.map(ImportId),
        revision: row.get("revision")?,
        judged: row.get("judged")?,
        created_at: codec::instant(row, "created_at")?,
        updated_at: codec::instant(row, "updated_at")?,
        sent_at: codec::maybe_instant(row, "sent_at")?,
        sent_draft: codec::maybe_uuid(row, "sent_draft_id")?.map(DraftId),
        answered_at: codec::maybe_instant(row, "answered_at")?,
    })
}

fn letter(row: &Row<'_>) -> Done<LetterSent> {
    Ok(LetterSent {
        prospect: ProspectId(codec::uuid(row, "prospect_id")?),
        draft: DraftId(codec::uuid(row, "draft_id")?),
        version: row.get("version")?,
        message_id: row.get("message_id")?,
        at: codec::instant(row, "ended_at")?,
    })
}

fn listed(row: &Row<'_>) -> Done<Listed> {
    let draft = codec::maybe_uuid(row, "draft_id")?.map(DraftId);
    let draft = draft.map(|id| draft_of(row, id)).transpose()?;
    Ok(Listed { row: prospect_row(row)?, draft })
}

fn draft_of(row: &Row<'_>, id: DraftId) -> Done<DraftOf> {
    let title: Option<String> = row.get("draft_title")?;
    Ok(DraftOf {
        id,
        status: codec::word(row, "drafts.draft_status", DraftStatus::parse)?,
        review: codec::word(row, "drafts.draft_review", Review::parse)?,
        live: codec::maybe_uuid(row, "draft_live")?.map(GenerationId),
        version: row.get("draft_version")?,
        mail: title.zip(row.get("draft_body")?),
    })
}

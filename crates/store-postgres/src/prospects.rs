//! Prospects and their imports. What a write makes of each row is decided by [`copydesk_store::prospects::decide`], on rows
//! that were locked; one that somebody else made meanwhile is met by trying the whole write again.

use crate::PostgresStore;
use crate::failure::Fault;
use crate::pipeline::{Steps, Tx, read};
use crate::read::{Cursor, page_of};
use crate::types::{Micros, Param, columns, narrow, params, sql, text, unknown_word, wide};
use copydesk_core::draft::{DraftStatus, Review};
use copydesk_core::prospect::{Facts, Field, Rule, Standing, Tally, Verification, draft_name};
use copydesk_core::refusal::Refusal;
use copydesk_core::{DraftId, GenerationId, ImportId, ProspectId, Timestamp, WorkspaceId};
use copydesk_store::prospects::{
    DraftOf, ImportCounts, ImportPiece, ImportRow, JudgeProspects, LetterSent, Listed, Names, ProspectChange,
    ProspectCut, ProspectFilter, ProspectRow, ProspectSetting, Skip, UndoImport, Undone, WriteProspects, Written,
    changed, decide, last_of_each, no_import, no_prospect,
};
use copydesk_store::{Answer, ImportStore, Order, Page, PageRequest, ProspectStore, Scope, StoreError};
use std::collections::HashMap;
use tokio_postgres::Row;
use uuid::Uuid;

/// Each further try means that somebody else has written one of them.
const TRIES_MAX: u32 = 20;
/// Of a prospect that nobody has changed, without what the domain check wrote.
const FIRST_REVISION: i64 = 1;

impl ProspectStore for PostgresStore {
    fn prospect(&self, scope: Scope, id: ProspectId) -> Answer<'_, Listed> {
        Box::pin(async move {
            let rows = read(&self.readers, sql!("prospects/get"), params![scope.workspace.0, id.0]).await?;
            listed(rows.first().ok_or_else(|| no_prospect(id))?)
        })
    }

    fn find_prospects(&self, scope: Scope, names: Names) -> Answer<'_, Vec<ProspectRow>> {
        Box::pin(async move {
            let rows = read(&self.readers, sql!("prospects/find"), named(scope, &names)).await?;
            rows.iter().map(prospect_row).collect()
        })
    }

    fn prospects(&self, scope: Scope, filter: ProspectFilter, page: PageRequest) -> Answer<'_, Page<Listed>> {
        Box::pin(async move {
            let cursor = Cursor::<ProspectId>::of(&page)?;
            let sql = match page.order {
                Order::NewestFirst => sql!("prospects/list_newest"),
                Order::OldestFirst => sql!("prospects/list_oldest"),
            };
            let params = params![
                scope.workspace.0,
                cursor.after.0,
                filter.verification.map(Verification::as_str),
                filter.source_type.as_deref().map(text),
                filter.category.as_deref().map(text),
                filter.has_email,
                filter.import.map(|import| import.0),
                filter.stage.map(|stage| stage as i32),
                filter.sent_before.map(Micros::from),
                filter.answered,
                cursor.limit
            ];
            let rows = read(&self.readers, sql, params).await?;
            page_of(&rows, &page, listed, |listed| listed.row.id.to_string())
        })
    }

    fn cut_prospects(&self, scope: Scope, skip: u32, limit: u32) -> Answer<'_, ProspectCut> {
        Box::pin(async move {
            let params = params![scope.workspace.0, i64::from(limit), i64::from(skip)];
            let found = read(&self.readers, sql!("prospects/cut"), params).await?;
            let total =
                found.first().ok_or_else(|| StoreError::Corrupt("prospects were not counted".to_owned()))?.get("total");
            // Behind the last one there is the total alone.
            let rows = found.iter().filter(|row| row.get::<_, Option<Uuid>>("id").is_some());
            let rows = rows.map(listed).collect::<Result<_, _>>()?;
            Ok(ProspectCut { rows, total: narrow("total", total)? })
        })
    }

    fn tally_prospects(&self, scope: Scope, filter: ProspectFilter, rule: Rule) -> Answer<'_, Tally> {
        Box::pin(self.count_standings(scope, filter, rule))
    }

    fn write_prospects(&self, write: WriteProspects) -> Answer<'_, Vec<Written>> {
        Box::pin(async move {
            let mut tries = 0;
            loop {
                tries += 1;
                match self.put_prospects(&write).await {
                    Err(Fault::Race(words)) if tries < TRIES_MAX => tracing::debug!(words, "a write starts again"),
                    answer => return Ok(answer?),
                }
            }
        })
    }

    fn change_prospect(&self, change: ProspectChange) -> Answer<'_, ProspectRow> {
        Box::pin(async move { Ok(self.alter_prospect(&change).await?) })
    }

    fn judge_prospects(&self, judge: JudgeProspects) -> Answer<'_, u64> {
        Box::pin(async move {
            let mut tx = Tx::open(&self.writers).await?;
            let changes = judge.changes(lock(&mut tx, judge.scope, &judge.names()).await?);
            let mut steps = Steps::default();
            if !changes.is_empty() {
                steps.add(sql!("prospects/put"), written(&changes.iter().collect::<Vec<_>>(), None));
            }
            tx.commit(steps).await?;
            Ok(changes.len() as u64)
        })
    }

    fn letters_sent(&self, scope: Scope, to: Vec<ProspectId>) -> Answer<'_, Vec<LetterSent>> {
        Box::pin(async move {
            let to: Vec<Uuid> = to.iter().map(|id| id.0).collect();
            let rows = read(&self.readers, sql!("prospects/letters"), params![scope.workspace.0, to]).await?;
            Ok(last_of_each(rows.iter().map(letter).collect::<Result<_, _>>()?))
        })
    }
}

impl ImportStore for PostgresStore {
    fn import(&self, scope: Scope, id: ImportId) -> Answer<'_, ImportRow> {
        Box::pin(self.read_import(scope, id))
    }

    fn imports(&self, scope: Scope, page: PageRequest) -> Answer<'_, Page<ImportRow>> {
        Box::pin(async move {
            let cursor = Cursor::<ImportId>::of(&page)?;
            let sql = match page.order {
                Order::NewestFirst => sql!("imports/list_newest"),
                Order::OldestFirst => sql!("imports/list_oldest"),
            };
            let rows = read(&self.readers, sql, params![scope.workspace.0, cursor.after.0, cursor.limit]).await?;
            page_of(&rows, &page, import_row, |row| row.id.to_string())
        })
    }

    fn import_skips(&self, scope: Scope, id: ImportId, page: PageRequest) -> Answer<'_, Page<Skip>> {
        Box::pin(async move {
            self.read_import(scope, id).await?;
            let cursor = Cursor::of_numbers(&page)?;
            let sql = match page.order {
                Order::NewestFirst => sql!("imports/skips_newest"),
                Order::OldestFirst => sql!("imports/skips_oldest"),
            };
            let rows = read(&self.readers, sql, params![id.0, cursor.after, cursor.limit]).await?;
            let skip = |row: &Row| {
                let line = narrow("line", row.get("line"))?;
                Ok(Skip { line, code: row.get("code"), detail: row.get("detail"), row: row.get("row") })
            };
            page_of(&rows, &page, skip, |skip| skip.line.to_string())
        })
    }

    fn undo_import(&self, undo: UndoImport) -> Answer<'_, Undone> {
        Box::pin(async move {
            let UndoImport { scope, import, at, limit } = undo;
            self.read_import(scope, import).await?;
            let (workspace, at) = (scope.workspace.0, Micros::from(at));
            let mut tx = Tx::open(&self.writers).await?;
            let mut steps = Steps::default();
            let params = params![at, workspace, import.0, FIRST_REVISION, i64::from(limit)];
            steps.add(sql!("imports/undo"), params);
            let removed = tx.send(steps).await?.into_rows().len();
            let mut steps = Steps::default();
            steps.add(sql!("imports/undone"), params![removed as i64, at, workspace, import.0]);
            let row = steps.add(sql!("imports/get"), params![workspace, import.0]);
            let rows = tx.commit(steps).await?;
            let row = import_row(rows.rows(Some(row)).first().ok_or_else(|| no_import(import))?)?;
            Ok(Undone { row, more: removed == limit as usize })
        })
    }
}

impl PostgresStore {
    async fn read_import(&self, scope: Scope, id: ImportId) -> Result<ImportRow, StoreError> {
        let rows = read(&self.readers, sql!("imports/get"), params![scope.workspace.0, id.0]).await?;
        import_row(rows.first().ok_or_else(|| no_import(id))?)
    }

    async fn count_standings(&self, scope: Scope, filter: ProspectFilter, rule: Rule) -> Result<Tally, StoreError> {
        let params = params![
            Verification::Rejected.as_str(),
            rule.verification.as_str(),
            rule.needs_email,
            rule.source_type.as_deref().map(text),
            scope.workspace.0,
            filter.verification.map(Verification::as_str),
            filter.source_type.as_deref().map(text),
            filter.category.as_deref().map(text),
            filter.has_email,
            filter.import.map(|import| import.0),
            filter.stage.map(|stage| stage as i32),
            filter.sent_before.map(Micros::from),
            filter.answered
        ];
        let mut tally = Tally::default();
        for row in read(&self.readers, sql!("prospects/tally"), params).await? {
            let place: i32 = row.get("standing");
            let standing = usize::try_from(place).ok().and_then(|place| Standing::ALL.get(place));
            let standing = standing.ok_or_else(|| unknown_word("standing", &place.to_string()))?;
            tally.add(*standing, narrow("prospects", row.get("prospects"))?);
        }
        Ok(tally)
    }

    async fn put_prospects(&self, write: &WriteProspects) -> Result<Vec<Written>, Fault> {
        let identity = |edit| Facts::default().edited(edit).identity();
        let identities: Vec<String> = write.rows.iter().map(|new| identity(&new.edit)).collect();
        let mut tx = Tx::open(&self.writers).await?;
        let known = lock(&mut tx, write.scope, &Names { ids: vec![], identities: identities.clone() }).await?;
        let known: HashMap<String, ProspectRow> = known.into_iter().map(|row| (row.facts.identity(), row)).collect();
        let all: Vec<Written> =
            write.rows.iter().zip(&identities).map(|(new, identity)| decide(write, new, known.get(identity))).collect();
        let created: Vec<&ProspectRow> =
            all.iter().filter(|one| matches!(one, Written::Created(_))).map(Written::row).collect();
        let updated: Vec<&ProspectRow> =
            all.iter().filter(|one| matches!(one, Written::Updated(_))).map(Written::row).collect();
        let mut steps = Steps::default();
        let made = (!created.is_empty()).then(|| steps.add(sql!("prospects/insert"), inserted(&created)));
        if !updated.is_empty() {
            steps.add(sql!("prospects/put"), written(&updated, None));
        }
        if let Some(import) = &write.import {
            count(&mut steps, write, import, &all);
        }
        let answers = tx.send(steps).await?;
        if answers.rows(made).len() < created.len() {
            tx.rollback().await?;
            return Err(Fault::Race("somebody else made one of them".to_owned()));
        }
        tx.commit(Steps::default()).await?;
        Ok(all)
    }

    async fn alter_prospect(&self, change: &ProspectChange) -> Result<ProspectRow, Fault> {
        let mut tx = Tx::open(&self.writers).await?;
        let names = Names { ids: vec![change.prospect], identities: vec![] };
        let row = lock(&mut tx, change.scope, &names).await?.pop().ok_or_else(|| no_prospect(change.prospect))?;
        if change.revision.is_some_and(|seen| seen != row.revision) {
            tx.rollback().await?;
            return Err(StoreError::from(Refusal::VersionConflict { current: row.revision }).into());
        }
        let (after, deleted_at) = match &change.to {
            ProspectSetting::Delete => {
                (ProspectRow { revision: row.revision + 1, updated_at: change.at, ..row }, Some(change.at))
            }
            ProspectSetting::Edit(edit) => match changed(&row, edit, change.at) {
                Some(after) => (after, None),
                None => {
                    tx.rollback().await?;
                    return Ok(row);
                }
            },
        };
        let mut steps = Steps::default();
        steps.add(sql!("prospects/put"), written(&[&after], deleted_at));
        match tx.commit(steps).await {
            Ok(_) => Ok(after),
            // The only key that a change can meet.
            Err(Fault::Race(_)) => Err(self.double_of(&after).await?.into()),
            Err(fault) => Err(fault),
        }
    }

    async fn double_of(&self, row: &ProspectRow) -> Result<StoreError, StoreError> {
        let names = Names { ids: vec![], identities: vec![row.facts.identity()] };
        let other = self.find_prospects(row.scope, names).await?.pop();
        Ok(match other {
            Some(other) => Refusal::ProspectExists { prospect: other.id }.into(),
            None => StoreError::Busy("another prospect was in the way and is gone".to_owned()),
        })
    }
}

fn named<'a>(scope: Scope, names: &'a Names) -> Vec<Param<'a>> {
    let ids: Vec<Uuid> = names.ids.iter().map(|id| id.0).collect();
    params![scope.workspace.0, ids, &names.identities]
}

async fn lock(tx: &mut Tx, scope: Scope, names: &Names) -> Result<Vec<ProspectRow>, Fault> {
    let mut steps = Steps::default();
    steps.add(sql!("prospects/lock"), named(scope, names));
    let rows = tx.send(steps).await?.into_rows();
    Ok(rows.iter().map(prospect_row).collect::<Result<_, _>>()?)
}

fn inserted<'a>(rows: &[&'a ProspectRow]) -> Vec<Param<'a>> {
    let mut params = columns!(rows, row => row.scope.workspace.0, row.id.0, row.facts.identity(), draft_name(row.id),
        row.facts.verification.as_str(), row.import.map(|import| import.0), row.revision, Micros::from(row.created_at),
        Micros::from(row.updated_at));
    params.extend(texts(rows));
    params
}

fn written<'a>(rows: &[&'a ProspectRow], deleted_at: Option<Timestamp>) -> Vec<Param<'a>> {
    let mut params = columns!(rows, row => row.facts.identity(), row.facts.verification.as_str(), row.revision,
        Micros::from(row.updated_at), deleted_at.map(Micros::from));
    params.extend(texts(rows));
    params.extend(columns!(rows, row => row.scope.workspace.0, row.id.0));
    params
}

/// What is known of each, in the order of the columns.
fn texts<'a>(rows: &[&'a ProspectRow]) -> Vec<Param<'a>> {
    columns!(rows, row => row.facts.text(Field::ExternalId), row.facts.text(Field::Name), row.facts.text(Field::Company),
        row.facts.text(Field::ContactEmail), row.facts.text(Field::Website), row.facts.text(Field::Category),
        row.facts.text(Field::SourceType), row.facts.text(Field::Notes),
        row.facts.text(Field::VerificationReason), row.judged,
        serde_json::Value::Object(row.facts.more.clone()).to_string(), row.answered_at.map(Micros::from))
}

fn count<'a>(steps: &mut Steps<'a>, write: &WriteProspects, import: &'a ImportPiece, all: &[Written]) {
    let skips = &import.skips;
    if !skips.is_empty() {
        let mut params = params![import.id.0];
        params.extend(columns!(skips, skip => wide(skip.line), text(&skip.code), text(&skip.detail), text(&skip.row)));
        steps.add(sql!("imports/skip"), params);
    }
    let mut counts = ImportCounts { skipped: skips.len() as u64, ..ImportCounts::default() };
    counts.add(all);
    let params = params![
        write.scope.workspace.0,
        import.id.0,
        import.name.as_deref().map(text),
        wide(counts.created),
        wide(counts.updated),
        wide(counts.unchanged),
        wide(counts.skipped),
        Micros::from(import.started_at),
        import.is_last.then_some(Micros::from(write.at))
    ];
    steps.add(sql!("imports/add"), params);
}

fn import_row(row: &Row) -> Result<ImportRow, StoreError> {
    let count = |column: &str| narrow(column, row.get(column));
    let instant = |column: &str| row.get::<_, Option<Micros>>(column).map(Timestamp::from);
    Ok(ImportRow {
        id: ImportId(row.get("id")),
        scope: Scope::of(WorkspaceId(row.get("workspace_id"))),
        name: row.get("name"),
        counts: ImportCounts {
            created: count("created")?,
            updated: count("updated")?,
            unchanged: count("unchanged")?,
            skipped: count("skipped")?,
        },
        removed: count("removed")?,
        created_at: row.get::<_, Micros>("created_at").into(),
        finished_at: instant("finished_at"),
        undone_at: instant("undone_at"),
    })
}

fn prospect_row(row: &Row) -> Result<ProspectRow, StoreError> {
    let id = ProspectId(row.get("id"));
    let word: &str = row.get("verification");
    let verification = Verification::parse(word).ok_or_else(|| unknown_word("verification", word))?;
    let mut facts = Facts { verification, ..Facts::default() };
    for field in Field::ALL {
        let text: Option<String> = row.get(field.as_str());
        facts.texts.extend(text.map(|text| (field, text)));
    }
    let more: &str = row.get("facts");
    facts.more =
        serde_json::from_str(more).map_err(|error| StoreError::Corrupt(format!("the facts of {id}: {error}")))?;
    Ok(ProspectRow {
        id,
        scope: Scope::of(WorkspaceId(row.get("workspace_id"))),
        facts,
        import: row.get::<_, Option<Uuid>>("import_id").map(ImportId),
        revision: row.get("revision"),
        judged: row.get("judged"),
        created_at: row.get::<_, Micros>("created_at").into(),
        updated_at: row.get::<_, Micros>("updated_at").into(),
        sent_at: row.get::<_, Option<Micros>>("sent_at").map(Timestamp::from),
        sent_draft: row.get::<_, Option<Uuid>>("sent_draft_id").map(DraftId),
        answered_at: row.get::<_, Option<Micros>>("answered_at").map(Timestamp::from),
    })
}

fn letter(row: &Row) -> Result<LetterSent, StoreError> {
    Ok(LetterSent {
        prospect: ProspectId(row.get("prospect_id")),
        draft: DraftId(row.get("draft_id")),
        version: narrow("version", i64::from(row.get::<_, i32>("version")))?,
        message_id: row.get("message_id"),
        at: row.get::<_, Micros>("ended_at").into(),
    })
}

fn listed(row: &Row) -> Result<Listed, StoreError> {
    let draft = row.get::<_, Option<Uuid>>("draft_id").map(|id| draft_of(row, DraftId(id))).transpose()?;
    Ok(Listed { row: prospect_row(row)?, draft })
}

fn draft_of(row: &Row, id: DraftId) -> Result<DraftOf, StoreError> {
    let (status, review): (&str, &str) = (row.get("draft_status"), row.get("draft_review"));
    let title: Option<String> = row.get("draft_title");
    Ok(DraftOf {
        id,
        status: DraftStatus::parse(status).ok_or_else(|| unknown_word("draft status", status))?,
        review: Review::parse(review).ok_or_else(|| unknown_word("review", review))?,
        live: row.get::<_, Option<Uuid>>("draft_live").map(GenerationId),
        version: narrow("draft_version", row.get("draft_version"))?,
        mail: title.zip(row.get("draft_body")),
    })
}

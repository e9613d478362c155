//! What the background audit has found and how far it is. What it looks at is in `audit.rs`.

use crate::PostgresStore;
use crate::events;
use crate::failure::Fault;
use crate::pipeline::{Steps, Tx, read};
use crate::types::{Micros, Param, columns, narrow, params, sql, unknown_word, wide};
use copydesk_core::{NodeId, Timestamp, WorkspaceId};
use copydesk_store::StoreError;
use copydesk_store::audit::{AuditState, Changes, FindingKey, FindingRow, Place, Record, Recorded, Round, Space};
use copydesk_store::events::NewEvent;
use std::collections::BTreeSet;
use tokio_postgres::Row;

impl PostgresStore {
    pub(crate) async fn claim_round(
        &self,
        node: NodeId,
        now: Timestamp,
        until: Timestamp,
        first: &Round,
    ) -> Result<Option<Round>, Fault> {
        let mut params = params![node.0, Micros::from(until)];
        params.extend(of_round(first));
        params.extend(params![Micros::from(now)]);
        let rows = read(&self.writers, sql!("audit/claim_round"), params).await?;
        Ok(rows.first().map(round).transpose()?)
    }

    /// Nothing is written when the node audits no more.
    pub(crate) async fn keep_findings(&self, record: &Record) -> Result<Option<Recorded>, Fault> {
        let mut tx = Tx::open(&self.writers).await?;
        let span = &record.proved.span;
        let mut steps = Steps::default();
        let mut params = of_round(&record.round);
        params.extend(params![record.node.0]);
        let holds = steps.add(sql!("audit/advance_round"), params);
        let ends = params![span.space.as_str(), span.after.to_bytes().to_vec(), span.upto.to_bytes().to_vec()];
        let known = steps.add(sql!("audit/open_in_span"), ends);
        let counted = (!record.proved.found.is_empty()).then(|| steps.add(sql!("audit/open_count"), params![]));
        let answers = tx.send(steps).await?;
        if answers.rows(Some(holds)).is_empty() {
            tx.rollback().await?;
            return Ok(None);
        }
        let known = answers.rows(Some(known)).iter().map(key).collect::<Result<BTreeSet<FindingKey>, StoreError>>()?;
        let open = open_by_check(answers.rows(counted))?.iter().map(|(_, findings)| findings).sum();
        let changes = Changes::of(&known, &record.proved.found, open);
        tx.commit(writing(record, &changes)).await?;
        Ok(Some(changes.recorded()))
    }

    pub(crate) async fn read_audit_state(&self) -> Result<AuditState, Fault> {
        let rounds = read(&self.readers, sql!("audit/round"), params![]).await?;
        let open = read(&self.readers, sql!("audit/open_count"), params![]).await?;
        Ok(AuditState { round: rounds.first().map(round).transpose()?, open: open_by_check(&open)? })
    }

    pub(crate) async fn list_open_findings(&self, limit: u32) -> Result<Vec<FindingRow>, Fault> {
        let rows = read(&self.readers, sql!("audit/open_list"), params![i64::from(limit)]).await?;
        let finding = |row: &Row| FindingRow {
            check: row.get("check_name"),
            subject: row.get("subject"),
            detail: row.get("detail"),
            workspace: row.get::<_, Option<uuid::Uuid>>("workspace_id").map(WorkspaceId),
            first_seen_at: row.get::<_, Micros>("first_seen_at").into(),
            last_seen_at: row.get::<_, Micros>("last_seen_at").into(),
        };
        Ok(rows.iter().map(finding).collect())
    }
}

fn writing<'a>(record: &Record, changes: &Changes) -> Steps<'a> {
    let mut steps = Steps::default();
    let (space, at) = (record.proved.span.space.as_str(), Micros::from(record.at));
    if !changes.seen.is_empty() {
        let rows = columns!(changes.seen, seen => seen.0.finding.check, seen.0.place.to_bytes().to_vec(),
            seen.0.finding.subject.clone(), space, seen.0.workspace.map(|id| id.0), seen.0.finding.detail.clone(), at);
        steps.add(sql!("audit/put_finding"), rows);
    }
    let new = changes.seen.iter().filter(|(_, new)| *new);
    let told: Vec<NewEvent<'_>> = new.map(|(found, _)| found.event(record.at)).collect();
    if !told.is_empty() {
        events::write(&mut steps, &told);
    }
    if !changes.gone.is_empty() {
        let mut params = params![at];
        params.extend(columns!(changes.gone, key => key.0.clone(), key.1.to_bytes().to_vec(), key.2.clone()));
        steps.add(sql!("audit/mark_gone"), params);
    }
    steps
}

fn key(row: &Row) -> Result<FindingKey, StoreError> {
    Ok((row.get("check_name"), place(row, "place")?, row.get("subject")))
}

fn open_by_check(rows: &[Row]) -> Result<Vec<(String, u64)>, StoreError> {
    rows.iter().map(|row| Ok((row.get("check_name"), narrow("a count of findings", row.get("findings"))?))).collect()
}

/// In the order of the statements' parameters.
fn of_round(round: &Round) -> Vec<Param<'static>> {
    params![
        Micros::from(round.began_at),
        round.ended_at.map(Micros::from),
        wide(round.rounds),
        round.space.as_str(),
        round.after.to_bytes().to_vec(),
        round.fresh.to_bytes().to_vec(),
        wide(round.rows),
        wide(round.rows_before)
    ]
}

fn round(row: &Row) -> Result<Round, StoreError> {
    let space: &str = row.get("space");
    Ok(Round {
        began_at: row.get::<_, Micros>("began_at").into(),
        ended_at: row.get::<_, Option<Micros>>("ended_at").map(Timestamp::from),
        rounds: narrow("a count of rounds", row.get("rounds"))?,
        space: Space::parse(space).ok_or_else(|| unknown_word("space of the audit", space))?,
        after: place(row, "after_place")?,
        fresh: place(row, "fresh_place")?,
        rows: narrow("a count of keys", row.get("proved"))?,
        rows_before: narrow("a count of keys", row.get("proved_before"))?,
    })
}

fn place(row: &Row, column: &str) -> Result<Place, StoreError> {
    let bytes: &[u8] = row.get(column);
    let bytes = bytes.try_into().map_err(|_| StoreError::Corrupt(format!("{column} has {} bytes", bytes.len())))?;
    Ok(Place::from_bytes(bytes))
}

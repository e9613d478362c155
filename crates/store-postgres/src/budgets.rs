//! Budgets: setting and reading them, and the list each process keeps of them. What a transaction counts is in
//! `budgeted.rs`. Without any budget nothing is read or locked for them.

use crate::PostgresStore;
use crate::events;
use crate::failure::Fault;
use crate::ledger::hash_of;
use crate::pipeline::{Steps, Tx, read};
use crate::read::{Cursor, page_of};
use crate::types::{Micros, narrow, params, sql, text, unknown_word};
use copydesk_core::budget::book::Use;
use copydesk_core::budget::{Budget, Measure, Owner, Period, Shares, Subject};
use copydesk_core::metering::cuts::Zone;
use copydesk_core::refusal::Refusal;
use copydesk_core::{BudgetId, Timestamp, WorkspaceId};
use copydesk_store::budgets::{BudgetChange, BudgetFilter, Moved, NewBudget, UseRow, changed, key_text, no_subject};
use copydesk_store::{Order, Page, PageRequest, Scope, StoreError};
use deadpool_postgres::Pool;
use std::sync::{Arc, PoisonError, RwLock};
use tokio_postgres::Row;

/// The budgets this process has learnt of, ended ones too, and how often it changed the list itself.
#[derive(Default)]
pub struct Known(RwLock<(u64, Arc<[Budget]>)>);

impl Known {
    pub async fn load(&self, pool: &Pool) -> Result<(), StoreError> {
        let epoch = self.epoch();
        let rows = read(pool, sql!("budgets/all"), params![]).await?;
        self.learn(epoch, &rows)
    }

    pub fn all(&self) -> Arc<[Budget]> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).1.clone()
    }

    pub fn in_force(&self) -> bool {
        self.all().iter().any(Budget::is_in_force)
    }

    /// Rises with every change this process makes; see [`Known::learn`].
    pub fn epoch(&self) -> u64 {
        self.0.read().unwrap_or_else(PoisonError::into_inner).0
    }

    /// Takes over the list as it was read from the database at `epoch` or later, unless this process changed something
    /// since: what was read may be older.
    pub fn learn(&self, epoch: u64, rows: &[Row]) -> Result<(), StoreError> {
        let list = rows.iter().map(budget_row).collect::<Result<Vec<_>, _>>()?;
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.0 == epoch {
            known.1 = list.into();
        }
        Ok(())
    }

    fn put(&self, budget: &Budget) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let others = known.1.iter().filter(|it| it.id != budget.id).cloned();
        let mut list: Vec<Budget> = others.chain([budget.clone()]).collect();
        list.sort_by_key(|it| it.id);
        *known = (known.0 + 1, list.into());
    }
}

impl PostgresStore {
    pub(crate) async fn insert_budget(&self, new: &NewBudget) -> Result<Budget, Fault> {
        let NewBudget { budget, idempotency } = new;
        let (workspace, key) = (budget.workspace.0, idempotency.as_ref().map(key_text));
        let mut tx = Tx::open(&self.writers).await?;
        let mut steps = Steps::default();
        let subject = budget.subject.id().map(|id| steps.add(sql!("budgets/has_subject"), params![workspace, id]));
        let fingerprint = idempotency.as_ref().map(|given| given.fingerprint.to_vec());
        let row = params![
            budget.id.0,
            workspace,
            budget.subject.as_str(),
            budget.subject.id(),
            budget.measure.as_str(),
            budget.period.as_str(),
            budget.zone.name(),
            budget.limit,
            budget.warn_at.to_string(),
            Micros::from(budget.created_at),
            key.as_deref().map(text),
            fingerprint
        ];
        let made = steps.add(sql!("budgets/insert"), row);
        let first = steps.add(sql!("budgets/find_key"), params![workspace, key.as_deref().map(text)]);
        let answers = tx.send(steps).await?;
        if answers.rows(Some(made)).is_empty() {
            tx.rollback().await?;
            let first = answers.rows(Some(first)).first();
            let first = first.ok_or_else(|| Fault::Race("a budget was set under this key and is gone".to_owned()))?;
            let same = idempotency.as_ref().map(|given| given.fingerprint) == Some(hash_of(first, "fingerprint")?);
            return if same { Ok(budget_row(first)?) } else { Err(refused(Refusal::IdempotencyKeyReused)) };
        }
        if subject.is_some() && answers.rows(subject).is_empty() {
            tx.rollback().await?;
            return Err(no_subject(budget.subject).into());
        }
        self.announce_budget(tx, budget, Moved::Set, budget.created_at).await?;
        Ok(budget.clone())
    }

    pub(crate) async fn alter_budget(
        &self,
        scope: Scope,
        id: BudgetId,
        change: &BudgetChange,
    ) -> Result<Budget, Fault> {
        let warn_at = change.warn_at.as_ref().map(Shares::to_string);
        let params = params![scope.workspace.0, id.0, change.limit, warn_at, None::<Micros>];
        match self.write_budget(params, Moved::Changed, change.at).await? {
            Some(budget) => Ok(budget),
            None => {
                self.read_budget(scope, id).await?;
                Err(StoreError::NotFound { what: "budget in force", id: id.to_string() }.into())
            }
        }
    }

    pub(crate) async fn finish_budget(&self, scope: Scope, id: BudgetId, at: Timestamp) -> Result<Budget, Fault> {
        let params = params![scope.workspace.0, id.0, None::<i64>, None::<String>, Some(Micros::from(at))];
        match self.write_budget(params, Moved::Ended, at).await? {
            Some(budget) => Ok(budget),
            None => Ok(self.read_budget(scope, id).await?),
        }
    }

    /// Changes one in force; `None` when there is no such.
    async fn write_budget(
        &self,
        params: Vec<crate::types::Param<'_>>,
        moved: Moved,
        at: Timestamp,
    ) -> Result<Option<Budget>, Fault> {
        let mut tx = Tx::open(&self.writers).await?;
        let mut steps = Steps::default();
        let place = steps.add(sql!("budgets/change"), params);
        let answers = tx.send(steps).await?;
        let Some(row) = answers.rows(Some(place)).first() else {
            tx.rollback().await?;
            return Ok(None);
        };
        let budget = budget_row(row)?;
        self.announce_budget(tx, &budget, moved, at).await?;
        Ok(Some(budget))
    }

    /// Commits with the event, and takes note.
    async fn announce_budget(&self, tx: Tx, budget: &Budget, moved: Moved, at: Timestamp) -> Result<(), Fault> {
        let mut steps = Steps::default();
        events::write(&mut steps, &[changed(budget, moved, at)]);
        tx.commit(steps).await?;
        self.budgets.put(budget);
        Ok(())
    }

    pub(crate) async fn read_budget(&self, scope: Scope, id: BudgetId) -> Result<Budget, StoreError> {
        let rows = read(&self.readers, sql!("budgets/get"), params![scope.workspace.0, id.0]).await?;
        let row = rows.first().ok_or_else(|| StoreError::NotFound { what: "budget", id: id.to_string() })?;
        budget_row(row)
    }

    pub(crate) async fn page_budgets(
        &self,
        scope: Scope,
        filter: &BudgetFilter,
        page: &PageRequest,
    ) -> Result<Page<Budget>, StoreError> {
        let cursor = Cursor::<BudgetId>::of(page)?;
        let sql = match page.order {
            Order::NewestFirst => sql!("budgets/list_newest"),
            Order::OldestFirst => sql!("budgets/list_oldest"),
        };
        let params = params![scope.workspace.0, cursor.after.0, filter.ended, cursor.limit];
        let rows = read(&self.readers, sql, params).await?;
        page_of(&rows, page, budget_row, |row| row.id.to_string())
    }

    pub(crate) async fn read_budget_uses(
        &self,
        scope: Scope,
        id: BudgetId,
        from: Timestamp,
        limit: u32,
    ) -> Result<Vec<UseRow>, StoreError> {
        let params = params![scope.workspace.0, id.0, Micros::from(from), i64::from(limit)];
        let rows = read(&self.readers, sql!("budgets/uses"), params).await?;
        let row = |row: &Row| {
            let period_at = row.get::<_, Micros>("period_at").into();
            Ok(UseRow { owner: Owner(row.get("owner_id")), period_at, row: use_row(row)? })
        };
        rows.iter().map(row).collect()
    }
}

fn refused(refusal: Refusal) -> Fault {
    StoreError::Refused(refusal).into()
}

pub fn use_row(row: &Row) -> Result<Use, StoreError> {
    let warned = narrow("warned", i64::from(row.get::<_, i32>("warned")))?;
    Ok(Use { used: row.get("used"), reserved: row.get("reserved"), warned })
}

pub fn budget_row(row: &Row) -> Result<Budget, StoreError> {
    let word = |column: &str| -> String { row.get(column) };
    let (subject, measure, period) = (word("subject"), word("measure"), word("period"));
    let corrupt = |what: &str, why: &dyn std::fmt::Display| StoreError::Corrupt(format!("budgets.{what}: {why}"));
    Ok(Budget {
        id: BudgetId(row.get("id")),
        workspace: WorkspaceId(row.get("workspace_id")),
        subject: Subject::read(&subject, row.get("subject_id")).ok_or_else(|| unknown_word("subject", &subject))?,
        measure: Measure::parse(&measure).ok_or_else(|| unknown_word("measure", &measure))?,
        period: Period::parse(&period).ok_or_else(|| unknown_word("period", &period))?,
        zone: Zone::named(&word("zone")).map_err(|error| corrupt("zone", &error))?,
        limit: row.get("amount"),
        warn_at: Shares::parse(&word("warn_at")).map_err(|error| corrupt("warn_at", &error))?,
        created_at: row.get::<_, Micros>("created_at").into(),
        ended_at: row.get::<_, Option<Micros>>("ended_at").map(Timestamp::from),
    })
}

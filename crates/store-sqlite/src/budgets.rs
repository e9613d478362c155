//! Budgets: the rows a request, a closed call or an end concerns are read into core's book, asked and written back. The
//! list of budgets itself is in the writer's memory, so that without any nothing is read at all.

use crate::codec;
use crate::db::{Db, ordered, sql};
use crate::events::write_event;
use crate::fault::{Done, Fault};
use crate::memory::Session;
use crate::open::SqliteStore;
use crate::page::{self, Cut};
use copydesk_core::budget::book::{Book, Entry, Spent, Use};
use copydesk_core::budget::{Asker, Budget, Measure, Owner, Period, Place, Shares, Subject, applying};
use copydesk_core::metering::cuts::Zone;
use copydesk_core::metering::totals::Figures;
use copydesk_core::metering::usage::{CallOutcome, TokenUsage};
use copydesk_core::refusal::Refusal;
use copydesk_core::{BudgetId, CallId, GenerationId, KeyId, NanoUsd, Timestamp, Tokens, UserId, WorkspaceId};
use copydesk_store::budgets::{
    BudgetChange, BudgetFilter, Moved, NewBudget, UseRow, changed, key_text, no_subject, warned,
};
use copydesk_store::generations::Accept;
use copydesk_store::{Answer, BudgetStore, Page, PageRequest, Scope, StoreError};
use rusqlite::{Row, params};
use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

impl BudgetStore for SqliteStore {
    fn knows_budgets(&self) -> bool {
        self.budgets_in_force.load(Ordering::Acquire) > 0
    }

    fn set_budget(&self, new: NewBudget) -> Answer<'_, Budget> {
        Box::pin(async move {
            let id = new.budget.id;
            // Before it is written: whoever asks too early is bounded for nothing.
            self.budgets_in_force.fetch_add(1, Ordering::AcqRel);
            let budget = self.write(0, move |session| set(session, new)).await?;
            if budget.id != id {
                // Set before, under the same key.
                self.budgets_in_force.fetch_sub(1, Ordering::AcqRel);
            }
            Ok(budget)
        })
    }

    fn change_budget(&self, scope: Scope, id: BudgetId, change: BudgetChange) -> Answer<'_, Budget> {
        Box::pin(self.write(0, move |session| {
            let budget = get(session.db, scope, id)?;
            if !budget.is_in_force() {
                return Err(StoreError::NotFound { what: "budget in force", id: id.to_string() }.into());
            }
            let limit = change.limit.unwrap_or(budget.limit);
            let warn_at = change.warn_at.unwrap_or_else(|| budget.warn_at.clone());
            put(session, Budget { limit, warn_at, ..budget }, Moved::Changed, change.at)
        }))
    }

    fn end_budget(&self, scope: Scope, id: BudgetId, at: Timestamp) -> Answer<'_, Budget> {
        Box::pin(async move {
            let end = move |session: &mut Session<'_>| {
                let budget = get(session.db, scope, id)?;
                let ends = budget.is_in_force();
                let budget = match ends {
                    true => put(session, Budget { ended_at: Some(at), ..budget }, Moved::Ended, at)?,
                    false => budget,
                };
                Ok((budget, ends))
            };
            let (budget, ended) = self.write(0, end).await?;
            if ended {
                self.budgets_in_force.fetch_sub(1, Ordering::AcqRel);
            }
            Ok(budget)
        })
    }

    fn budget(&self, scope: Scope, id: BudgetId) -> Answer<'_, Budget> {
        Box::pin(self.read(move |db| get(db, scope, id)))
    }

    fn budgets(&self, scope: Scope, filter: BudgetFilter, page: PageRequest) -> Answer<'_, Page<Budget>> {
        Box::pin(self.read(move |db| {
            let cut = Cut::new::<BudgetId>(&page, |id| id.0)?;
            let params = params![scope.workspace.0.as_bytes(), cut.after.as_bytes(), filter.ended, cut.limit];
            let rows = db.all(ordered!(cut, "budgets/list"), params, budget_row)?;
            Ok(page::cut(rows, page.limit, |row| row.id.to_string()))
        }))
    }

    fn budget_uses(&self, scope: Scope, id: BudgetId, from: Timestamp, limit: u32) -> Answer<'_, Vec<UseRow>> {
        Box::pin(self.read(move |db| {
            let params = params![scope.workspace.0.as_bytes(), id.0.as_bytes(), from.micros(), limit];
            db.all(sql!("budgets/uses"), params, |row| {
                let (owner, period_at) = (Owner(codec::uuid(row, "owner_id")?), codec::instant(row, "period_at")?);
                Ok(UseRow { owner, period_at, row: use_row(row)? })
            })
        }))
    }
}

/// All budgets, by their ids.
pub(crate) fn all(db: Db<'_>) -> Done<Vec<Budget>> {
    db.all(sql!("budgets/all"), [], budget_row)
}

fn get(db: Db<'_>, scope: Scope, id: BudgetId) -> Done<Budget> {
    let params = [scope.workspace.0.as_bytes(), id.0.as_bytes()];
    let budget = db.first(sql!("budgets/get"), params, budget_row)?;
    budget.ok_or_else(|| StoreError::NotFound { what: "budget", id: id.to_string() }.into())
}

fn set(session: &mut Session<'_>, new: NewBudget) -> Done<Budget> {
    let NewBudget { budget, idempotency } = new;
    let (db, workspace) = (session.db, budget.workspace.0.as_bytes());
    let key = idempotency.as_ref().map(key_text);
    let known = db.first(sql!("budgets/find_key"), params![workspace, key], |row| {
        Ok((row.get::<_, [u8; 32]>("fingerprint")?, budget_row(row)?))
    })?;
    match (known, &idempotency) {
        (Some((fingerprint, first)), Some(given)) if fingerprint == given.fingerprint => return Ok(first),
        (Some(_), _) => return Err(Refusal::IdempotencyKeyReused.into()),
        (None, _) => {}
    }
    if let Some(id) = budget.subject.id()
        && db.first(sql!("budgets/has_subject"), [workspace, id.as_bytes()], |_| Ok(()))?.is_none()
    {
        return Err(no_subject(budget.subject).into());
    }
    // From here the write must succeed.
    let row = params![
        budget.id.0.as_bytes(),
        workspace,
        budget.subject.as_str(),
        budget.subject.id().map(|id| *id.as_bytes()),
        budget.measure.as_str(),
        budget.period.as_str(),
        budget.zone.name(),
        budget.limit,
        budget.warn_at.to_string(),
        budget.created_at.micros(),
        key,
        idempotency.as_ref().map(|given| given.fingerprint),
    ];
    db.execute(sql!("budgets/insert"), row)?;
    let at = budget.created_at;
    put(session, budget, Moved::Set, at)
}

/// Writes what may change of a budget, and says so.
fn put(session: &mut Session<'_>, budget: Budget, moved: Moved, at: Timestamp) -> Done<Budget> {
    let params = params![
        budget.limit,
        budget.warn_at.to_string(),
        budget.ended_at.map(Timestamp::micros),
        budget.workspace.0.as_bytes(),
        budget.id.0.as_bytes(),
    ];
    session.db.execute(sql!("budgets/change"), params)?;
    session.budgets_changed();
    write_event(session.db, &changed(&budget, moved, at))?;
    Ok(budget)
}

/// Whether every budget the request is under has room for it.
pub(crate) fn check(session: &mut Session<'_>, request: &Accept) -> Done<()> {
    let Some((book, places)) = of_request(session, request)? else { return Ok(()) };
    Ok(request.bound.as_ref().map_or(Ok(()), |bound| book.check(&places, bound))?)
}

/// Sets aside what was found room for.
pub(crate) fn reserve(session: &mut Session<'_>, request: &Accept) -> Done<()> {
    let Some((mut book, places)) = of_request(session, request)? else { return Ok(()) };
    if let Some(bound) = &request.bound {
        book.reserve(request.generation, &places, bound);
    }
    write(session.db, book)
}

/// `None` when no budget concerns it.
fn of_request(session: &mut Session<'_>, request: &Accept) -> Done<Option<(Book, Vec<Place>)>> {
    if request.bound.is_none() {
        return Ok(None);
    }
    let budgets = session.budgets()?;
    let places = applying(&budgets, &request.asker(), request.at);
    let mut book = Book::default();
    load(session.db, &budgets, &places, &mut book)?;
    Ok((!places.is_empty()).then_some((book, places)))
}

/// A call that closes.
pub(crate) struct Closing {
    pub workspace: WorkspaceId,
    pub generation: GenerationId,
    pub call: CallId,
    pub added: Figures,
    pub taken_back: Figures,
    pub at: Timestamp,
}

pub(crate) fn spend(session: &mut Session<'_>, closing: &Closing) -> Done<()> {
    let (budgets, db) = (session.budgets()?, session.db);
    if budgets.is_empty() {
        return Ok(());
    }
    let mut book = of_generation(db, &budgets, closing.generation)?;
    let ids = [closing.workspace.0.as_bytes(), closing.generation.0.as_bytes()];
    let asker = db.first(sql!("budgets/asker"), ids, |row| {
        let (user, key) = (UserId(codec::uuid(row, 0)?), codec::maybe_uuid(row, 1)?.map(KeyId));
        Ok(Asker { workspace: closing.workspace, user, key })
    })?;
    let asker = asker.ok_or_else(|| Fault::corrupt(format!("{} has a call and no row", closing.generation)))?;
    let mut places = applying(&budgets, &asker, closing.at);
    places.retain(|place| book.entries_of(closing.generation).all(|entry| entry.place.budget != place.budget));
    load(db, &budgets, &places, &mut book)?;
    let before = if places.is_empty() { Figures::default() } else { beside(db, closing)? };
    let spent = Spent { added: closing.added, taken_back: closing.taken_back, before };
    book.spend(closing.generation, &places, &spent, closing.at);
    write(db, book)
}

/// The generation has ended.
pub(crate) fn end(session: &mut Session<'_>, generation: GenerationId) -> Done<()> {
    let budgets = session.budgets()?;
    if budgets.is_empty() {
        return Ok(());
    }
    let mut book = of_generation(session.db, &budgets, generation)?;
    book.end(generation);
    write(session.db, book)
}

/// Calls of these generations are removed for their age.
pub(crate) fn fold(db: Db<'_>, generations: BTreeSet<GenerationId>) -> Done<()> {
    for generation in generations {
        db.execute(sql!("budgets/fold"), [generation.0.as_bytes()])?;
        db.execute(sql!("budgets/delete_entries"), [generation.0.as_bytes()])?;
    }
    Ok(())
}

/// What the generation's other closed calls used.
fn beside(db: Db<'_>, closing: &Closing) -> Done<Figures> {
    let ids = [closing.generation.0.as_bytes(), closing.call.0.as_bytes()];
    let calls = db.all(sql!("budgets/beside"), ids, |row| {
        let tokens = |place: usize| -> Done<Option<Tokens>> { Ok(row.get::<_, Option<i64>>(place)?.map(Tokens)) };
        let usage = TokenUsage { input: tokens(0)?, output: tokens(1)?, ..TokenUsage::default() };
        let cost = row.get::<_, Option<i64>>(2)?.map(NanoUsd);
        Ok(Figures::of_call(CallOutcome::Ok, &usage, cost, 0))
    })?;
    Ok(calls.iter().fold(Figures::default(), |sum, call| sum.plus(call)))
}

/// The generation's entries with their sums.
fn of_generation(db: Db<'_>, budgets: &[Budget], generation: GenerationId) -> Done<Book> {
    let entries = db.all(sql!("budgets/entries"), [generation.0.as_bytes()], |row| {
        let place = Place {
            budget: BudgetId(codec::uuid(row, "budget_id")?),
            owner: Owner(codec::uuid(row, "owner_id")?),
            period_at: codec::instant(row, "period_at")?,
        };
        let (used, reserved, before) = (row.get("used")?, row.get("reserved")?, row.get("used_before")?);
        Ok(Entry { place, used, reserved, before })
    })?;
    let mut book = Book::default();
    let places: Vec<Place> = entries.iter().map(|entry| entry.place).collect();
    entries.into_iter().for_each(|entry| book.load_entry(generation, entry));
    load(db, budgets, &places, &mut book)?;
    Ok(book)
}

fn load(db: Db<'_>, budgets: &[Budget], places: &[Place], book: &mut Book) -> Done<()> {
    for place in places {
        budgets.iter().filter(|budget| budget.id == place.budget).for_each(|it| book.load_budget(it.clone()));
        let params = params![place.budget.0.as_bytes(), place.period_at.micros(), place.owner.0.as_bytes()];
        if let Some(row) = db.first(sql!("budgets/use"), params, use_row)? {
            book.load_use(*place, row);
        }
    }
    Ok(())
}

fn write(db: Db<'_>, mut book: Book) -> Done<()> {
    let changes = book.take_changes();
    for (place, row) in changes.uses {
        let (budget, owner) = (place.budget.0.as_bytes(), place.owner.0.as_bytes());
        let params = params![budget, place.period_at.micros(), owner, row.used, row.reserved, row.warned];
        db.execute(sql!("budgets/put_use"), params)?;
    }
    for (generation, entry) in changes.entries {
        let Entry { place, used, reserved, before } = entry;
        let (generation, budget) = (generation.0.as_bytes(), place.budget.0.as_bytes());
        let (period_at, owner) = (place.period_at.micros(), place.owner.0.as_bytes());
        let params = params![generation, budget, period_at, owner, used, reserved, before];
        db.execute(sql!("budgets/put_entry"), params)?;
    }
    for warning in changes.warnings {
        let Some(budget) = book.budget(warning.place.budget) else { continue };
        write_event(db, &warned(budget, &warning))?;
    }
    Ok(())
}

fn use_row(row: &Row<'_>) -> Done<Use> {
    Ok(Use { used: row.get("used")?, reserved: row.get("reserved")?, warned: row.get("warned")? })
}

fn budget_row(row: &Row<'_>) -> Done<Budget> {
    let subject_id = codec::maybe_uuid(row, "subject_id")?;
    let (zone, warn_at): (String, String) = (row.get("zone")?, row.get("warn_at")?);
    Ok(Budget {
        id: BudgetId(codec::uuid(row, "id")?),
        workspace: WorkspaceId(codec::uuid(row, "workspace_id")?),
        subject: codec::word(row, "budgets.subject", |word| Subject::read(word, subject_id))?,
        measure: codec::word(row, "budgets.measure", Measure::parse)?,
        period: codec::word(row, "budgets.period", Period::parse)?,
        zone: Zone::named(&zone).map_err(|error| Fault::corrupt(format!("budgets.zone: {error}")))?,
        limit: row.get("amount")?,
        warn_at: Shares::parse(&warn_at).map_err(|error| Fault::corrupt(format!("budgets.warn_at: {error}")))?,
        created_at: codec::instant(row, "created_at")?,
        ended_at: codec::maybe_instant(row, "ended_at")?,
    })
}

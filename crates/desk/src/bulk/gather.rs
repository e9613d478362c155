//! Finding what a bulk action concerns, page by page, and what it would concern. Only what is older than the bulk action
//! itself: what is made later is not touched, however long it runs.

use super::spec::{Spec, Walk, Which, statuses};
use super::{Desk, Wanted};
use crate::accept::{Again, Request, route};
use crate::bound::Asked;
use crate::error::DeskError;
use copydesk_core::budget::bound::MostCost;
use copydesk_core::bulk::Action;
use copydesk_core::job::Note;
use copydesk_core::recipe::Params;
use copydesk_core::{BulkId, GenerationId, NanoUsd, Timestamp};
use copydesk_store::bulk::{BulkRow, Gather};
use copydesk_store::drafts::DraftFilter;
use copydesk_store::generations::{GenerationFilter, GenerationRow};
use copydesk_store::{Order, PageRequest, Scope, StoreError};
use uuid::Uuid;

/// The most things one bulk action is done to. What is beyond it is left, and said.
pub const ITEMS_MAX: u64 = 200_000;
/// How many are read and written at once.
const PAGE: u32 = 1_000;
/// Up to how many retries are priced one by one for an outlook.
const PRICED_MAX: u64 = 1_000;
/// How many ids an outlook names.
const NAMED_MAX: usize = 10;

/// What a bulk action would concern.
#[derive(Clone, PartialEq, Debug)]
pub struct Outlook {
    pub total: u64,
    /// There are more than one bulk action is done to.
    pub more: bool,
    /// The first of them.
    pub first: Vec<Uuid>,
    /// How many of these a retry would skip, because their draft has a later generation; `None` for other actions and where
    /// they are too many to look at one by one.
    pub superseded: Option<u64>,
    /// What retrying the others may cost at most; `None` likewise, and where it is not known of one.
    pub most: Option<NanoUsd>,
}

/// A page of what a walk finds.
struct Found {
    ids: Vec<Uuid>,
    next: Option<String>,
}

impl Desk {
    /// Adds the next page. How many items there are more.
    pub(super) async fn gather(&self, row: &BulkRow) -> Result<u64, DeskError> {
        let spec = Spec::read(row)?;
        let (facts, from) = (&row.facts, row.bulk.walk.clone().unwrap_or_default());
        let walk = Walk::read(&from)
            .ok_or_else(|| DeskError::Store(StoreError::Corrupt(format!("the walk of {}: {from:?}", facts.id))))?;
        let scope = scope_of(row);
        let mut found = self.page_of(scope, &spec.which, facts.action, &walk, facts.id).await?;
        let room = ITEMS_MAX.saturating_sub(row.bulk.tally.total());
        let mut to = walk.next(found.next, facts.action, &spec.which);
        let mut note = None;
        if found.ids.len() as u64 > room || (room == 0 && to.is_some()) {
            found.ids.truncate(usize::try_from(room).unwrap_or(usize::MAX));
            to = None;
            let what = format!("There are more than {ITEMS_MAX}; the rest is left as it is. Ask again for it.");
            note = Some(Note::new("too_many", what));
        }
        let gather = Gather {
            scope,
            bulk: facts.id,
            at: self.inner.now(),
            from,
            to: to.map(|walk| walk.to_string()),
            items: found.ids,
            note,
        };
        let after = self.store().gather(gather).await?;
        // Moving on is work, too: an empty page may not be the last.
        Ok(1 + after.bulk.tally.total().saturating_sub(row.bulk.tally.total()))
    }

    async fn page_of(
        &self,
        scope: Scope,
        which: &Which,
        action: Action,
        walk: &Walk,
        before: BulkId,
    ) -> Result<Found, DeskError> {
        let page = PageRequest { limit: PAGE, after: walk.after.clone(), order: Order::OldestFirst };
        let status = statuses(action, which).get(walk.place).copied().flatten();
        let mut found = match which {
            Which::Ids(_) => Found { ids: vec![], next: None },
            Which::Generations(filter) => {
                let filter = GenerationFilter { status, ..filter.clone() };
                let page = self.store().list(scope, filter, page).await?;
                Found { ids: page.rows.iter().map(|row| row.generation.id.0).collect(), next: page.next }
            }
            Which::Drafts(filter) => {
                let page = self.store().list_drafts(scope, filter.clone(), page).await?;
                Found { ids: page.rows.iter().map(|row| row.id.0).collect(), next: page.next }
            }
        };
        let whole = found.ids.len();
        found.ids.retain(|id| *id < before.0);
        // Those of a job come in the order of its items, and end with them.
        let in_order = !matches!(which, Which::Drafts(DraftFilter { job: Some(_), .. }));
        found.next = found.next.filter(|_| found.ids.len() == whole || !in_order);
        Ok(found)
    }

    /// What [`Desk::open_bulk`] would concern now. Writes nothing.
    pub async fn dry_bulk(&self, wanted: Wanted) -> Result<Outlook, DeskError> {
        self.check_bulk(&wanted)?;
        let (now, mut walk) = (self.inner.now(), Some(Walk::START));
        let before = BulkId(self.inner.world.uuid(now));
        let mut outlook = Outlook { total: 0, more: false, first: vec![], superseded: None, most: None };
        if let Which::Ids(ids) = &wanted.which {
            let ids: std::collections::BTreeSet<Uuid> = ids.iter().copied().collect();
            outlook.total = ids.len() as u64;
            outlook.first = ids.into_iter().take(NAMED_MAX).collect();
            return Ok(outlook);
        }
        let mut retries = (wanted.action == Action::Retry).then(Retries::default);
        while let Some(here) = walk.filter(|_| !outlook.more) {
            let found = self.page_of(wanted.scope, &wanted.which, wanted.action, &here, before).await?;
            outlook.total += found.ids.len() as u64;
            let room = NAMED_MAX - outlook.first.len();
            outlook.first.extend(found.ids.iter().take(room));
            outlook.more = outlook.total > ITEMS_MAX;
            retries = match retries.take().filter(|_| outlook.total <= PRICED_MAX) {
                Some(so_far) => Some(self.priced(so_far, &wanted, &found.ids, now).await?),
                None => None,
            };
            walk = here.next(found.next, wanted.action, &wanted.which);
        }
        outlook.total = outlook.total.min(ITEMS_MAX);
        outlook.superseded = retries.as_ref().map(|retries| retries.superseded);
        outlook.most = retries.and_then(|retries| retries.most);
        Ok(outlook)
    }

    /// `so_far` and what trying these again comes to.
    async fn priced(
        &self,
        mut so_far: Retries,
        wanted: &Wanted,
        ids: &[Uuid],
        now: Timestamp,
    ) -> Result<Retries, DeskError> {
        for id in ids.iter().map(|id| GenerationId(*id)) {
            if self.superseded(wanted.scope, id).await?.is_some() {
                so_far.superseded += 1;
            } else {
                let row = self.store().get(wanted.scope, id).await?;
                let cost = self.most_of(wanted, row, now).await?;
                so_far.most = so_far.most.zip(cost).map(|(sum, cost)| NanoUsd(sum.0.saturating_add(cost.0)));
            }
        }
        Ok(so_far)
    }

    /// What trying it again may cost at most; `None` where that is not known.
    async fn most_of(&self, wanted: &Wanted, row: GenerationRow, now: Timestamp) -> Result<Option<NanoUsd>, DeskError> {
        let change = Again { model: wanted.model.clone(), permit: wanted.permit.clone(), ..Again::default() };
        match self.asked_again(wanted.scope, row, change).await {
            Ok(request) => Ok(self.most_of_request(&request, now)),
            Err(error @ DeskError::Store(_)) => Err(error),
            // What it started from is gone: trying it again says so.
            Err(_) => Ok(None),
        }
    }

    /// The request of another try, with what is filled in today.
    async fn asked_again(&self, scope: Scope, row: GenerationRow, change: Again) -> Result<Request, DeskError> {
        let mut request = self.once_more(scope, row, change).await?;
        self.fill(&mut request).await?;
        Ok(request)
    }

    fn most_of_request(&self, request: &Request, now: Timestamp) -> Option<NanoUsd> {
        let loaded = self.recipe(&request.recipe).ok()?;
        let models = match &request.model {
            Some(model) => vec![model.clone()],
            None => route(&loaded.recipe, &self.inner.providers),
        };
        let params = Params::read(&request.params, &loaded.recipe, &request.input).ok()?;
        // A part costs what asking for that part costs.
        let loaded = match &request.revision {
            Some(revising) => revising.recipe(&loaded).ok()?,
            None => loaded,
        };
        let asked = Asked { loaded: &loaded, input: &request.input, params: &params };
        match self.inner.bound(asked, &models, now).cost {
            MostCost::Known(cost) => Some(cost),
            MostCost::Unknown { .. } => None,
        }
    }
}

/// What a retry would come to.
struct Retries {
    superseded: u64,
    most: Option<NanoUsd>,
}

impl Default for Retries {
    fn default() -> Retries {
        Retries { superseded: 0, most: Some(NanoUsd(0)) }
    }
}

/// Where it looks and what it may touch.
pub(super) fn scope_of(row: &BulkRow) -> Scope {
    match row.facts.user {
        Some(user) => row.facts.scope.of_user(user),
        None => row.facts.scope,
    }
}

//! The lane sets (workspace, recipe, model, onward or last) as small numbers. A row of `queues` never changes, so each process keeps what
//! it has seen. New ones are written outside the caller's transaction: nothing waits for them, a roll-back keeps them.

use crate::failure::Fault;
use crate::pipeline::read;
use crate::types::{params, sql};
use copydesk_core::WorkspaceId;
use copydesk_store::StoreError;
use deadpool_postgres::Pool;
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use tokio_postgres::Row;

/// The number under which `clock` keeps the common virtual time; no queue has it. `claim/clock.sql` names it too.
pub const COMMON: i32 = 0;

/// What a queue's number stands for.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Queue {
    pub workspace: WorkspaceId,
    pub recipe: String,
    pub provider: String,
    pub model: String,
    /// The route has a further model.
    pub onward: bool,
}

impl Queue {
    pub fn of(row: &Row) -> Queue {
        Queue {
            workspace: WorkspaceId(row.get("workspace_id")),
            recipe: row.get("recipe"),
            provider: row.get("provider"),
            model: row.get("model"),
            onward: row.get("onward"),
        }
    }
}

/// The provider of a `provider/model`.
pub fn provider(model: &str) -> &str {
    model.split_once('/').map_or(model, |(provider, _)| provider)
}

/// By workspace, then recipe, then model: the one from which the route goes on, and the one where it ends.
type Numbers = HashMap<WorkspaceId, HashMap<String, HashMap<String, Pair>>>;

#[derive(Clone, Copy, Default)]
struct Pair {
    onward: Option<i32>,
    last: Option<i32>,
}

/// A lane set to be numbered.
#[derive(Clone, Copy)]
pub struct Wanted<'a> {
    pub workspace: WorkspaceId,
    pub recipe: &'a str,
    pub model: &'a str,
    pub onward: bool,
}

#[derive(Default)]
pub struct Queues(RwLock<Numbers>);

impl Queues {
    fn known(&self, wanted: Wanted<'_>) -> Option<i32> {
        let numbers = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let pair = numbers.get(&wanted.workspace)?.get(wanted.recipe)?.get(wanted.model)?;
        if wanted.onward { pair.onward } else { pair.last }
    }

    fn learn(&self, wanted: Wanted<'_>, number: i32) {
        let mut numbers = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let models = numbers.entry(wanted.workspace).or_default().entry(wanted.recipe.to_owned()).or_default();
        let pair = models.entry(wanted.model.to_owned()).or_default();
        *(if wanted.onward { &mut pair.onward } else { &mut pair.last }) = Some(number);
    }

    /// Reads all there are, once at start.
    pub async fn load(&self, pool: &Pool) -> Result<(), Fault> {
        for row in read(pool, sql!("accept/all_queues"), params![]).await? {
            let queue = Queue::of(&row);
            let Queue { workspace, recipe, model, onward, .. } = &queue;
            self.learn(Wanted { workspace: *workspace, recipe, model, onward: *onward }, row.get("id"));
        }
        Ok(())
    }

    /// The number of a lane set, made if it is a new one.
    pub async fn intern(&self, pool: &Pool, wanted: Wanted<'_>) -> Result<i32, Fault> {
        if let Some(number) = self.known(wanted) {
            return Ok(number);
        }
        let Wanted { workspace, recipe, model, onward } = wanted;
        let insert = params![workspace.0, recipe, provider(model), model, onward];
        read(pool, sql!("accept/insert_queue"), insert).await?;
        let rows = read(pool, sql!("accept/find_queue"), params![workspace.0, recipe, model, onward]).await?;
        let row = rows.first().ok_or_else(|| StoreError::Corrupt(format!("queue {recipe} {model} vanished")))?;
        let number = row.get("id");
        self.learn(wanted, number);
        Ok(number)
    }
}

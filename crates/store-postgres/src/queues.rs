//! The lane sets (workspace, recipe, model) as small numbers. A row of `queues` never changes, so each process keeps what
//! it has seen. New ones are written outside the caller's transaction: nothing waits for them, a roll-back keeps them.

use crate::failure::Fault;
use crate::pipeline::read;
use crate::types::{params, sql};
use copydesk_core::WorkspaceId;
use copydesk_store::{Scope, StoreError};
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
}

impl Queue {
    pub fn of(row: &Row) -> Queue {
        Queue {
            workspace: WorkspaceId(row.get("workspace_id")),
            recipe: row.get("recipe"),
            provider: row.get("provider"),
            model: row.get("model"),
        }
    }
}

/// The provider of a `provider/model`.
pub fn provider(model: &str) -> &str {
    model.split_once('/').map_or(model, |(provider, _)| provider)
}

/// By workspace, then recipe, then model.
type Numbers = HashMap<WorkspaceId, HashMap<String, HashMap<String, i32>>>;

#[derive(Default)]
pub struct Queues(RwLock<Numbers>);

impl Queues {
    fn known(&self, scope: Scope, recipe: &str, model: &str) -> Option<i32> {
        let numbers = self.0.read().unwrap_or_else(PoisonError::into_inner);
        numbers.get(&scope.workspace)?.get(recipe)?.get(model).copied()
    }

    fn learn(&self, workspace: WorkspaceId, recipe: &str, model: &str, number: i32) {
        let mut numbers = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let models = numbers.entry(workspace).or_default().entry(recipe.to_owned()).or_default();
        models.insert(model.to_owned(), number);
    }

    /// Reads all there are, once at start.
    pub async fn load(&self, pool: &Pool) -> Result<(), Fault> {
        for row in read(pool, sql!("accept/all_queues"), params![]).await? {
            let queue = Queue::of(&row);
            self.learn(queue.workspace, &queue.recipe, &queue.model, row.get("id"));
        }
        Ok(())
    }

    /// The number of a lane set, made if it is a new one.
    pub async fn intern(&self, pool: &Pool, scope: Scope, recipe: &str, model: &str) -> Result<i32, Fault> {
        if let Some(number) = self.known(scope, recipe, model) {
            return Ok(number);
        }
        let workspace = scope.workspace;
        let insert = params![workspace.0, recipe, provider(model), model];
        read(pool, sql!("accept/insert_queue"), insert).await?;
        let rows = read(pool, sql!("accept/find_queue"), params![workspace.0, recipe, model]).await?;
        let row = rows.first().ok_or_else(|| StoreError::Corrupt(format!("queue {recipe} {model} vanished")))?;
        let number = row.get("id");
        self.learn(workspace, recipe, model, number);
        Ok(number)
    }
}

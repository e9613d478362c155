//! Webhooks: the endpoints and the addresses that requests name. Each change of an endpoint is counted in its workspace's
//! feed. Their messages: `deliveries.rs`.

use crate::PostgresStore;
use crate::failure::Fault;
use crate::pipeline::{Steps, Tx, read};
use crate::read::{Cursor, page_of};
use crate::types::{Micros, columns, params, sql, text, unknown_word};
use copydesk_core::refusal::Refusal;
use copydesk_core::webhook::Disabled;
use copydesk_core::{GenerationId, Timestamp, WebhookId, WorkspaceId};
use copydesk_store::generations::Accept;
use copydesk_store::webhooks::{EndpointChange, EndpointRow, RequestHook, Resume};
use copydesk_store::{Order, Page, PageRequest, Scope, StoreError};
use tokio_postgres::Row;

impl PostgresStore {
    pub(crate) async fn insert_webhook(&self, row: &EndpointRow) -> Result<bool, Fault> {
        let last = self.last_event().await?;
        let workspace = row.workspace.0;
        let mut tx = Tx::open(&self.writers).await?;
        let mut steps = Steps::default();
        let params = params![
            row.id.0,
            workspace,
            row.url.as_deref(),
            row.events.as_str(),
            text(&row.description),
            row.secret.as_slice(),
            last,
            row.revision,
            Micros::from(row.created_at)
        ];
        steps.add(sql!("webhooks/insert"), params);
        if tx.send(steps).await?.into_rows().is_empty() {
            tx.rollback().await?;
            return Ok(false);
        }
        let mut steps = Steps::default();
        touch_feed(&mut steps, row.workspace, last);
        tx.commit(steps).await?;
        Ok(true)
    }

    pub(crate) async fn read_webhook(&self, workspace: WorkspaceId, id: WebhookId) -> Result<EndpointRow, StoreError> {
        let rows = read(&self.readers, sql!("webhooks/get"), params![workspace.0, id.0]).await?;
        let missing = || StoreError::NotFound { what: "webhook", id: id.to_string() };
        rows.first().map(endpoint).ok_or_else(missing)?
    }

    pub(crate) async fn page_webhooks(
        &self,
        scope: Scope,
        page: &PageRequest,
    ) -> Result<Page<EndpointRow>, StoreError> {
        let cursor = Cursor::<WebhookId>::of(page)?;
        let sql = match page.order {
            Order::NewestFirst => sql!("webhooks/list_newest"),
            Order::OldestFirst => sql!("webhooks/list_oldest"),
        };
        let rows = read(&self.readers, sql, params![scope.workspace.0, cursor.after.0, cursor.limit]).await?;
        page_of(&rows, page, endpoint, |row| row.id.to_string())
    }

    pub(crate) async fn write_webhook_change(&self, change: &EndpointChange) -> Result<EndpointRow, Fault> {
        let (row, last) = (&change.row, self.last_event().await?);
        let mut tx = Tx::open(&self.writers).await?;
        let mut steps = Steps::default();
        let params = params![
            row.url.as_deref(),
            row.events.as_str(),
            text(&row.description),
            row.secret.as_slice(),
            row.old_secret.as_ref().map(|(secret, _)| secret.as_slice()),
            row.old_secret.as_ref().map(|(_, until)| Micros::from(*until)),
            row.disabled.map(|(at, _)| Micros::from(at)),
            row.disabled.map(|(_, why)| why.as_str()),
            row.removed_at.map(Micros::from),
            row.disabled.is_none(),
            last,
            row.workspace.0,
            row.id.0,
            change.if_revision
        ];
        if let Some(Resume { at, .. }) = change.resume {
            // Lanes first, as everybody who writes messages does.
            steps.add(sql!("webhooks/wake_lanes"), params![Micros::from(at), row.workspace.0]);
        }
        let change_at = steps.add(sql!("webhooks/change"), params);
        let answers = tx.send(steps).await?;
        let Some(changed) = answers.rows(Some(change_at)).first() else {
            tx.rollback().await?;
            let current = self.read_webhook(row.workspace, row.id).await?.revision;
            return Err(StoreError::Refused(Refusal::VersionConflict { current }).into());
        };
        let changed = endpoint(changed)?;
        let mut steps = Steps::default();
        touch_feed(&mut steps, row.workspace, last);
        if let Some(Resume { put_by, at }) = change.resume {
            let (at, put_by) = (Micros::from(at), Micros::from(put_by));
            steps.add(sql!("webhooks/resume"), params![at, row.workspace.0, row.id.0, put_by]);
        }
        tx.commit(steps).await?;
        Ok(changed)
    }

    pub(crate) async fn webhook_of_requests(&self, scope: Scope) -> Result<Option<EndpointRow>, StoreError> {
        let rows = read(&self.readers, sql!("webhooks/of_requests"), params![scope.workspace.0]).await?;
        rows.first().map(endpoint).transpose()
    }

    pub(crate) async fn hooks_of_requests(
        &self,
        workspace: WorkspaceId,
        generations: &[GenerationId],
    ) -> Result<Vec<(GenerationId, RequestHook)>, StoreError> {
        let ids: Vec<uuid::Uuid> = generations.iter().map(|id| id.0).collect();
        let rows = read(&self.readers, sql!("webhooks/request_hooks"), params![workspace.0, ids]).await?;
        let hook = |row: &Row| {
            let hook = RequestHook { url: row.get("url"), events: row.get("events") };
            (GenerationId(row.get("generation_id")), hook)
        };
        Ok(rows.iter().map(hook).collect())
    }

    /// The last number drawn. Asked outside of a transaction: what begins to write afterwards gets a higher one.
    async fn last_event(&self) -> Result<i64, Fault> {
        let rows = read(&self.readers, sql!("events/last"), params![]).await?;
        Ok(rows.first().map_or(0, |row| row.get("seq")))
    }
}

/// With accepted requests that named an address; nothing for those that did not.
pub fn put_requests<'a>(steps: &mut Steps<'a>, requests: impl Iterator<Item = &'a Accept>) {
    let named: Vec<_> = requests.filter_map(|request| Some((request, request.webhook.as_ref()?))).collect();
    if !named.is_empty() {
        let params =
            columns!(named, n => n.0.scope.workspace.0, n.0.generation.0, n.1.url.as_str(), n.1.events.as_str());
        steps.add(sql!("webhooks/put_request"), params);
    }
}

/// The endpoints of the workspace have changed.
pub fn touch_feed(steps: &mut Steps<'_>, workspace: WorkspaceId, last: i64) {
    steps.add(sql!("webhooks/put_feed"), params![workspace.0, last]);
}

pub fn endpoint(row: &Row) -> Result<EndpointRow, StoreError> {
    let instant = |column: &str| row.get::<_, Option<Micros>>(column).map(Timestamp::from);
    let disabled = match instant("disabled_at") {
        Some(at) => {
            let word: String = row.get("disabled_why");
            Some((at, Disabled::parse(&word).ok_or_else(|| unknown_word("reason", &word))?))
        }
        None => None,
    };
    Ok(EndpointRow {
        id: WebhookId(row.get("id")),
        workspace: WorkspaceId(row.get("workspace_id")),
        url: row.get("url"),
        events: row.get("events"),
        description: row.get("description"),
        secret: row.get("secret"),
        old_secret: row.get::<_, Option<Vec<u8>>>("old_secret").zip(instant("old_secret_until")),
        old_events: row.get::<_, Option<String>>("old_events").zip(row.get("old_events_to")),
        since_seq: row.get("since_seq"),
        revision: row.get("revision"),
        created_at: row.get::<_, Micros>("created_at").into(),
        disabled,
        failing_since: instant("failing_since"),
        removed_at: instant("removed_at"),
    })
}

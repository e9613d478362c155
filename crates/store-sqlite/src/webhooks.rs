//! Webhooks: the endpoints and the addresses that requests name. Each change of an endpoint is counted in its workspace's
//! feed. Their messages: `deliveries.rs`.

use crate::codec;
use crate::db::{Db, ordered, sql};
use crate::fault::Done;
use crate::open::SqliteStore;
use crate::page::{self, Cut};
use copydesk_core::refusal::Refusal;
use copydesk_core::webhook::Disabled;
use copydesk_core::{GenerationId, Timestamp, WebhookId, WorkspaceId};
use copydesk_store::generations::Accept;
use copydesk_store::webhooks::{EndpointChange, EndpointRow, RequestHook, Resume};
use copydesk_store::{Answer, Page, PageRequest, Scope, StoreError, WebhookStore};
use rusqlite::{Row, params};

impl WebhookStore for SqliteStore {
    fn add_webhook(&self, row: EndpointRow) -> Answer<'_, bool> {
        Box::pin(self.write(0, move |session| insert(session.db, &row)))
    }

    fn webhook(&self, scope: Scope, id: WebhookId) -> Answer<'_, EndpointRow> {
        Box::pin(self.read(move |db| get(db, scope.workspace, id)))
    }

    fn webhooks(&self, scope: Scope, page: PageRequest) -> Answer<'_, Page<EndpointRow>> {
        Box::pin(self.read(move |db| {
            let cut = Cut::new::<WebhookId>(&page, |id| id.0)?;
            let params = params![scope.workspace.0.as_bytes(), cut.after.as_bytes(), cut.limit];
            let rows = db.all(ordered!(cut, "webhooks/list"), params, endpoint)?;
            Ok(page::cut(rows, page.limit, |row| row.id.to_string()))
        }))
    }

    fn change_webhook(&self, change: EndpointChange) -> Answer<'_, EndpointRow> {
        Box::pin(self.write(0, move |session| write_change(session.db, &change)))
    }

    fn request_webhook(&self, scope: Scope) -> Answer<'_, Option<EndpointRow>> {
        Box::pin(
            self.read(move |db| {
                db.first(sql!("webhooks/of_requests"), params![scope.workspace.0.as_bytes()], endpoint)
            }),
        )
    }

    fn request_hooks(
        &self,
        workspace: WorkspaceId,
        generations: Vec<GenerationId>,
    ) -> Answer<'_, Vec<(GenerationId, RequestHook)>> {
        Box::pin(self.read(move |db| {
            let mut found = Vec::new();
            for id in generations {
                let hook = db.first(
                    sql!("webhooks/request_hooks"),
                    params![workspace.0.as_bytes(), id.0.as_bytes()],
                    |row| Ok(RequestHook { url: row.get("url")?, events: row.get("events")? }),
                )?;
                found.extend(hook.map(|hook| (id, hook)));
            }
            Ok(found)
        }))
    }
}

/// With an accepted request that named an address.
pub(crate) fn put_request(db: Db<'_>, request: &Accept) -> Done<()> {
    if let Some(hook) = &request.webhook {
        let (workspace, id) = (request.scope.workspace.0.as_bytes(), request.generation.0.as_bytes());
        db.execute(sql!("webhooks/put_request"), params![workspace, id, hook.url, hook.events])?;
    }
    Ok(())
}

fn insert(db: Db<'_>, row: &EndpointRow) -> Done<bool> {
    let workspace = row.workspace.0.as_bytes();
    let last = db.number(sql!("events/last"), [workspace])?;
    let params = params![
        row.id.0.as_bytes(),
        workspace,
        row.url,
        row.events,
        row.description,
        row.secret,
        last,
        row.revision,
        row.created_at.micros(),
    ];
    let written: Option<i64> = db.first(sql!("webhooks/insert"), params, |row| Ok(row.get(0)?))?;
    if written.is_some() {
        touch_feed(db, row.workspace, last)?;
    }
    Ok(written.is_some())
}

/// The endpoints of the workspace have changed.
pub(crate) fn touch_feed(db: Db<'_>, workspace: WorkspaceId, last: i64) -> Done<()> {
    db.execute(sql!("webhooks/put_feed"), params![workspace.0.as_bytes(), last])?;
    Ok(())
}

fn write_change(db: Db<'_>, change: &EndpointChange) -> Done<EndpointRow> {
    let row = &change.row;
    let workspace = row.workspace.0.as_bytes();
    let last = db.number(sql!("events/last"), [workspace])?;
    let params = params![
        row.url,
        row.events,
        row.description,
        row.secret,
        row.old_secret.as_ref().map(|(secret, _)| secret),
        row.old_secret.as_ref().map(|(_, until)| until.micros()),
        row.disabled.map(|(at, _)| at.micros()),
        row.disabled.map(|(_, why)| why.as_str()),
        row.removed_at.map(Timestamp::micros),
        row.disabled.is_none(),
        last,
        workspace,
        row.id.0.as_bytes(),
        change.if_revision,
    ];
    match db.first(sql!("webhooks/change"), params, endpoint)? {
        Some(changed) => {
            touch_feed(db, row.workspace, last)?;
            if let Some(Resume { put_by, at }) = change.resume {
                let params = params![at.micros(), workspace, row.id.0.as_bytes(), put_by.micros()];
                db.execute(sql!("webhooks/resume"), params)?;
                db.execute(sql!("webhooks/wake_lanes"), params![at.micros(), workspace])?;
            }
            Ok(changed)
        }
        None => {
            let current = get(db, row.workspace, row.id)?.revision;
            Err(StoreError::Refused(Refusal::VersionConflict { current }).into())
        }
    }
}

fn get(db: Db<'_>, workspace: WorkspaceId, id: WebhookId) -> Done<EndpointRow> {
    let found = db.first(sql!("webhooks/get"), params![workspace.0.as_bytes(), id.0.as_bytes()], endpoint)?;
    found.ok_or_else(|| StoreError::NotFound { what: "webhook", id: id.to_string() }.into())
}

pub(crate) fn endpoint(row: &Row<'_>) -> Done<EndpointRow> {
    let disabled = match codec::maybe_instant(row, "disabled_at")? {
        Some(at) => Some((at, codec::word(row, "webhooks.disabled_why", Disabled::parse)?)),
        None => None,
    };
    let old: Option<Vec<u8>> = row.get("old_secret")?;
    Ok(EndpointRow {
        id: WebhookId(codec::uuid(row, "id")?),
        workspace: WorkspaceId(codec::uuid(row, "workspace_id")?),
        url: row.get("url")?,
        events: row.get("events")?,
        description: row.get("description")?,
        secret: row.get("secret")?,
        old_secret: old.zip(codec::maybe_instant(row, "old_secret_until")?),
        old_events: row.get::<_, Option<String>>("old_events")?.zip(row.get("old_events_to")?),
        since_seq: row.get("since_seq")?,
        revision: row.get("revision")?,
        created_at: codec::instant(row, "created_at")?,
        disabled,
        failing_since: codec::maybe_instant(row, "failing_since")?,
        removed_at: codec::maybe_instant(row, "removed_at")?,
    })
}

-- Differs from SQLite: a whole batch at once.
update mailings g
set queued = u.queued, sending = u.sending, sent = u.sent, failed = u.failed, unknown = u.unknown, cancelled = u.cancelled,
    skipped = u.skipped, paused_at = u.paused_at, finished_at = u.finished_at, updated_at = u.updated_at
from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[],
    $8::timestamptz[], $9::timestamptz[], $10::timestamptz[], $11::uuid[], $12::uuid[]) as u (
    queued, sending, sent, failed, unknown, cancelled, skipped, paused_at, finished_at, updated_at, workspace_id, id
)
where g.workspace_id = any (array[u.workspace_id]) and g.id = any (array[u.id])

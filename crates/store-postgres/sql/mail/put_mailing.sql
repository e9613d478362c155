-- Differs from SQLite: a whole batch at once.
update mailings g
set total = u.total, queued = u.queued, sending = u.sending, sent = u.sent, failed = u.failed, unknown = u.unknown,
    cancelled = u.cancelled, skipped = u.skipped, walk = u.walk, cancelling = u.cancelling,
    retry_walk = u.retry_walk, paused_at = u.paused_at, finished_at = u.finished_at, updated_at = u.updated_at
from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[],
    $9::uuid[], $10::boolean[], $11::uuid[], $12::timestamptz[], $13::timestamptz[], $14::timestamptz[], $15::uuid[],
    $16::uuid[]) as u (
    total, queued, sending, sent, failed, unknown, cancelled, skipped, walk, cancelling, retry_walk, paused_at, finished_at,
    updated_at, workspace_id, id
)
where g.workspace_id = any (array[u.workspace_id]) and g.id = any (array[u.id])

-- Differs from SQLite: a whole batch at once.
update prospect_list p
set sent_at = u.sent_at, sent_draft_id = greatest(p.sent_draft_id, u.draft_id)
from unnest($1::timestamptz[], $2::uuid[], $3::uuid[], $4::uuid[]) as u (sent_at, draft_id, workspace_id, id)
where p.workspace_id = any (array[u.workspace_id]) and p.id = u.id and (p.sent_at is null or p.sent_at < u.sent_at)

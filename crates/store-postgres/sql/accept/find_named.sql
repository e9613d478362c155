-- Differs from SQLite: a whole batch at once.
select d.workspace_id, d.external_id, d.id, d.user_id, d.live_generation_id, d.version_count > 0 as has_version
from unnest($1::uuid[], $2::text[]) as u (workspace_id, external_id)
join drafts d on d.workspace_id = u.workspace_id and d.external_id = u.external_id and d.deleted_at is null

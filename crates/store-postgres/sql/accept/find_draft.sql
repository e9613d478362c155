-- Differs from SQLite: a whole batch at once, as arrays.
select d.id, d.workspace_id, d.status, d.current_version, d.version_count, d.live_generation_id
from unnest($1::uuid[]) as u (id)
join drafts d on d.id = any (array[u.id])
where d.deleted_at is null

-- Differs from SQLite: a whole batch at once, as arrays.
update drafts d
set live_generation_id = u.generation_id, status = u.status, updated_at = u.at, revision = d.revision + 1
from unnest($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[]) as u (id, generation_id, status, at)
where d.id = any (array[u.id])

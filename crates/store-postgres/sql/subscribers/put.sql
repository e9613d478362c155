-- Differs from SQLite: a whole batch at once.
update subscribers s
set address = u.address, name = u.name, external_id = u.external_id, updated_at = u.updated_at
from unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::uuid[], $6::uuid[]) as u (
    address, name, external_id, updated_at, workspace_id, id
)
where s.workspace_id = any (array[u.workspace_id]) and s.id = any (array[u.id])

-- Differs from SQLite: a whole batch at once, as arrays.
select u.id, coalesce(o.attempt, n.attempt, p.attempt, r.attempt) as attempt,
       coalesce(o.row_version, n.row_version, p.row_version, r.row_version) as row_version,
       coalesce(o.status, case when n.id is not null then $3 when coalesce(p.id, r.id) is not null then $4 end) as status
from unnest($1::uuid[], $2::uuid[]) as u (id, workspace_id)
left join outcomes o on o.id = any (array[u.id]) and o.workspace_id is not distinct from u.workspace_id
left join runs n on n.id = any (array[u.id]) and n.workspace_id is not distinct from u.workspace_id
left join parked p on p.id = any (array[u.id]) and p.workspace_id is not distinct from u.workspace_id
left join ready r on r.id = any (array[u.id]) and r.workspace_id is not distinct from u.workspace_id

-- Differs from SQLite: a whole batch at once, as arrays.
select u.place, i.fingerprint, i.generation_id, i.draft_id, i.deduplicated
from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[])
     with ordinality as u (workspace_id, owner, route, key, at, place)
join idempotency i on i.workspace_id = any (array[u.workspace_id]) and i.owner = any (array[u.owner])
  and i.route = any (array[u.route]) and i.key = any (array[u.key])
where i.expires_at > u.at

-- Differs from SQLite: several at once. `place` is where each stands in the list.
select u.place, s.no
from unnest($1::uuid[], $2::bigint[], $3::uuid[], $4::text[], $5::text[], $6::text[]) with ordinality
     as u (workspace_id, cuboid, user_id, service, operation, model, place)
join usage_series s on s.workspace_id = any (array[u.workspace_id]) and s.cuboid = u.cuboid and s.user_id = u.user_id
  and s.service = u.service and s.operation = u.operation and s.model = u.model

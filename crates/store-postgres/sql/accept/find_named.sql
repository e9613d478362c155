-- Differs from SQLite: a whole batch at once. `offset 0` keeps the planner from turning the join round and reading every draft
-- that has a name.
select d.workspace_id, d.external_id, d.id, d.user_id, d.live_generation_id, d.version_count > 0 as has_version
from unnest($1::uuid[], $2::text[]) as u (workspace_id, external_id)
cross join lateral (
  select x.* from drafts x
  where x.workspace_id = u.workspace_id and x.external_id = u.external_id and x.deleted_at is null
  offset 0
) d

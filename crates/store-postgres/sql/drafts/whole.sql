-- Only here: many drafts in one round trip. SQLite asks `get` and `version` for each of them. The limit keeps the planner
-- from a scan of the workspace's drafts, which it otherwise takes to be cheaper for a large batch in a small table.
select w.place, d.id, d.user_id, coalesce(u.external_id, '') as user_external, d.recipe, d.title, d.status, d.review, d.review_reason,
       d.current_version, d.version_count, d.live_generation_id, d.external_id, d.revision, d.created_at, d.updated_at,
       d.generated_at, d.published_at, d.deleted_at,
       v.draft_id, v.number, v.origin, v.reason, v.generation_id, v.form, v.title as version_title, v.body, v.words,
       v.hash, v.provenance, v.created_at as version_created_at
from unnest($1::uuid[], $2::uuid[]) with ordinality as w (id, workspace_id, place)
cross join lateral (
  select * from drafts d where d.id = w.id and d.workspace_id = w.workspace_id limit 1
) d
left join users u on u.workspace_id = any (array[d.workspace_id]) and u.id = any (array[d.user_id])
left join versions v on v.draft_id = any (array[d.id]) and v.number = any (array[d.current_version])

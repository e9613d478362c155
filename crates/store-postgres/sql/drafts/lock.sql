-- Only here: many writers.
select d.id, d.user_id, coalesce(u.external_id, '') as user_external, d.recipe, d.title, d.status, d.review, d.review_reason,
       d.current_version, d.version_count, d.live_generation_id, d.external_id, d.revision, d.created_at, d.updated_at,
       d.generated_at, d.published_at, d.deleted_at
from drafts d
left join users u on u.workspace_id = d.workspace_id and u.id = d.user_id
where d.id = $1 and d.workspace_id = $2
for update of d

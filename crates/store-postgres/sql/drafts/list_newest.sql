-- Differs from SQLite: planned for the values at hand, so one statement serves with and without filters.
select d.id, d.user_id, coalesce(u.external_id, '') as user_external, d.recipe, d.title, d.status, d.review, d.review_reason,
       d.current_version, d.version_count, d.live_generation_id, d.external_id, d.revision, d.created_at, d.updated_at,
       d.generated_at, d.published_at, d.deleted_at
from drafts d
left join users u on u.workspace_id = d.workspace_id and u.id = d.user_id
where d.workspace_id = $1 and d.id < $2
  and d.deleted_at is null
  and ($3::text is null or d.status = $3)
  and ($4::text is null or d.recipe = $4)
  and ($5::uuid is null or d.user_id = $5)
  and ($6::text is null or d.external_id = $6)
  and ($7::text is null or d.review = $7)
order by d.id desc
limit $8

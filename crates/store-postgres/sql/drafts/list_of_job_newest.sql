-- Differs from SQLite: parameters that may be null say their type.
-- What the items of a job made, in their order; skipped ones name another's draft.
select d.id, d.user_id, coalesce(u.external_id, '') as user_external, d.recipe, d.title, d.status, d.review, d.review_reason,
       d.current_version, d.version_count, d.live_generation_id, d.external_id, d.revision, d.created_at, d.updated_at,
       d.generated_at, d.published_at, d.deleted_at, i.seq
from job_items i
join drafts d on d.workspace_id = $1 and d.id = i.draft_id
left join users u on u.workspace_id = d.workspace_id and u.id = d.user_id
where i.job_id = $2 and i.seq < $3 and i.status <> $4
  and d.deleted_at is null
  and ($5::text is null or d.status = $5)
  and ($6::text is null or d.recipe = $6)
  and ($7::uuid is null or d.user_id = $7)
  and ($8::text is null or d.external_id = $8)
  and ($9::text is null or d.review = $9)
order by i.seq desc
limit $10

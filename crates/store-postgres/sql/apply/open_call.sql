-- Only here: SQLite opens a further call with `claim/insert_call`, one by one.
insert into calls (
  id, workspace_id, user_id, draft_id, generation_id, attempt, service, operation, provider, model, opened_at
)
select u.id, g.workspace_id, g.user_id, g.draft_id, g.id, u.attempt, g.recipe, u.step, u.provider, u.model, u.at
from unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::timestamptz[])
     as u (id, generation_id, attempt, step, provider, model, at)
join generations g on g.id = any (array[u.generation_id])

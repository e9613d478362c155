-- Only here: a whole batch at once.
-- A range of one and its order, since no other index answers them: by equality
-- a planner that knows of no rows may as well walk the workspace.
with named as materialized (
  select q.id
  from unnest($3::text[]) as u (identity)
  cross join lateral (
    select x.id from prospect_list x
    where x.workspace_id = $1 and x.deleted_at is null and x.identity >= u.identity and x.identity <= u.identity
    order by x.identity limit 1
  ) q
  union
  select unnest($2::uuid[])
  order by 1
)
select p.id, p.workspace_id, p.verification, p.import_id, p.revision, p.created_at, p.updated_at, p.external_id, p.name, p.company,
       p.contact_email, p.website, p.category, p.source_type, p.notes, p.verification_reason, p.judged, p.facts, p.sent_at, p.sent_draft_id, p.answered_at
from named n
cross join lateral (
  select x.* from prospect_list x where x.workspace_id = $1 and x.id = n.id and x.deleted_at is null offset 0
) p

-- Differs from SQLite: it locks them once, and answers with those it removed.
with chosen as materialized (
    select p.id from prospect_list p
    where p.workspace_id = $2 and p.import_id = $3 and p.deleted_at is null and p.revision = $4 + p.judged
      and not exists (
          select 1 from drafts d
          where d.workspace_id = p.workspace_id and d.external_id = p.draft_name and d.deleted_at is null
      )
    order by p.id limit $5
    for update of p
)
update prospect_list p
set deleted_at = $1, updated_at = $1, revision = p.revision + 1
from chosen c
where p.workspace_id = $2 and p.id = c.id
returning p.id

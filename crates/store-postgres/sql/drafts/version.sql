-- Differs from SQLite: one more column.
select draft_id, number, origin, reason, generation_id, form, title, body, words, hash, provenance, created_at
from versions
where draft_id = $1 and workspace_id = $2
  and number = coalesce($3, (select current_version from drafts where id = $1 and workspace_id = $2))

-- Differs from SQLite: one more column.
select draft_id, number, origin, reason, generation_id, form, title, '' as body, words, hash, provenance, created_at
from versions
where draft_id = $1 and workspace_id = $2
order by number

-- Differs from SQLite: names, types and functions.
select workspace_id, id from drafts
where (workspace_id, id) > ($1, $2) and (workspace_id, id) <= ($3, $4)
order by workspace_id, id limit $5

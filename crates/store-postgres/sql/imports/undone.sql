-- Differs from SQLite: the type of its first parameter.
update prospect_imports set removed = removed + $1::bigint, undone_at = coalesce(undone_at, $2) where workspace_id = $3 and id = $4

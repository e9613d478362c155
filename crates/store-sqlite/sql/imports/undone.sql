UPDATE prospect_imports SET removed = removed + $1, undone_at = coalesce(undone_at, $2) WHERE workspace_id = $3 AND id = $4

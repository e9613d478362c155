-- Differs from SQLite: what comes back says whether there was one.
delete from subscribers where workspace_id = $1 and id = $2 returning id

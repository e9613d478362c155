-- Differs from SQLite: all at once.
select id, external_id from users where workspace_id = $1 and id = any ($2::uuid[])

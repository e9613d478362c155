-- Differs from SQLite: no index is named.
select count(*) as total from prospect_list where workspace_id = $1 and deleted_at is null

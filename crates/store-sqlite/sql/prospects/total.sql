-- Only here: PostgreSQL counts in the statement that cuts.
SELECT count(*) AS total FROM prospect_list INDEXED BY prospect_list_order WHERE workspace_id = $1 AND deleted_at IS NULL

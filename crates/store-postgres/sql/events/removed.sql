-- Differs from SQLite: spelling only.
select coalesce(max(seq), 0) as seq from events_removed where workspace_id = $1

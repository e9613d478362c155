-- Differs from Postgres: SQLite's names of types and functions.
-- $1 is the newest instant the data knows; the sweeper is given a minute.
SELECT workspace_id, id, 'live past its deadline' FROM ready WHERE deadline_at < $1 - 60000000
UNION ALL
SELECT workspace_id, id, 'live past its deadline' FROM parked WHERE deadline_at < $1 - 60000000
UNION ALL
SELECT workspace_id, id, 'live past its deadline' FROM runs WHERE deadline_at < $1 - 60000000

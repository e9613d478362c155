-- Differs from Postgres: SQLite's names of types and functions.
SELECT check_name, subject, detail, workspace_id, first_seen_at, last_seen_at
FROM audit_findings
WHERE gone_at IS NULL
ORDER BY check_name, place, subject
LIMIT $1

-- Differs from Postgres: SQLite's names of types and functions.
SELECT check_name, place, subject
FROM audit_findings
WHERE space = $1 AND place > $2 AND place <= $3 AND gone_at IS NULL

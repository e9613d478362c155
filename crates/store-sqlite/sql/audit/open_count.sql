-- Differs from Postgres: SQLite's names of types and functions.
SELECT check_name, count(*) FROM audit_findings WHERE gone_at IS NULL GROUP BY check_name ORDER BY check_name

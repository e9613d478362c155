-- Differs from Postgres: one row at a time.
INSERT INTO audit_findings (check_name, place, subject, space, workspace_id, detail, first_seen_at, last_seen_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $7)
ON CONFLICT (check_name, place, subject)
DO UPDATE SET detail = excluded.detail, last_seen_at = excluded.last_seen_at, gone_at = NULL

-- Differs from Postgres: one row at a time.
UPDATE audit_findings SET gone_at = $1 WHERE check_name = $2 AND place = $3 AND subject = $4

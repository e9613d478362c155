-- Differs from Postgres: parameters that may be null.
SELECT m.workspace_id, m.mailing_id, m.id
FROM mails m INDEXED BY mails_sending
WHERE m.status = 'sending'
  AND CASE WHEN $1 IS NOT NULL THEN m.node_id <> $1
           ELSE NOT EXISTS (SELECT 1 FROM nodes n WHERE n.id = m.node_id AND n.beat_at >= $2) END
LIMIT $3

-- Differs from SQLite: a whole batch at once.
SELECT s.workspace_id, s.id, s.list, s.address, s.recipient, s.name, s.external_id, s.created_at, s.updated_at,
       u.id AS suppression_id, u.list AS suppression_list, u.reason, u.created_at AS unsubscribed_at
FROM unnest($3::text[]) AS w (recipient)
JOIN subscribers s ON s.workspace_id = $1 AND s.list = any (array[$2::text]) AND s.recipient = any (array[w.recipient])
LEFT JOIN suppressions u ON u.workspace_id = s.workspace_id AND u.id = (
    SELECT x.id FROM suppressions x
    WHERE x.workspace_id = s.workspace_id AND x.recipient = s.recipient AND x.list IN ('', s.list)
    ORDER BY x.list LIMIT 1
)

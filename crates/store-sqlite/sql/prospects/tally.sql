SELECT CASE
           WHEN p.verification = $1 AND $1 <> $2 THEN 0
           WHEN $3 AND p.contact_email IS NULL THEN 1
           WHEN p.verification <> $2 THEN 2
           WHEN $4 IS NOT NULL AND (p.source_type IS NULL OR p.source_type <> $4) THEN 3
           WHEN p.sent_at IS NOT NULL OR d.current_version > 0 THEN 4
           WHEN d.live_generation_id IS NOT NULL THEN 5
           ELSE 6
       END AS standing, count(*) AS prospects
FROM prospect_list p INDEXED BY prospect_list_alive
LEFT JOIN drafts d ON d.workspace_id = p.workspace_id AND d.id = (
    SELECT x.id FROM drafts x INDEXED BY drafts_external
    WHERE x.workspace_id = p.workspace_id AND x.external_id = p.draft_name AND x.deleted_at IS NULL
    ORDER BY x.id DESC LIMIT 1
)
WHERE p.workspace_id = $5 AND p.deleted_at IS NULL
  AND ($6 IS NULL OR p.verification = $6) AND ($7 IS NULL OR p.source_type = $7) AND ($8 IS NULL OR p.category = $8)
  AND ($9 IS NULL OR $9 = (p.contact_email IS NOT NULL)) AND ($10 IS NULL OR p.import_id = $10)
  AND ($11 IS NULL OR $11 = CASE WHEN d.id <= p.sent_draft_id THEN 3 WHEN d.current_version > 0 THEN 2 WHEN d.live_generation_id IS NOT NULL THEN 1 WHEN p.sent_at IS NOT NULL THEN 3 ELSE 0 END)
  AND ($12 IS NULL OR p.sent_at < $12) AND ($13 IS NULL OR $13 = (p.answered_at IS NOT NULL))
GROUP BY standing

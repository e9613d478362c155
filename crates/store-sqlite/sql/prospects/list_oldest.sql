SELECT p.id, p.workspace_id, p.verification, p.import_id, p.revision, p.created_at, p.updated_at, p.external_id, p.name, p.company,
       p.contact_email, p.website, p.category, p.source_type, p.notes, p.verification_reason, p.judged, p.facts, p.sent_at, p.sent_draft_id, p.answered_at, d.id AS draft_id, d.status AS draft_status, d.review AS draft_review,
       d.live_generation_id AS draft_live, d.current_version AS draft_version, v.title AS draft_title, v.body AS draft_body
FROM prospect_list p
LEFT JOIN drafts d ON d.workspace_id = p.workspace_id AND d.id = (
    SELECT x.id FROM drafts x INDEXED BY drafts_external
    WHERE x.workspace_id = p.workspace_id AND x.external_id = p.draft_name AND x.deleted_at IS NULL
    ORDER BY x.id DESC LIMIT 1
)
LEFT JOIN versions v ON v.draft_id = d.id AND v.number = d.current_version
WHERE p.workspace_id = $1 AND p.id > $2 AND p.deleted_at IS NULL
  AND ($3 IS NULL OR p.verification = $3) AND ($4 IS NULL OR p.source_type = $4) AND ($5 IS NULL OR p.category = $5)
  AND ($6 IS NULL OR $6 = (p.contact_email IS NOT NULL)) AND ($7 IS NULL OR p.import_id = $7)
  AND ($8 IS NULL OR $8 = CASE WHEN d.id <= p.sent_draft_id THEN 3 WHEN d.current_version > 0 THEN 2 WHEN d.live_generation_id IS NOT NULL THEN 1 WHEN p.sent_at IS NOT NULL THEN 3 ELSE 0 END)
  AND ($9 IS NULL OR p.sent_at < $9) AND ($10 IS NULL OR $10 = (p.answered_at IS NOT NULL))
ORDER BY p.id ASC
LIMIT $11

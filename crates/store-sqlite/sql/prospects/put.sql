UPDATE prospect_list
SET identity = $1, verification = $2, revision = $3, updated_at = $4, deleted_at = $5, external_id = $6, name = $7, company = $8,
    contact_email = $9, website = $10, category = $11, source_type = $12, notes = $13, verification_reason = $14, judged = $15,
    facts = $16, answered_at = $17
WHERE workspace_id = $18 AND id = $19 AND deleted_at IS NULL

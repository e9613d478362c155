UPDATE prospect_list
SET identity = $1, verification = $2, revision = $3, updated_at = $4, deleted_at = $5, external_id = $6, name = $7, company = $8,
    contact_email = $9, website = $10, category = $11, source_type = $12, notes = $13, facts = $14, answered_at = $15
WHERE workspace_id = $16 AND id = $17 AND deleted_at IS NULL

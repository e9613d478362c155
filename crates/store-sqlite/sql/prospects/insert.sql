INSERT INTO prospect_list (
    workspace_id, id, identity, draft_name, verification, import_id, revision, created_at, updated_at, external_id, name, company,
    contact_email, website, category, source_type, notes, verification_reason, judged, facts, answered_at
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)

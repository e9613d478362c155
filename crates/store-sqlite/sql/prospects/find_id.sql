-- Only here: Postgres finds a whole batch at once.
SELECT p.id, p.workspace_id, p.verification, p.import_id, p.revision, p.created_at, p.updated_at, p.external_id, p.name, p.company,
       p.contact_email, p.website, p.category, p.source_type, p.notes, p.verification_reason, p.judged, p.facts, p.sent_at, p.sent_draft_id, p.answered_at
FROM prospect_list p
WHERE p.workspace_id = $1 AND p.id = $2 AND p.deleted_at IS NULL

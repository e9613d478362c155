UPDATE prospect_list
SET deleted_at = $1, updated_at = $1, revision = revision + 1
WHERE workspace_id = $2 AND id IN (
    SELECT p.id FROM prospect_list p INDEXED BY prospect_list_import
    WHERE p.workspace_id = $2 AND p.import_id = $3 AND p.deleted_at IS NULL AND p.revision = $4 + p.judged
      AND NOT EXISTS (
          SELECT 1 FROM drafts d INDEXED BY drafts_external
          WHERE d.workspace_id = p.workspace_id AND d.external_id = p.draft_name AND d.deleted_at IS NULL
      )
    ORDER BY p.id LIMIT $5
)

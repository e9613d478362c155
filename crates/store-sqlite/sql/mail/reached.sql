UPDATE prospect_list SET sent_at = $1, sent_draft_id = max(coalesce(sent_draft_id, $2), $2)
WHERE workspace_id = $3 AND id = $4 AND (sent_at IS NULL OR sent_at < $1)

UPDATE prospect_list SET sent_at = $1 WHERE workspace_id = $2 AND id = $3 AND (sent_at IS NULL OR sent_at < $1)

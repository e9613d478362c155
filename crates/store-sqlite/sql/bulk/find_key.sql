SELECT b.fingerprint,
       b.id, b.workspace_id, b.user_id, b.key_id, b.action, b.kind, b.spec, b.created_at, b.status, b.walk, b.open, b.done, b.skipped,
       b.failed, b.note_code, b.note, b.updated_at, b.finished_at, b.told_at
FROM bulk_list b
WHERE b.workspace_id = $1 AND b.idempotency_key = $2

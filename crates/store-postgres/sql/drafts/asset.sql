select generation_id, draft_id, version, seq, media_type, bytes, sha256, path, created_at
from assets
where id = $1 and workspace_id = $2

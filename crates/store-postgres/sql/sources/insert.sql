-- Differs from SQLite: the types are named.
INSERT INTO sources (
  id, workspace_id, user_id, user_external, kind, name, url, body, schedule, fetched_at, next_at, paused_at, failures,
  fetches, new_items, revision, created_at, updated_at
)
SELECT $1::uuid, $2::uuid, $3::uuid, $4::text, $5::text, $6::text, $7::text, $8::text, $9::text, $10::timestamptz,
       $11::timestamptz, $12::timestamptz, 0, 0, 0, 1, $13::timestamptz, $13
WHERE (SELECT count(*) FROM sources s WHERE s.workspace_id = $2 AND s.user_id = $3) < $14
ON CONFLICT (id) DO NOTHING
RETURNING id

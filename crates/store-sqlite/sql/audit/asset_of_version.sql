-- Differs from Postgres: SQLite's names of types and functions.
SELECT a.workspace_id, a.generation_id, printf('file %d belongs to version %d, which is not the one it wrote', a.seq, a.version)
FROM assets a
WHERE a.generation_id > $1 AND a.generation_id <= $2
  AND NOT EXISTS (
      SELECT 1 FROM versions v
      WHERE v.generation_id = a.generation_id AND v.draft_id = a.draft_id AND v.number = a.version
  )

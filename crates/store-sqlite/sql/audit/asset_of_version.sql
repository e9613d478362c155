-- Differs from Postgres: SQLite's names of types and functions.
SELECT a.id, printf('version %d is not the one its generation wrote', a.version)
FROM assets a
WHERE NOT EXISTS (
    SELECT 1 FROM versions v
    WHERE v.generation_id = a.generation_id AND v.draft_id = a.draft_id AND v.number = a.version
)

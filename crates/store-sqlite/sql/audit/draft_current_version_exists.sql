-- Differs from Postgres: SQLite's names of types and functions.
SELECT d.workspace_id, d.id, printf('current %d, counted %d, stored %d', d.current_version, d.version_count, d.stored)
FROM (
    SELECT drafts.workspace_id, drafts.id, drafts.current_version, drafts.version_count,
           (SELECT count(*) FROM versions v WHERE v.draft_id = drafts.id) AS stored
    FROM drafts
    WHERE (drafts.workspace_id, drafts.id) > ($1, $2) AND (drafts.workspace_id, drafts.id) <= ($3, $4)
) d
WHERE d.stored <> d.version_count
   OR (d.current_version = 0) <> (d.stored = 0)
   OR (d.current_version > 0
       AND NOT EXISTS (SELECT 1 FROM versions v WHERE v.draft_id = d.id AND v.number = d.current_version))

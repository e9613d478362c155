-- Differs from Postgres: SQLite's names of types and functions.
SELECT d.id, printf('current %d, counted %d, stored %d', d.current_version, d.version_count, count(v.number))
FROM drafts d
LEFT JOIN versions v ON v.draft_id = d.id
GROUP BY d.id
HAVING count(v.number) <> d.version_count
    OR (d.current_version = 0) <> (count(v.number) = 0)
    OR (d.current_version > 0 AND sum(v.number = d.current_version) <> 1)

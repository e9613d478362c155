-- Only here: the catalogue is SQLite's own.
SELECT type, name, tbl_name, coalesce(sql, '')
FROM sqlite_schema
WHERE type IN ('table', 'index', 'view') AND name NOT LIKE 'sqlite_%'
ORDER BY type, name

-- Differs from Postgres: SQLite's names of types and functions.
SELECT d.id, printf('%s, with %d versions and a live generation that is %s',
                    d.status, d.version_count, coalesce(s.status, 'absent'))
FROM drafts d
LEFT JOIN (
    SELECT id, 'pending' AS status FROM ready
    UNION ALL SELECT id, 'pending' FROM parked
    UNION ALL SELECT id, 'processing' FROM runs
) s ON s.id = d.live_generation_id
WHERE NOT CASE d.status
    WHEN 'pending' THEN d.version_count = 0 AND s.status IS 'pending'
    WHEN 'processing' THEN d.version_count = 0 AND s.status IS 'processing'
    WHEN 'draft' THEN d.version_count > 0
    WHEN 'published' THEN d.version_count > 0 AND s.status IS NULL
    ELSE d.version_count = 0 AND s.status IS NULL
END

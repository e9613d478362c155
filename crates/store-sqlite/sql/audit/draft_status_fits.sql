-- Differs from Postgres: SQLite's names of types and functions.
SELECT d.workspace_id, d.id, printf('%s, with %d versions and a live generation that is %s',
                                    d.status, d.version_count, coalesce(d.live_status, 'absent'))
FROM (
    SELECT drafts.workspace_id, drafts.id, drafts.status, drafts.version_count,
           CASE WHEN EXISTS (SELECT 1 FROM runs n WHERE n.id = drafts.live_generation_id) THEN 'processing'
                WHEN EXISTS (SELECT 1 FROM ready r WHERE r.id = drafts.live_generation_id) THEN 'pending'
                WHEN EXISTS (SELECT 1 FROM parked p WHERE p.id = drafts.live_generation_id) THEN 'pending'
           END AS live_status
    FROM drafts
    WHERE (drafts.workspace_id, drafts.id) > ($1, $2) AND (drafts.workspace_id, drafts.id) <= ($3, $4)
) d
WHERE NOT CASE d.status
    WHEN 'pending' THEN d.version_count = 0 AND d.live_status IS 'pending'
    WHEN 'processing' THEN d.version_count = 0 AND d.live_status IS 'processing'
    WHEN 'draft' THEN d.version_count > 0
    WHEN 'published' THEN d.version_count > 0 AND d.live_status IS NULL
    ELSE d.version_count = 0 AND d.live_status IS NULL
END

-- Differs from Postgres: SQLite's names of types and functions.
SELECT d.id, 'its live generation is final, missing or of another draft'
FROM drafts d
WHERE d.live_generation_id IS NOT NULL
  AND NOT EXISTS (
      SELECT 1
      FROM (SELECT id FROM ready UNION ALL SELECT id FROM parked UNION ALL SELECT id FROM runs) l
      JOIN generations g ON g.id = l.id
      WHERE l.id = d.live_generation_id AND g.draft_id = d.id
  )

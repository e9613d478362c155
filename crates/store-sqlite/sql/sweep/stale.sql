-- Only here: part of `overdue` there. For `cleanup-stale` only: everything live that was accepted before an instant.
SELECT g.id
FROM (SELECT id FROM ready UNION ALL SELECT id FROM parked UNION ALL SELECT id FROM runs) live
JOIN generations g ON g.id = live.id
WHERE g.accepted_at < $1 AND g.id > $2
ORDER BY g.id
LIMIT $3

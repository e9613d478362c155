-- Ids rise with the time of the accept, so the lowest one is the oldest, and no other row is looked at.
SELECT g.accepted_at AS accepted_at
FROM (SELECT id FROM ready ORDER BY id LIMIT 1) r
JOIN generations g ON g.id = r.id

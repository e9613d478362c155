-- Differs from Postgres: SQLite's names of types and functions.
-- A lot is part of its own grant; all lots of a user are counted and are part of what the user has.
SELECT l.workspace_id, l.user_id, printf('%d left of a grant of %d', l.remaining, coalesce(t.amount, 0))
FROM lots l
LEFT JOIN transfers t
    ON t.id = l.transfer_id AND t.workspace_id = l.workspace_id AND t.user_id = l.user_id
   AND t.expires_at = l.expires_at AND (t.kind = 'grant' OR t.kind = 'purchase')
WHERE (l.workspace_id, l.user_id) >= ($1, $2) AND (l.workspace_id, l.user_id) < ($3, $4)
  AND (t.id IS NULL OR l.remaining > t.amount)
UNION ALL
SELECT b.workspace_id, b.user_id, printf('%d lots with %d, the account says %d lots and has %d',
                                         b.stored, b.remaining, b.lots, b.has)
FROM (
    SELECT a.workspace_id, a.user_id, a.lots, a.available + a.held AS has,
           (SELECT count(*) FROM lots l WHERE l.workspace_id = a.workspace_id AND l.user_id = a.user_id) AS stored,
           (SELECT coalesce(sum(l.remaining), 0) FROM lots l
            WHERE l.workspace_id = a.workspace_id AND l.user_id = a.user_id) AS remaining
    FROM accounts a
    WHERE (a.workspace_id, a.user_id) >= ($1, $2) AND (a.workspace_id, a.user_id) < ($3, $4)
) b
WHERE b.stored <> b.lots OR b.remaining > b.has
UNION ALL
SELECT l.workspace_id, l.user_id, 'a lot without an account'
FROM lots l
WHERE (l.workspace_id, l.user_id) >= ($1, $2) AND (l.workspace_id, l.user_id) < ($3, $4)
  AND NOT EXISTS (SELECT 1 FROM accounts a WHERE a.workspace_id = l.workspace_id AND a.user_id = l.user_id)

-- Differs from Postgres: SQLite's names of types and functions.
-- A lot is part of its own grant; all lots of a user are counted and are part of what the user has.
SELECT l.user_id, printf('%d left of a grant of %d', l.remaining, coalesce(t.amount, 0))
FROM lots l
LEFT JOIN transfers t
    ON t.id = l.transfer_id AND t.workspace_id = l.workspace_id AND t.user_id = l.user_id
   AND t.expires_at = l.expires_at AND (t.kind = 'grant' OR t.kind = 'purchase')
WHERE t.id IS NULL OR l.remaining > t.amount
UNION ALL
SELECT coalesce(a.user_id, l.user_id),
       printf('%d lots with %d, the account says %d lots and has %d', coalesce(l.lots, 0), coalesce(l.remaining, 0),
              coalesce(a.lots, 0), coalesce(a.available + a.held, 0))
FROM accounts a
FULL JOIN (
    SELECT workspace_id, user_id, count(*) AS lots, sum(remaining) AS remaining FROM lots GROUP BY workspace_id, user_id
) l ON l.workspace_id = a.workspace_id AND l.user_id = a.user_id
WHERE coalesce(l.lots, 0) <> coalesce(a.lots, 0) OR coalesce(l.remaining, 0) > coalesce(a.available + a.held, 0)

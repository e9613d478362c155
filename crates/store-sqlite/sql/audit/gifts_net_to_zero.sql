-- Differs from Postgres: SQLite's names of types and functions.
SELECT min(user_id),
       printf('gift %s: %d sent, %d received', reference,
              sum(CASE WHEN kind = 'gift_sent' THEN amount ELSE 0 END),
              sum(CASE WHEN kind = 'gift_received' THEN amount ELSE 0 END))
FROM transfers
WHERE kind = 'gift_sent' OR kind = 'gift_received'
GROUP BY workspace_id, reference
HAVING sum(CASE WHEN kind = 'gift_sent' THEN amount ELSE -amount END) <> 0

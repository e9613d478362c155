-- Differs from Postgres: SQLite's names of types and functions.
-- Each side of a gift has exactly one other, of the same amount, at the user it names.
SELECT t.workspace_id, t.user_id, printf('gift %s of %d: the other side is missing or another', t.reference, t.amount)
FROM transfers t
WHERE (t.kind = 'gift_sent' OR t.kind = 'gift_received')
  AND (t.workspace_id, t.user_id) >= ($1, $2) AND (t.workspace_id, t.user_id) < ($3, $4)
  AND 1 <> (
      SELECT count(*)
      FROM transfers o
      WHERE (o.kind = 'gift_sent' OR o.kind = 'gift_received')
        AND o.workspace_id = t.workspace_id AND o.user_id = t.peer_id AND o.reference = t.reference
        AND o.kind <> t.kind AND o.amount = t.amount AND o.peer_id = t.user_id
  )

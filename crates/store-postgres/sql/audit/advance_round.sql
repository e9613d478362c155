-- Differs from SQLite: the row changed is answered.
update audit_round
set began_at = $1, ended_at = $2, rounds = $3, space = $4, after_place = $5, fresh_place = $6, proved = $7,
    proved_before = $8
where node_id = $9
returning id

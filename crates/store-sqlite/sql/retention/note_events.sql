-- Differs from Postgres: one at a time, since a statement costs no round trip.
INSERT INTO events_removed (workspace_id, seq) VALUES ($1, $2)
ON CONFLICT (workspace_id) DO UPDATE SET seq = max(seq, excluded.seq)

-- Differs from Postgres: one at a time, since a statement costs no round trip.
INSERT INTO webhook_lanes (workspace_id, lane_id, due_at) VALUES ($1, $2, $3)
ON CONFLICT (workspace_id, lane_id) DO UPDATE SET due_at = excluded.due_at WHERE webhook_lanes.due_at > excluded.due_at

-- Differs from SQLite: a name.
SELECT min(not_before_at) AS next_due FROM parked WHERE not_before_at IS NOT NULL

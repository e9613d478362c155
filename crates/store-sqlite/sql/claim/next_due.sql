SELECT min(not_before_at) FROM parked WHERE not_before_at IS NOT NULL

INSERT INTO pauses (what, since_at) VALUES ($1, $2) ON CONFLICT (what) DO NOTHING

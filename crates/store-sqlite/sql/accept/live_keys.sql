-- Only here: the writer keeps the keys in memory.
SELECT key_hash, generation_id FROM live_keys

-- Only here: indexes serve the lists by user there.
INSERT INTO belongings (user_no, id) VALUES ($1, $2)

-- Only here: indexes serve the lists by user there.
DELETE FROM belongings WHERE user_no = $1 AND id = $2

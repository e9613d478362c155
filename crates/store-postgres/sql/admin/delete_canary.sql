DELETE FROM canary WHERE id = $1

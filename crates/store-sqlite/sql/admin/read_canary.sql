SELECT at FROM canary WHERE id = $1

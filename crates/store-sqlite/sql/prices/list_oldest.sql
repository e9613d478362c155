SELECT number, model, from_at, version, rates, created_at
FROM prices
WHERE number > $1 AND model = coalesce($2, model)
ORDER BY number
LIMIT $3

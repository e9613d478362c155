INSERT INTO prices (model, from_at, version, rates, created_at)
VALUES ($1, $2, $3, $4, $5)
RETURNING number

-- Differs from Postgres: one writer, so one row at a time costs no round trip.
-- Usage of an attempt that lost its lease. A call closed in any other way than as lost stays as it is: the same result
-- twice is once.
UPDATE calls
SET tokens_input = $1, tokens_output = $2, tokens_cached = $3, tokens_reasoning = $4, estimated = $5,
    cost_nanousd = $6, cost_status = $7, price_version = $8, duration_ms = $9, http_status = $10,
    provider_request_id = $11, served_model = $12, error_code = $13, error = $14, outcome = $15, closed_at = $16
WHERE id = $17 AND workspace_id = $18 AND (closed_at IS NULL OR outcome = $19)

-- Differs from Postgres: one writer, and no array types.
-- The estimate: a token for every $4 bytes of input, none of output; the cost is unknown. Calls with a dot in their
-- operation belong to steps that make files, and have nothing that could be estimated (`recipe::step::counts_tokens`).
UPDATE calls
SET closed_at = $1,
    outcome = $2,
    cost_status = $3,
    tokens_input = CASE WHEN instr(operation, '.') = 0 THEN
        (SELECT (g.input_bytes + $4 - 1) / $4 FROM generations g WHERE g.id = calls.generation_id) END,
    estimated = instr(operation, '.') = 0,
    duration_ms = 0
WHERE (workspace_id, id) IN (
    SELECT c.workspace_id, c.id
    FROM calls c
    WHERE c.closed_at IS NULL
      AND c.opened_at < $5
      AND NOT EXISTS (SELECT 1 FROM runs r WHERE r.id = c.generation_id AND r.call_id = c.id)
    ORDER BY c.opened_at
    LIMIT $6
)

-- Differs from Postgres: SQLite's names of types and functions.
-- What an entry counts, with what came before it, is what the generation's closed calls used; what has ended sets nothing
-- aside. What one call adds is bounded as core does it.
SELECT s.workspace_id, s.generation_id, printf('%d and %d before are not the %d its calls used, %d set aside', s.used, s.used_before, s.came_to, s.reserved)
FROM (
    SELECT b.workspace_id, e.generation_id, e.used, e.used_before, e.reserved,
           EXISTS (SELECT 1 FROM outcomes o WHERE o.id = e.generation_id) AS ended,
           coalesce((
               SELECT sum(CASE b.measure
                   WHEN 'cost' THEN min(max(coalesce(c.cost_nanousd, 0), 0), 10000000000000)
                   ELSE min(max(coalesce(c.tokens_input, 0), 0), 10000000000000)
                       + min(max(coalesce(c.tokens_output, 0), 0), 10000000000000) END)
               FROM calls c
               WHERE c.generation_id = e.generation_id AND c.closed_at IS NOT NULL), 0) AS came_to
    FROM budget_entries e
    JOIN budgets b ON b.id = e.budget_id
    WHERE e.generation_id > $1 AND e.generation_id <= $2
) s
WHERE s.used + s.used_before <> s.came_to OR (s.ended AND s.reserved <> 0)

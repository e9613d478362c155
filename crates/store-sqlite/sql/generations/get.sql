-- Differs from Postgres: the workspace is a parameter only.
SELECT g.id AS id, g.draft_id AS draft_id, g.user_id AS user_id, u.external_id AS user_external, g.key_id AS key_id,
       g.recipe AS recipe, g.recipe_version AS recipe_version,
       coalesce(r.model, p.model, x.model,
                (SELECT c.model FROM calls c
                 WHERE c.generation_id = g.id AND c.attempt = o.attempt
                 ORDER BY c.id LIMIT 1),
                g.model) AS model, g.model AS asked_model,
       CASE WHEN $1 THEN i.input ELSE '' END AS input, i.filled AS filled, i.metadata AS metadata, g.target AS target, g.dedupe_key AS dedupe_key,
       g.priority AS priority, g.job_id AS job_id, g.job_seq AS job_seq, g.accepted_at AS accepted_at, g.deadline_at AS deadline_at,
       g.attempt_timeout_us AS attempt_timeout_us, g.max_attempts AS max_attempts, g.attempts_per_model AS attempts_per_model, g.hold AS hold, g.metered_per_usd AS metered_per_usd, g.metered_margin AS metered_margin,
       g.metered_min AS metered_min, g.cost_max AS cost_max, g.params AS params,
       coalesce(r.attempt, p.attempt, x.attempt, o.attempt) AS attempt,
       coalesce(r.spent, p.spent, x.spent, o.spent) AS spent,
       coalesce(r.row_version, p.row_version, x.row_version, o.row_version) AS row_version,
       r.id AS ready_id,
       p.reason AS reason, p.not_before_at AS not_before_at,
       x.node_id AS node_id, x.claimed_at AS claimed_at, x.attempt_deadline_at AS attempt_deadline_at,
       coalesce(x.claimed_at, o.started_at) AS started_at,
       o.status AS final_status, o.finished_at AS finished_at, o.settled AS settled, o.version AS version,
       o.origin AS origin, o.error_code AS error_code, o.error AS error, o.error_detail AS error_detail,
       coalesce(r.last_error_code, p.last_error_code, x.last_error_code, o.error_code) AS last_error_code,
       coalesce(r.last_error, p.last_error, x.last_error, o.error) AS last_error
FROM generations g
LEFT JOIN users u ON u.workspace_id = g.workspace_id AND u.id = g.user_id
LEFT JOIN inputs i ON i.generation_id = g.id
LEFT JOIN ready r ON r.id = g.id
LEFT JOIN parked p ON p.id = g.id
LEFT JOIN runs x ON x.id = g.id
LEFT JOIN outcomes o ON o.id = g.id
WHERE g.id = $2 AND g.workspace_id = $3

-- Only here: part of `fence` there.
SELECT g.draft_id, g.user_id, g.recipe, g.base_version, g.target, g.dedupe_key, d.version_count,
       g.max_attempts, g.attempts_per_model, g.job_id, g.job_seq
FROM generations g
JOIN drafts d ON d.workspace_id = g.workspace_id AND d.id = g.draft_id
WHERE g.id = $1 AND g.workspace_id = $2

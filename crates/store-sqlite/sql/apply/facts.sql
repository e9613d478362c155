-- Only here: part of `fence` there.
SELECT draft_id, user_id, recipe, base_version, target, dedupe_key
FROM generations
WHERE id = $1 AND workspace_id = $2

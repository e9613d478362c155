-- Only here: indexes serve the lists by user there.
SELECT o.workspace_id, o.generation_id, o.what || ' is missing in the list of its user'
FROM (
    SELECT workspace_id, user_id, id AS generation_id, id, 'it' AS what FROM generations WHERE id > $1 AND id <= $2
    UNION ALL
    SELECT workspace_id, user_id, generation_id, id, 'a call' FROM calls WHERE generation_id > $1 AND generation_id <= $2
) o
WHERE NOT EXISTS (
    SELECT 1 FROM users u
    JOIN belongings b ON b.user_no = u.no
    WHERE u.workspace_id = o.workspace_id AND u.id = o.user_id AND b.id = o.id
)

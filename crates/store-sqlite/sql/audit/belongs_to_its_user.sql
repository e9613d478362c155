-- Only here: indexes serve the lists by user there.
SELECT o.id, o.what || ' is missing in the list of its user'
FROM (
    SELECT workspace_id, user_id, id, 'a draft' AS what FROM drafts
    UNION ALL SELECT workspace_id, user_id, id, 'a generation' FROM generations
    UNION ALL SELECT workspace_id, user_id, id, 'a call' FROM calls
) o
WHERE NOT EXISTS (
    SELECT 1 FROM users u
    JOIN belongings b ON b.user_no = u.no
    WHERE u.workspace_id = o.workspace_id AND u.id = o.user_id AND b.id = o.id
)

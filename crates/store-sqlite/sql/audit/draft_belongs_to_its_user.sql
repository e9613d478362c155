-- Only here: indexes serve the lists by user there.
SELECT d.workspace_id, d.id, 'it is missing in the list of its user'
FROM drafts d
WHERE (d.workspace_id, d.id) > ($1, $2) AND (d.workspace_id, d.id) <= ($3, $4)
  AND NOT EXISTS (
      SELECT 1 FROM users u
      JOIN belongings b ON b.user_no = u.no
      WHERE u.workspace_id = d.workspace_id AND u.id = d.user_id AND b.id = d.id
  )

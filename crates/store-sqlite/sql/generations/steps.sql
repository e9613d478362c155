SELECT name, output FROM steps WHERE generation_id = $1 AND workspace_id = $2 ORDER BY seq

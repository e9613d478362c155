-- Only here: on Postgres one sequence serves all workspaces.
SELECT workspace_id, seq FROM webhook_feeds

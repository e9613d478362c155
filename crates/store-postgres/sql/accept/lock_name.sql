-- Only here: SQLite has one writer. Two who want a name no draft has must not both find it free. In the order they are given.
select pg_advisory_xact_lock(hashtextextended('copydesk draft ' || u.workspace_id::text || ' ' || u.external_id, 0))
from unnest($1::uuid[], $2::text[]) as u (workspace_id, external_id)

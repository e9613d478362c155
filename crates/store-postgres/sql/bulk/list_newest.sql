-- Differs from SQLite: parameters that may be null say their type.
select b.id, b.workspace_id, b.user_id, b.key_id, b.action, b.kind, b.spec, b.created_at, b.status, b.walk, b.open, b.done, b.skipped,
       b.failed, b.note_code, b.note, b.updated_at, b.finished_at, b.told_at
from bulk_list b
where b.workspace_id = $1 and b.id < $2 and ($3::text is null or b.status = $3) and ($4::uuid is null or b.user_id = $4)
order by b.id desc
limit $5

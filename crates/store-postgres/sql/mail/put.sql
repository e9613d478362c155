-- Differs from SQLite: a whole batch at once.
update mails m
set status = u.status, holds = u.holds, tries = u.tries, round = u.round, due_at = u.due_at, node_id = u.node_id,
    claimed_at = u.claimed_at, reply_code = u.reply_code, reply = u.reply, ended_at = u.ended_at, reason = u.reason
from unnest($1::text[], $2::boolean[], $3::int[], $4::int[], $5::timestamptz[], $6::uuid[], $7::timestamptz[], $8::int[],
    $9::text[], $10::timestamptz[], $11::text[], $12::uuid[], $13::uuid[]) as u (
    status, holds, tries, round, due_at, node_id, claimed_at, reply_code, reply, ended_at, reason, workspace_id, id
)
where m.workspace_id = any (array[u.workspace_id]) and m.id = u.id

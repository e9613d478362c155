-- Differs from SQLite: a whole batch at once.
select m.draft_id, m.recipient, m.version
from unnest($2::uuid[], $3::text[]) as u (draft_id, recipient)
join mails m on m.workspace_id = $1 and m.draft_id = any (array[u.draft_id]) and m.recipient = any (array[u.recipient]) and m.holds

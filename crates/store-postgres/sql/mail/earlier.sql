-- Differs from SQLite: a whole batch at once, each by the index, whatever the planner believes of the table.
select m.draft_id, m.recipient, m.version
from unnest($2::uuid[], $3::text[]) as u (draft_id, recipient)
cross join lateral (
    select e.draft_id, e.recipient, e.version from mails e
    where e.workspace_id = $1 and e.draft_id = u.draft_id and e.recipient = u.recipient and e.holds
    offset 0
) m

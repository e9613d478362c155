-- Differs from SQLite: parameters that may be null say their type.
select m.workspace_id, m.mailing_id, m.id
from mails m
where m.status = 'sending'
  and case when $1::uuid is not null then m.node_id <> $1
           else not exists (select 1 from nodes n where n.id = m.node_id and n.beat_at >= $2) end
limit $3

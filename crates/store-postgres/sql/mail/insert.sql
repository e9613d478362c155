-- Differs from SQLite: a whole batch at once.
insert into mails (
    workspace_id, id, mailing_id, prospect_id, draft_id, version, name, address, recipient, message_id, reason, created_at, status,
    holds, tries, round, due_at, node_id, claimed_at, reply_code, reply, ended_at, kind, subscriber_id, list
)
select *
from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::int[], $7::text[], $8::text[], $9::text[], $10::text[],
    $11::text[], $12::timestamptz[], $13::text[], $14::boolean[], $15::int[], $16::int[], $17::timestamptz[], $18::uuid[],
    $19::timestamptz[], $20::int[], $21::text[], $22::timestamptz[], $23::text[], $24::uuid[], $25::text[])

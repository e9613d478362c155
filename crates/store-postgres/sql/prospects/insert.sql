-- Differs from SQLite: a whole batch at once; answers with those it wrote.
insert into prospect_list (
    workspace_id, id, identity, draft_name, verification, import_id, revision, created_at, updated_at, external_id, name, company,
    contact_email, website, category, source_type, notes, verification_reason, judged, facts, answered_at
)
select *
from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::uuid[], $7::bigint[], $8::timestamptz[], $9::timestamptz[],
    $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[], $17::text[], $18::text[], $19::bigint[], $20::text[], $21::timestamptz[])
on conflict do nothing
returning id

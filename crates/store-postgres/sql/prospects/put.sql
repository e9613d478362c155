-- Differs from SQLite: a whole batch at once; answers with those it wrote.
update prospect_list p
set identity = u.identity, verification = u.verification, revision = u.revision, updated_at = u.updated_at, deleted_at = u.deleted_at, external_id = u.external_id, name = u.name, company = u.company,
    contact_email = u.contact_email, website = u.website, category = u.category, source_type = u.source_type, notes = u.notes, verification_reason = u.verification_reason,
    judged = u.judged, facts = u.facts, answered_at = u.answered_at
from unnest($1::text[], $2::text[], $3::bigint[], $4::timestamptz[], $5::timestamptz[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[],
    $11::text[], $12::text[], $13::text[], $14::text[], $15::bigint[], $16::text[], $17::timestamptz[], $18::uuid[], $19::uuid[]) as u (
    identity, verification, revision, updated_at, deleted_at, external_id, name, company, contact_email, website, category,
    source_type, notes, verification_reason, judged, facts, answered_at, workspace_id, id
)
where p.workspace_id = any (array[u.workspace_id]) and p.id = u.id
returning p.id

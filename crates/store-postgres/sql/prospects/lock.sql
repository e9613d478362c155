-- Only here: SQLite has one writer. In one order, so that two who write the same ones wait and never lock each other out.
select p.id, p.workspace_id, p.verification, p.import_id, p.revision, p.created_at, p.updated_at, p.external_id, p.name, p.company,
       p.contact_email, p.website, p.category, p.source_type, p.notes, p.verification_reason, p.judged, p.facts, p.sent_at, p.sent_draft_id, p.answered_at
from prospect_list p
where p.workspace_id = $1 and p.deleted_at is null and (p.id = any ($2::uuid[]) or p.identity = any ($3::text[]))
order by p.id
for update

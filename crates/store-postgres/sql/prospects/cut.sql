-- Differs from SQLite: all in one statement, so that the count and the page are of one moment. The walk begins at the nearer end,
-- and how far it goes is a subquery: what the planner cannot see it does not answer by sorting all of them.
with t as materialized (
    select count(*) as total from prospect_list where workspace_id = $1 and deleted_at is null
),
c as (
    (
        select id from prospect_list
        where workspace_id = $1 and deleted_at is null and (select 2 * $3::bigint <= total from t)
        order by id limit $2 offset (select $3::bigint)
    )
    union all
    (
        select id from prospect_list
        where workspace_id = $1 and deleted_at is null and (select 2 * $3::bigint > total from t)
        order by id desc
        limit (select greatest(0, least($2::bigint, total - $3::bigint)) from t)
        offset (select greatest(0, total - $3::bigint - $2::bigint) from t)
    )
)
select t.total, p.id, p.workspace_id, p.verification, p.import_id, p.revision, p.created_at, p.updated_at, p.external_id, p.name, p.company,
       p.contact_email, p.website, p.category, p.source_type, p.notes, p.verification_reason, p.judged, p.facts, p.sent_at, p.sent_draft_id, p.answered_at, d.id as draft_id, d.status as draft_status, d.review as draft_review,
       d.live_generation_id as draft_live, d.current_version as draft_version, v.title as draft_title, v.body as draft_body
from t
left join (
    c
    join prospect_list p on p.workspace_id = $1 and p.id = c.id
    left join lateral (
        select x.id, x.status, x.review, x.live_generation_id, x.current_version from drafts x
        where x.workspace_id = p.workspace_id and x.external_id = p.draft_name and x.deleted_at is null
        order by x.id desc limit 1
    ) d on true
    left join versions v on v.draft_id = d.id and v.number = d.current_version
) on true
order by p.id

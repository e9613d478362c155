-- Only here: what `fill_draft` and `end_draft` do one by one. The row was locked and read by `fence`. A title comes with a new
-- current version, of which there is no review.
update drafts d
set status = u.status, current_version = u.current_version, version_count = u.version_count,
    title = coalesce(u.title, d.title), review = case when u.title is null then d.review else $9 end,
    review_reason = case when u.title is null then d.review_reason end, generated_at = coalesce(u.generated_at, d.generated_at),
    live_generation_id = case when u.live then d.live_generation_id end,
    revision = d.revision + 1, updated_at = u.at
from unnest($1::uuid[], $2::text[], $3::bigint[], $4::bigint[], $5::text[], $6::timestamptz[], $7::boolean[],
            $8::timestamptz[])
     as u (id, status, current_version, version_count, title, generated_at, live, at)
where d.id = any (array[u.id])

-- Differs from SQLite: a whole slice at once, as arrays.
insert into audit_findings (
  check_name, place, subject, space, workspace_id, detail, first_seen_at, last_seen_at
)
select *, last_seen_at from unnest(
  $1::text[], $2::bytea[], $3::text[], $4::text[], $5::uuid[], $6::text[], $7::timestamptz[]
) as n (check_name, place, subject, space, workspace_id, detail, last_seen_at)
on conflict (check_name, place, subject)
do update set detail = excluded.detail, last_seen_at = excluded.last_seen_at, gone_at = null

-- Differs from SQLite: a batch at once, `next_for_target` and `run_at` included. The literal lets the planner take the
-- partial index.
with freed as (
  select t.workspace_id, t.target, u.at
  from unnest($1::uuid[], $2::text[], $3::uuid[], $4::timestamptz[]) as u (workspace_id, target, generation_id, at)
  join live_targets t on t.workspace_id = any (array[u.workspace_id]) and t.target = any (array[u.target])
    and t.generation_id = u.generation_id
), heir as (
  select f.workspace_id, f.target, f.at, p.id
  from freed f
  cross join lateral (
    select q.id
    from parked q
    where q.reason = 'target' and q.workspace_id = f.workspace_id and q.target = f.target
    order by q.sort_key, q.id
    limit 1
    for update
  ) p
), due as (
  select h.id, case when g.run_at > h.at then g.run_at end as not_before_at
  from heir h
  join generations g on g.id = any (array[h.id])
), later as (
  update parked p set reason = $5, not_before_at = d.not_before_at, target = null
  from due d
  where p.id = any (array[d.id]) and d.not_before_at is not null
), gone as (
  delete from parked p using due d where p.id = any (array[d.id]) and d.not_before_at is null returning p.*
), now_ready as (
  insert into ready (
    queue_id, sort_key, id, workspace_id, attempt, spent, row_version, deadline_at, model, step,
    last_error_code, last_error
  )
  select queue_id, sort_key, id, workspace_id, attempt, spent, row_version, deadline_at, model, step,
         last_error_code, last_error
  from gone
  returning id
), handed as (
  update live_targets t set generation_id = h.id
  from heir h
  where t.workspace_id = any (array[h.workspace_id]) and t.target = any (array[h.target])
), given_up as (
  delete from live_targets t
  using freed f
  where t.workspace_id = any (array[f.workspace_id]) and t.target = any (array[f.target])
    and not exists (select 1 from heir h where h.workspace_id = f.workspace_id and h.target = f.target)
)
select id from now_ready

-- Differs from SQLite: names, types and functions.
-- $1 is the newest instant the data knows; the sweeper is given a minute.
select workspace_id, id as subject, 'live past its deadline' as detail from ready where deadline_at < $1::timestamptz - interval '1 minute'
union all
select workspace_id, id, 'live past its deadline' from parked where deadline_at < $1::timestamptz - interval '1 minute'
union all
select workspace_id, id, 'live past its deadline' from runs where deadline_at < $1::timestamptz - interval '1 minute'

-- Only here: each connection is set up for what it does; the answer says whether the server fits.
-- Writers run every statement with one plan for ever, so the plan must not depend on statistics, which are often taken
-- while the queue is empty. Whole-table scans are off, and a key given by a batch is compared as `= any (array[u.id])`:
-- an index can answer that, and the planner cannot turn the join round to read the table in the order of its index. Of a key
-- of two columns the first alone is enough for that; two arrays, and an empty table is read by the first column only.
select set_config('search_path', coalesce($1::text, current_setting('search_path')), false),
       set_config('statement_timeout', $2::text, false),
       set_config('lock_timeout', $3::text, false),
       set_config('idle_in_transaction_session_timeout', $4::text, false),
       set_config('synchronous_commit', 'on', false),
       set_config('plan_cache_mode', $5::text, false),
       set_config('enable_seqscan', $6::text, false),
       set_config('enable_indexonlyscan', $6::text, false),
       set_config('enable_hashjoin', $6::text, false),
       set_config('enable_mergejoin', $6::text, false),
       set_config('jit', 'off', false),
       set_config('timezone', 'UTC', false)

-- Only here: the whole audit is one snapshot and takes as long as it takes. For this transaction.
select set_config('statement_timeout', '0', true), set_config('idle_in_transaction_session_timeout', '0', true)

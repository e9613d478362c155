-- Only here: what proves all there is takes as long as it takes. For this transaction.
select set_config('statement_timeout', '0', true), set_config('idle_in_transaction_session_timeout', '0', true)

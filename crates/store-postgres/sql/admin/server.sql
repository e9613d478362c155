-- Only here: a server has settings that decide whether we may trust it.
select current_setting('server_version_num')::bigint as version,
       current_setting('server_version') as version_text,
       current_setting('synchronous_commit') as synchronous_commit,
       current_setting('transaction_read_only') as read_only,
       current_setting('server_encoding') as encoding

-- Differs from SQLite: what has not expired was put there by a faster one, and then nothing is written.
insert into post_keys (workspace_id, owner, route, key, fingerprint, transfer_id, expires_at)
values ($1, $2, $3, $4, $5, $6, $7)
on conflict (workspace_id, owner, route, key) do update set
  fingerprint = excluded.fingerprint, transfer_id = excluded.transfer_id, expires_at = excluded.expires_at
where post_keys.expires_at <= $8
returning transfer_id

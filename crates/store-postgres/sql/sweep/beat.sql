insert into nodes (id, label, started_at, beat_at, goodbye)
values ($1, $2, $3, $3, $4)
on conflict (id) do update set label = excluded.label, beat_at = excluded.beat_at, goodbye = excluded.goodbye

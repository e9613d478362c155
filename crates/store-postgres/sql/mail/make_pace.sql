-- Only here: there is something to lock afterwards.
insert into mail_pace (id, day_at, taken, next_at) values (1, $1, 0, $2) on conflict (id) do nothing

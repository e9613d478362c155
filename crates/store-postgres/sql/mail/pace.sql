-- Differs from SQLite: whoever counts locks the row, made just before.
select day_at, taken, next_at from mail_pace where id = 1 for update

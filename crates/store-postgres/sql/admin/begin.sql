-- Differs from SQLite: many writers; each statement sees what is committed by then.
begin isolation level read committed

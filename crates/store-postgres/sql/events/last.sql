-- Differs from SQLite: one sequence for the installation. Outside of transactions: what is drawn here was drawn.
select coalesce(pg_sequence_last_value('events_seq_seq'::regclass), 0) as seq

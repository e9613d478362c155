-- Only here: SQLite has one process. The channel's name cannot be a parameter.
listen copydesk_events

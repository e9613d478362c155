-- Differs from SQLite: spelling only. No feed ever goes, and each change of an endpoint counts one.
SELECT coalesce(sum(epoch), 0)::bigint AS stamp FROM webhook_feeds

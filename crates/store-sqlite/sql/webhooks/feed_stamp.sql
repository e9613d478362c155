-- Differs from Postgres: spelling only. No feed ever goes, and each change of an endpoint counts one.
SELECT coalesce(sum(epoch), 0) FROM webhook_feeds

-- Differs from Postgres: one lane at a time costs no round trip.
-- Says the same as `Paid::plus` in core.
INSERT INTO rates (lane, requests_at, tokens_at)
VALUES ($1, max(0, $2) + $3, max(0, $2) + $4)
ON CONFLICT (lane) DO UPDATE
SET requests_at = max(requests_at, $2) + $3, tokens_at = max(tokens_at, $2) + $4

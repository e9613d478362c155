SELECT lane, requests_at, tokens_at FROM rates ORDER BY lane

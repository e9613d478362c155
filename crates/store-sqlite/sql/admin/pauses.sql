SELECT what, since_at FROM pauses ORDER BY what

SELECT status, trigger, started_at, started FROM runs
WHERE scraper = $5 AND status = $status AND trigger = $trigger AND started_at >= $1 AND (started_at, started) < ($2, $3)
ORDER BY started_at DESC, started DESC LIMIT $4

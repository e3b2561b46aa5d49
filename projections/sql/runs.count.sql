SELECT 1 FROM runs
WHERE status = $status AND trigger = $trigger AND started_at >= $1 AND started_at < $2
ORDER BY started_at DESC, started DESC LIMIT $most

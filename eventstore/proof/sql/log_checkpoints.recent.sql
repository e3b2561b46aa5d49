SELECT note, sealed_at FROM log_checkpoints ORDER BY number DESC LIMIT $1

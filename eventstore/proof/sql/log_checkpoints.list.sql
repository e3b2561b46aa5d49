SELECT number, note, sealed_at FROM log_checkpoints ORDER BY number

SELECT number, note FROM log_checkpoints ORDER BY number

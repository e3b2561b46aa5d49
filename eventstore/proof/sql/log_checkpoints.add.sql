INSERT INTO log_checkpoints (number, note, sealed_at)
SELECT coalesce(max(number), 0) + 1, $1, $2 FROM log_checkpoints

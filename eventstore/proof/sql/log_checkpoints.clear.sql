DELETE FROM log_checkpoints

SELECT note FROM log_checkpoints WHERE number = $1

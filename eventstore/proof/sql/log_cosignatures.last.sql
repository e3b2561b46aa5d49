SELECT note FROM log_cosignatures WHERE kept = $1 ORDER BY number DESC LIMIT 1

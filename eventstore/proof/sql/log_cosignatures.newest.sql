SELECT note FROM log_cosignatures ORDER BY number DESC LIMIT 1000

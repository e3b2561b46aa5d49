SELECT i, hashes FROM log_hashes WHERE i >= $1 AND i < $2 ORDER BY i

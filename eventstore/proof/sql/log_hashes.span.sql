SELECT coalesce(max(i) + 1, 0) FROM log_hashes

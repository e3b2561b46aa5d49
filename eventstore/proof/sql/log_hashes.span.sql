-- The last row, and how many hashes it has.
SELECT i, length(hashes) / 32 FROM log_hashes ORDER BY i DESC LIMIT 1

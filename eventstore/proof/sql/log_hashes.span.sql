-- How many rows, where the last begins, and how many hashes it has.
SELECT count(*), coalesce(max(i), 0), coalesce((SELECT length(hashes) / 32 FROM log_hashes ORDER BY i DESC LIMIT 1), 0)
FROM log_hashes

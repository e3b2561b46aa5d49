-- The end of the log, and of one stream.
SELECT (SELECT coalesce(max(position), 0) FROM events),
       (SELECT coalesce(max(version), 0) FROM events WHERE stream = $1)

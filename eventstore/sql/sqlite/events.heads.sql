-- The end of each of the streams named in a JSON array, and of the log, and whether
-- the log has one of the ids in another.
SELECT value, (SELECT coalesce(max(version), 0) FROM events WHERE stream = value),
       coalesce(newest.position, 0), coalesce(newest.recorded_at, 0),
       EXISTS (SELECT 1 FROM events WHERE id IN (SELECT value FROM json_each($2)))
FROM json_each($1)
LEFT JOIN (SELECT position, recorded_at FROM events ORDER BY position DESC LIMIT 1) AS newest ON true

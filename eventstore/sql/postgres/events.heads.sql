-- The end of each of the streams named in a JSON array, and of the log.
SELECT value, (SELECT coalesce(max(version), 0) FROM events WHERE stream = value),
       coalesce(newest.position, 0), coalesce(newest.recorded_at, 0)
FROM json_array_elements_text($1::json)
LEFT JOIN (SELECT position, recorded_at FROM events ORDER BY position DESC LIMIT 1) AS newest ON true

-- The end of each of the streams named in a JSON array.
SELECT value, (SELECT coalesce(max(version), 0) FROM events WHERE stream = value)
FROM json_array_elements_text($1::json)

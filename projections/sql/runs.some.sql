-- The keys of a JSON object are a list that both databases can read.
SELECT * FROM runs/*next*/ WHERE id IN (SELECT key FROM json_each($1))

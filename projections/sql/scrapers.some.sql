-- The keys of a JSON object are a list that both databases can read.
SELECT * FROM scrapers/*next*/ WHERE name IN (SELECT key FROM json_each($1))

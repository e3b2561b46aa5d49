-- The ends of the streams of scrapers, and their newest configurations (under every
-- wire name of that event). The concatenation keeps SQLite from the index by type.
SELECT s.key, (SELECT coalesce(max(version), 0) FROM events WHERE stream = s.key), c.type, c.data
FROM (SELECT key FROM json_each($1)) AS s
LEFT JOIN events AS c ON c.stream = s.key AND c.version = (
  SELECT max(version) FROM events
  WHERE stream = s.key AND type || '' IN ('scraper.configured'))

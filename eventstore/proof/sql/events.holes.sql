-- A stream of the tail whose versions are not 1, 2, 3 …
SELECT stream, max(version), count(*) FROM events
WHERE stream IN (SELECT stream FROM events WHERE position > $1)
GROUP BY stream
HAVING max(version) <> count(*) OR min(version) <> 1
LIMIT 1

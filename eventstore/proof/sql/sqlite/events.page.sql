-- What the canonical bytes are made of, as it is stored.
SELECT position, stream, version, id, type, recorded_at, metadata, data
FROM events
WHERE position > $1 AND position <= $2
ORDER BY position
LIMIT $3

-- What the canonical bytes are made of, as it is stored.
SELECT position, stream, version, id::text, type, recorded_at, metadata::text, data::text
FROM events
WHERE position > $1 AND position <= $2
ORDER BY position
LIMIT $3

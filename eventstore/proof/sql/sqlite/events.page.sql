-- What the canonical bytes are made of, as it is stored: one text, in parts that
-- scanText takes apart. A NULL is damage, and must not take the rest with it: concat
-- reads it as no text.
SELECT concat(position, ' ', version, ' ', recorded_at, ' ', octet_length(metadata), char(0), stream, char(0), id, char(0), type, char(0), metadata, data)
FROM events
WHERE position > $1 AND position <= $2
ORDER BY position
LIMIT $3

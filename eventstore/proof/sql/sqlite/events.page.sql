-- What the canonical bytes are made of, as it is stored: one text, in parts that
-- scanText takes apart. A NULL is damage, and must not take the rest with it.
SELECT position,
  ifnull(version, 0) || ' ' || ifnull(recorded_at, 0) || ' ' || octet_length(ifnull(metadata, '')) || char(0) ||
  ifnull(stream, '') || char(0) || ifnull(id, '') || char(0) || ifnull(type, '') || char(0) ||
  ifnull(metadata, '') || ifnull(data, '')
FROM events
WHERE position > $1 AND position <= $2
ORDER BY position
LIMIT $3

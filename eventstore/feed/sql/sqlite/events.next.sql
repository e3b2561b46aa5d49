-- The next batch of a consumer group; a topic other than 'events' is a stream.
SELECT position, stream, version, id, type, recorded_at, data, metadata
FROM events
WHERE position > (SELECT position FROM consumer_offsets WHERE topic = $1 AND consumer_group = $2)
  AND ($1 = 'events' OR stream = $1)
ORDER BY position
LIMIT $3

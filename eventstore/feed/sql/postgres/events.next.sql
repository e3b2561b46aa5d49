-- The next batch of a consumer group; a topic other than 'events' is a stream.
-- Nothing comes while another instance works on the group.
WITH o AS (
  SELECT position FROM consumer_offsets WHERE topic = $1 AND consumer_group = $2 FOR UPDATE SKIP LOCKED
)
SELECT position, stream, version, id, type, recorded_at, data, metadata
FROM events
WHERE position > (SELECT position FROM o)
  AND ($1::text = 'events' OR stream = $1)
ORDER BY position
LIMIT $3

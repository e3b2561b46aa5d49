-- Claims a batch that was read before. No row: the group has moved on meanwhile.
-- False: the log has another event where the batch ends.
SELECT coalesce((SELECT id FROM events WHERE position = $4) = $5, false)
FROM consumer_offsets
WHERE topic = $1 AND consumer_group = $2 AND position = $3

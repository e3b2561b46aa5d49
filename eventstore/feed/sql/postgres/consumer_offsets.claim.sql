-- Claims a batch that was read before. No row: another instance works on the group,
-- or has moved it on. False: the log has another event where the batch ends.
-- set_config is called for the row that is locked, and nothing else needs its value.
SELECT coalesce((SELECT id FROM events WHERE position = $4) = $5, false)
       AND (NOT $6::boolean OR set_config('synchronous_commit', 'off', true) = 'off')
FROM consumer_offsets
WHERE topic = $1 AND consumer_group = $2 AND position = $3
FOR UPDATE SKIP LOCKED

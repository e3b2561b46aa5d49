UPDATE consumer_offsets SET position = $1, blocked_by = NULL
WHERE topic = $2 AND consumer_group = $3 AND position < $1

UPDATE consumer_offsets SET position = $3, blocked_by = NULL WHERE topic = $1 AND consumer_group = $2

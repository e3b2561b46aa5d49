-- Not if another instance has moved the group meanwhile.
UPDATE consumer_offsets SET blocked_by = $1 WHERE topic = $2 AND consumer_group = $3 AND position = $4

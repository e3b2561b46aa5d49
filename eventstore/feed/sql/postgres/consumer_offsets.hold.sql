-- No row: another instance holds the group.
SELECT position FROM consumer_offsets WHERE topic = $1 AND consumer_group = $2 FOR UPDATE SKIP LOCKED

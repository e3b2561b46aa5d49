-- Lets a group begin with the first event of the log, or after its last one.
INSERT INTO consumer_offsets (topic, consumer_group, position)
VALUES ($1, $2, CASE WHEN $3 THEN 0 ELSE (SELECT coalesce(max(position), 0) FROM events) END)
ON CONFLICT DO NOTHING

-- Writing what is there already makes the row if need be and locks it, on both
-- databases: the consumer group stands still until this transaction ends.
INSERT INTO consumer_offsets (topic, consumer_group) VALUES ($1, $2)
ON CONFLICT (topic, consumer_group) DO UPDATE SET position = consumer_offsets.position

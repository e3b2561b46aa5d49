INSERT INTO consumer_offsets (topic, consumer_group) VALUES ($1, $2) ON CONFLICT DO NOTHING

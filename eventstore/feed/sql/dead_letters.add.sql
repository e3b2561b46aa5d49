INSERT INTO dead_letters (topic, consumer_group, position, reason, recorded_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (topic, consumer_group, position) DO UPDATE SET reason = excluded.reason, recorded_at = excluded.recorded_at

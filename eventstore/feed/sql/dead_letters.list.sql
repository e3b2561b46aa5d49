SELECT consumer_group, position, reason, recorded_at FROM dead_letters
WHERE topic = $1
ORDER BY recorded_at, consumer_group, position

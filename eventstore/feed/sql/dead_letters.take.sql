DELETE FROM dead_letters WHERE topic = $1 AND consumer_group = $2 AND position = $3

UPDATE instances SET last_beat = (extract(epoch FROM clock_timestamp()) * 1000000)::bigint
WHERE id = $1 AND NOT dead

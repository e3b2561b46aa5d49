SELECT o.consumer_group, o.position,
       (SELECT coalesce(max(position), 0) FROM events) - o.position,
       (SELECT recorded_at FROM events WHERE position = o.position + 1),
       coalesce(o.blocked_by, ''),
       (SELECT count(*) FROM dead_letters d WHERE d.topic = o.topic AND d.consumer_group = o.consumer_group)
FROM consumer_offsets o
WHERE o.topic = $1
ORDER BY o.consumer_group

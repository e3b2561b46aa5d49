-- Groups whose offset lies past the end of the log.
SELECT o.consumer_group, o.position, head.position
FROM consumer_offsets o, (SELECT coalesce(max(position), 0) AS position FROM events) AS head
WHERE o.position > head.position
ORDER BY o.consumer_group

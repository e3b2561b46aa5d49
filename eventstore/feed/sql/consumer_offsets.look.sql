-- How far a group has come, and how far it could.
SELECT coalesce((SELECT position FROM consumer_offsets WHERE topic = $1 AND consumer_group = $2), 0),
       coalesce(CASE WHEN $1 = 'events'
         THEN (SELECT max(position) FROM events)
         ELSE (SELECT position FROM events WHERE stream = $1 ORDER BY version DESC LIMIT 1)
       END, 0)

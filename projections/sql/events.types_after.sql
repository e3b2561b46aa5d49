SELECT type, count(*) FROM events WHERE position > $1 GROUP BY type

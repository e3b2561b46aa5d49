-- How many events come after a position, and the last of them.
SELECT count(*), coalesce(max(position), 0) FROM events WHERE position > $1

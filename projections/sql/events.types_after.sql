-- By an expression, so that SQLite walks what is new and not the index of all types.
SELECT type || '', count(*) FROM events WHERE position > $1 GROUP BY type || ''

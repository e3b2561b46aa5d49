-- Those that look dead, and somebody else was heard of while they missed a beat, two
-- seconds ago or more: the database was not away from all.
SELECT id FROM instances AS i
WHERE NOT dead AND id NOT IN (SELECT id FROM live_instances)
  AND EXISTS (
    SELECT FROM instances AS other, unnest(ARRAY[other.started_at, other.last_beat]) AS heard
    WHERE other.id <> i.id AND heard > i.last_beat + 2500000
      AND heard < (extract(epoch FROM clock_timestamp()) * 1000000)::bigint - 2000000)
UNION
SELECT instance FROM scraper_guard
WHERE open_run IS NOT NULL AND instance NOT IN (SELECT id FROM instances WHERE NOT dead)
ORDER BY 1

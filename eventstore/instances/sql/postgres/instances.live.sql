-- Who has lost its lock is most likely dead, and a run given to it would wait to
-- be ended. The lock is that of the view live_instances.
SELECT i.id, i.started_at, i.last_beat,
       NOT instances.leaving AND EXISTS (
         SELECT FROM pg_locks l
         WHERE l.locktype = 'advisory' AND l.granted
           AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
           AND l.objsubid = 2 AND l.classid::bigint = 1935897196
           AND l.objid::bigint = hashtext(i.id)::bigint & 4294967295) AS takes_runs,
       (SELECT count(*) FROM scraper_guard g WHERE g.open_run IS NOT NULL AND g.instance = i.id) AS open_runs
FROM live_instances i JOIN instances ON instances.id = i.id
ORDER BY takes_runs DESC, open_runs, i.id

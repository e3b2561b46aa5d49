-- What a decision about a scraper needs: the end of its stream, its newest
-- configuration (under every wire name of that event), its guard. The concatenation
-- keeps SQLite from the index by type, where it would walk over the events of every
-- other scraper.
SELECT (SELECT coalesce(max(version), 0) FROM events WHERE stream = $1), c.type, c.data,
       coalesce(g.scraper, $2), g.open_run, coalesce(g.instance, ''), g.lost_run, coalesce(g.restored, false),
       coalesce(g.paused, false), coalesce(g.removed, false), g.last_due, coalesce(g.gap, ''),
       coalesce(g.success_within, 0), g.expected_since, g.last_success, g.overdue_since
FROM (SELECT 1 AS one) AS one
LEFT JOIN (
  SELECT type, data FROM events
  WHERE stream = $1 AND type || '' IN ('scraper.configured')
  ORDER BY version DESC LIMIT 1) AS c ON true
LEFT JOIN scraper_guard AS g ON g.scraper = $2

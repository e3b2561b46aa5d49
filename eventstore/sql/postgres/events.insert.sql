-- Writes a group, if the log still ends where the group begins, and the guard
-- rows that it moves. Says how many events were written.
WITH added AS (
  INSERT INTO events (position, stream, version, id, type, recorded_at, data, metadata)
  SELECT position, stream, version, id, type, recorded_at, data, metadata
  FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::uuid[], $5::text[], $6::bigint[], $7::json[], $8::json[])
    AS t (position, stream, version, id, type, recorded_at, data, metadata)
  WHERE (SELECT coalesce(max(position), 0) FROM events) = $1[1] - 1
  RETURNING position
), moved AS (
  INSERT INTO scraper_guard (scraper, open_run, instance, lost_run, restored, paused, removed, last_due, gap,
    success_within, expected_since, last_success, overdue_since)
  SELECT scraper, open_run, instance, lost_run, restored, paused, removed, last_due, gap,
    success_within, expected_since, last_success, overdue_since
  FROM json_populate_recordset(NULL::scraper_guard, $9::json)
  WHERE EXISTS (SELECT FROM added)
  ON CONFLICT (scraper) DO UPDATE SET
    open_run = excluded.open_run, instance = excluded.instance, lost_run = excluded.lost_run,
    restored = excluded.restored, paused = excluded.paused, removed = excluded.removed,
    last_due = excluded.last_due, gap = excluded.gap, success_within = excluded.success_within,
    expected_since = excluded.expected_since, last_success = excluded.last_success, overdue_since = excluded.overdue_since
)
SELECT count(*) FROM added

INSERT INTO scraper_guard (scraper, open_run, instance, lost_run, restored, paused, removed, last_due, gap)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (scraper) DO UPDATE SET
  open_run = excluded.open_run, instance = excluded.instance, lost_run = excluded.lost_run,
  restored = excluded.restored, paused = excluded.paused, removed = excluded.removed,
  last_due = excluded.last_due, gap = excluded.gap

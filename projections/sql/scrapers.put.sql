INSERT INTO scrapers/*next*/ (
  name, source, config, configured_at, open_run, instance, lost_run, restored, paused, removed,
  last_due, gap, paused_at, paused_by, paused_reason, removed_at, connection_since, cause, link, last_run,
  last_status, last_started_at, skipped_at, skipped_trigger, skipped_due_at, skipped_reason, next_due,
  streak_cause, streak_runs, streak_shortest, streak_longest, streak_last_event, position)
VALUES (
  $1, $2, $3, $4, $5, $6, $7, $8, $9, $10,
  $11, $12, $13, $14, $15, $16, $17, $18, $19, $20,
  $21, $22, $23, $24, $25, $26, $27,
  $28, $29, $30, $31, $32, $33)
ON CONFLICT (name) DO UPDATE SET
  source = excluded.source, config = excluded.config, configured_at = excluded.configured_at,
  open_run = excluded.open_run, instance = excluded.instance, lost_run = excluded.lost_run, restored = excluded.restored,
  paused = excluded.paused, removed = excluded.removed, last_due = excluded.last_due, gap = excluded.gap,
  paused_at = excluded.paused_at, paused_by = excluded.paused_by, paused_reason = excluded.paused_reason,
  removed_at = excluded.removed_at, connection_since = excluded.connection_since, cause = excluded.cause, link = excluded.link,
  last_run = excluded.last_run, last_status = excluded.last_status, last_started_at = excluded.last_started_at,
  skipped_at = excluded.skipped_at, skipped_trigger = excluded.skipped_trigger, skipped_due_at = excluded.skipped_due_at,
  skipped_reason = excluded.skipped_reason, next_due = excluded.next_due,
  streak_cause = excluded.streak_cause, streak_runs = excluded.streak_runs, streak_shortest = excluded.streak_shortest,
  streak_longest = excluded.streak_longest, streak_last_event = excluded.streak_last_event, position = excluded.position

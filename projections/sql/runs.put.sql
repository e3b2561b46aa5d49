-- What a run started with never changes: left out of the update, it spares two indexes.
INSERT INTO runs/*next*/ (
  id, scraper, status, trigger, watcher, link, started_at, ended_at, duration_ms, cause,
  phase, detail, code, items, recovers, recovered_by, instance, position, started, due_at,
  last_heard_at, received_events, received_bytes, restored_at, down_for_ms, noticed_by, http_status, cancelled_by, cancel_reason, params,
  last_event, note, tail)
VALUES (
  $1, $2, $3, $4, $5, $6, $7, $8, $9, $10,
  $11, $12, $13, $14, $15, $16, $17, $18, $19, $20,
  $21, $22, $23, $24, $25, $26, $27, $28, $29, $30,
  $31, $32, $33)
ON CONFLICT (id) DO UPDATE SET
  status = excluded.status, link = excluded.link, ended_at = excluded.ended_at, duration_ms = excluded.duration_ms,
  cause = excluded.cause, phase = excluded.phase, detail = excluded.detail, code = excluded.code, items = excluded.items,
  recovered_by = excluded.recovered_by, position = excluded.position, last_heard_at = excluded.last_heard_at,
  received_events = excluded.received_events, received_bytes = excluded.received_bytes,
  restored_at = excluded.restored_at, down_for_ms = excluded.down_for_ms, noticed_by = excluded.noticed_by,
  http_status = excluded.http_status, cancelled_by = excluded.cancelled_by, cancel_reason = excluded.cancel_reason,
  last_event = excluded.last_event, note = excluded.note

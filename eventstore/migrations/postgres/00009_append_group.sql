-- +goose Up
-- Every run changes these columns: an index on them would keep guard rows from being
-- updated in place.
DROP INDEX scraper_guard_open;
DROP INDEX scraper_guard_lost;
ALTER TABLE scraper_guard SET (fillfactor = 50);

-- scraper_guard_put writes guard rows. It is the place where their columns are listed.
-- +goose StatementBegin
CREATE FUNCTION scraper_guard_put(guards jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO scraper_guard (scraper, open_run, instance, lost_run, restored, paused, removed, last_due, gap,
    success_within, expected_since, last_success, overdue_since)
  SELECT scraper, open_run, instance, lost_run, restored, paused, removed, last_due, gap,
    success_within, expected_since, last_success, overdue_since
  FROM jsonb_populate_recordset(NULL::scraper_guard, guards)
  ON CONFLICT (scraper) DO UPDATE SET
    open_run = excluded.open_run, instance = excluded.instance, lost_run = excluded.lost_run,
    restored = excluded.restored, paused = excluded.paused, removed = excluded.removed,
    last_due = excluded.last_due, gap = excluded.gap, success_within = excluded.success_within,
    expected_since = excluded.expected_since, last_success = excluded.last_success, overdue_since = excluded.overdue_since;
END
$$;
-- +goose StatementEnd

-- append_group writes the events of many appends at the end of the log and moves the
-- guards of their scrapers, under the log's lock. Each statement of a plpgsql function
-- has its own snapshot, so that those after the lock see what was committed before it.
--
-- requests is an array of {stream, expected, scraper, moves}. No two are about the same
-- stream or scraper. A move is {if, set, later}: the first whose "if" the guard has is
-- made. unmoved is the guard of a scraper that has no row yet. The other arrays hold
-- the events in the order of their requests; request is the number of theirs, from 1.
--
-- A request is refused, and others are not, if its stream is not at the expected
-- version, if no move fits the guard, or if the log has one of its event ids. refused
-- lists such requests, and is NULL if there are none. last_position and
-- last_recorded_at are those of the event before the group.
-- +goose StatementBegin
CREATE FUNCTION append_group(
  requests jsonb, unmoved jsonb,
  request int[], streams text[], versions bigint[], ids uuid[], types text[], times bigint[], datas json[], metadatas json[],
  OUT last_position bigint, OUT last_recorded_at bigint, OUT refused jsonb
) LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  known int[];
  accepted boolean[];
  moved jsonb;
BEGIN
  PERFORM pg_advisory_xact_lock(8314615099879156839);

  SELECT e.position, e.recorded_at INTO last_position, last_recorded_at
  FROM events e ORDER BY e.position DESC LIMIT 1;
  last_position := coalesce(last_position, 0);
  last_recorded_at := coalesce(last_recorded_at, 0);

  SELECT coalesce(array_agg(i.request), '{}') INTO known
  FROM unnest(request, ids) AS i (request, id)
  WHERE EXISTS (SELECT FROM events e WHERE e.id = i.id);

  SELECT array_agg(v.accepted ORDER BY v.number),
         jsonb_agg(jsonb_build_object('request', v.number, 'version', v.version)) FILTER (WHERE NOT v.accepted),
         jsonb_agg(v.guard || v.change) FILTER (WHERE v.accepted AND v.change IS NOT NULL AND (v.unknown OR NOT v.guard @> v.change))
  INTO accepted, refused, moved
  FROM (
    SELECT r.number, head.version, g.guard, g.unknown, m.change,
           head.version = (r.body->>'expected')::bigint
             AND (m.change IS NOT NULL OR r.body->>'scraper' IS NULL)
             AND r.number <> ALL (known) AS accepted
    FROM jsonb_array_elements(requests) WITH ORDINALITY AS r (body, number)
    CROSS JOIN LATERAL (
      SELECT coalesce(max(e.version), 0) AS version FROM events e WHERE e.stream = r.body->>'stream') AS head
    CROSS JOIN LATERAL (
      SELECT coalesce(to_jsonb(s), unmoved || jsonb_build_object('scraper', r.body->'scraper')) AS guard, s.scraper IS NULL AS unknown
      FROM (SELECT) AS one LEFT JOIN scraper_guard s ON s.scraper = r.body->>'scraper') AS g
    LEFT JOIN LATERAL (
      SELECT (move->'set') || coalesce((
        SELECT jsonb_object_agg(key, value) FROM jsonb_each(move->'later') WHERE value > g.guard->key), '{}') AS change
      FROM jsonb_array_elements(r.body->'moves') AS move
      WHERE g.guard @> (move->'if') LIMIT 1) AS m ON true
  ) AS v;

  IF true = ANY (accepted) THEN
    INSERT INTO events (position, stream, version, id, type, recorded_at, data, metadata)
    SELECT last_position + row_number() OVER (), e.stream, e.version, e.id, e.type, greatest(e.recorded_at, last_recorded_at), e.data, e.metadata
    FROM unnest(request, streams, versions, ids, types, times, datas, metadatas)
      AS e (request, stream, version, id, type, recorded_at, data, metadata)
    WHERE accepted[e.request];
  END IF;
  IF moved IS NOT NULL THEN
    PERFORM scraper_guard_put(moved);
  END IF;
END
$$;
-- +goose StatementEnd

-- +goose Up
-- The functions of before stay: instances that are not upgraded yet append with them.

-- append_decide answers, under the log's lock, whether events may be appended to a
-- stream: NULL, or the version that the stream has where they are refused. Accepted
-- ones have moved their scraper's guard. They are refused if the stream is not at the
-- expected version, if the guard is not the expected one, or if the log has one of the
-- ids that are asked for.
--
-- This is the place where the columns of a guard are listed. An expected guard and the
-- news are the texts of all columns after the key, with the separators below. moves has
-- four sets of 16 bits, one bit for a column: columns that get their value of news; that
-- get it if the run of the events is the open one; if it is the lost one; and those that
-- get it only if it is greater than their own.
-- +goose StatementBegin
CREATE FUNCTION append_decide(of_stream text, expected bigint, asked uuid[], of_scraper text, of_run uuid, guard text, moves bigint, news text)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  head bigint;
  g scraper_guard;
  was scraper_guard;
  v text[];
BEGIN
  SELECT coalesce(max(e.version), 0) INTO head FROM events e WHERE e.stream = of_stream;
  IF head <> expected THEN
    RETURN head;
  END IF;
  IF asked IS NOT NULL AND EXISTS (SELECT FROM events e WHERE e.id = ANY (asked)) THEN
    RETURN head;
  END IF;
  IF of_scraper = '' THEN
    RETURN NULL;
  END IF;

  SELECT * INTO was FROM scraper_guard s WHERE s.scraper = of_scraper;
  g := was;
  IF was.scraper IS NULL THEN
    g := ROW(of_scraper, NULL, '', NULL, false, false, false, NULL, '', 0, NULL, NULL, NULL);
  END IF;
  IF guard <> '' AND guard <> array_to_string(ARRAY[g.open_run::text, g.instance, g.lost_run::text,
      g.restored::text, g.paused::text, g.removed::text, g.last_due::text, g.gap, g.success_within::text,
      g.expected_since::text, g.last_success::text, g.overdue_since::text], E'\x1f', E'\x1e') THEN
    RETURN head;
  END IF;

  moves := moves
    | CASE WHEN g.open_run = of_run THEN moves >> 16 & 65535 ELSE 0 END
    | CASE WHEN g.lost_run = of_run THEN moves >> 32 & 65535 ELSE 0 END;
  v := string_to_array(news, E'\x1f', E'\x1e');
  IF moves & 1 <> 0 THEN g.open_run := v[1]; END IF;
  IF moves & 2 <> 0 THEN g.instance := v[2]; END IF;
  IF moves & 4 <> 0 THEN g.lost_run := v[3]; END IF;
  IF moves & 8 <> 0 THEN g.restored := v[4]; END IF;
  IF moves & 16 <> 0 THEN g.paused := v[5]; END IF;
  IF moves & 32 <> 0 THEN g.removed := v[6]; END IF;
  IF moves & 64 <> 0 THEN g.last_due := v[7]; END IF;
  IF moves >> 48 & 64 <> 0 THEN g.last_due := greatest(g.last_due, v[7]::bigint); END IF;
  IF moves & 128 <> 0 THEN g.gap := v[8]; END IF;
  IF moves & 256 <> 0 THEN g.success_within := v[9]; END IF;
  IF moves & 512 <> 0 THEN g.expected_since := v[10]; END IF;
  IF moves & 1024 <> 0 THEN g.last_success := v[11]; END IF;
  IF moves & 2048 <> 0 THEN g.overdue_since := v[12]; END IF;

  IF was.scraper IS NULL THEN
    INSERT INTO scraper_guard VALUES (g.*);
  ELSIF g <> was THEN
    UPDATE scraper_guard s SET open_run = g.open_run, instance = g.instance, lost_run = g.lost_run,
      restored = g.restored, paused = g.paused, removed = g.removed, last_due = g.last_due, gap = g.gap,
      success_within = g.success_within, expected_since = g.expected_since, last_success = g.last_success, overdue_since = g.overdue_since
    WHERE s.scraper = of_scraper;
  END IF;
  RETURN NULL;
END
$$;
-- +goose StatementEnd

-- append_event writes one event at the end of the log, under the log's lock. Each
-- statement of a plpgsql function has its own snapshot, so that those after the lock see
-- what was committed before it. last_position and last_recorded_at are those of the
-- event before.
-- +goose StatementBegin
CREATE FUNCTION append_event(
  of_stream text, expected bigint, asked boolean, of_scraper text, of_run uuid, guard text, moves bigint, news text,
  of_id uuid, of_type text, at bigint, payload json, of_metadata json,
  OUT last_position bigint, OUT last_recorded_at bigint, OUT refused jsonb
) LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  head bigint;
BEGIN
  PERFORM pg_advisory_xact_lock(8314615099879156839);
  SELECT e.position, e.recorded_at INTO last_position, last_recorded_at FROM events e ORDER BY e.position DESC LIMIT 1;
  last_position := coalesce(last_position, 0);
  last_recorded_at := coalesce(last_recorded_at, 0);
  head := append_decide(of_stream, expected, CASE WHEN asked THEN ARRAY[of_id] END, of_scraper, of_run, guard, moves, news);
  IF head IS NOT NULL THEN
    refused := jsonb_build_array(jsonb_build_object('request', 1, 'version', head));
    RETURN;
  END IF;
  INSERT INTO events (position, stream, version, id, type, recorded_at, data, metadata)
  VALUES (last_position + 1, of_stream, expected + 1, of_id, of_type, greatest(at, last_recorded_at), payload, of_metadata);
END
$$;
-- +goose StatementEnd

-- append_events does the same with many appends, no two of them to the same stream. The
-- arrays after the news hold their events in the order of the appends; request is the
-- number of theirs, from 1. refused lists the appends that were refused, and is NULL if
-- none was.
-- +goose StatementBegin
CREATE FUNCTION append_events(
  streams text[], expected bigint[], asked boolean[], scrapers text[], runs uuid[], guards text[], moves bigint[], news text[],
  request int[], versions bigint[], ids uuid[], types text[], times bigint[], datas json[], metadatas json[],
  OUT last_position bigint, OUT last_recorded_at bigint, OUT refused jsonb
) LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  head bigint;
  own uuid[];
  accepted boolean[] := array_fill(true, ARRAY[cardinality(streams)]);
BEGIN
  PERFORM pg_advisory_xact_lock(8314615099879156839);
  SELECT e.position, e.recorded_at INTO last_position, last_recorded_at FROM events e ORDER BY e.position DESC LIMIT 1;
  last_position := coalesce(last_position, 0);
  last_recorded_at := coalesce(last_recorded_at, 0);
  FOR n IN 1 .. cardinality(streams) LOOP
    own := NULL;
    IF asked[n] THEN
      own := ARRAY(SELECT i.id FROM unnest(request, ids) AS i (request, id) WHERE i.request = n);
    END IF;
    head := append_decide(streams[n], expected[n], own, scrapers[n], runs[n], guards[n], moves[n], news[n]);
    IF head IS NOT NULL THEN
      accepted[n] := false;
      refused := coalesce(refused, '[]') || jsonb_build_object('request', n, 'version', head);
    END IF;
  END LOOP;
  INSERT INTO events (position, stream, version, id, type, recorded_at, data, metadata)
  SELECT last_position + row_number() OVER (), streams[e.request], e.version, e.id, e.type, greatest(e.recorded_at, last_recorded_at), e.data, e.metadata
  FROM unnest(request, versions, ids, types, times, datas, metadatas) AS e (request, version, id, type, recorded_at, data, metadata)
  WHERE accepted[e.request];
END
$$;
-- +goose StatementEnd

-- One statement asks what three did.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION events_appended() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  positions boolean; versions boolean;
BEGIN
  SELECT max(a.position) - min(a.position) + 1 = count(*)
      AND (min(a.position) = 1 OR EXISTS (SELECT FROM events e WHERE e.position = min(a.position) - 1)),
    bool_and(a.version = 1 OR EXISTS (SELECT FROM events e WHERE e.stream = a.stream AND e.version = a.version - 1))
  INTO positions, versions FROM added a;
  IF NOT positions THEN
    RAISE EXCEPTION 'events is append-only: position is not the next one' USING ERRCODE = 'restrict_violation';
  END IF;
  IF NOT versions THEN
    RAISE EXCEPTION 'events is append-only: version is not the next one' USING ERRCODE = 'restrict_violation';
  END IF;
  IF versions THEN -- else nothing was inserted
    PERFORM pg_notify('scrapelog_events', '');
  END IF;
  RETURN NULL;
END
$$;
-- +goose StatementEnd

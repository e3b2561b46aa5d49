-- +goose Up
-- The functions of before stay: instances that are not upgraded yet append with them.

-- append_to_log writes the events of appends at the end of the log, under the log's lock,
-- and moves the guards of their scrapers. Each statement of a plpgsql function has its own
-- snapshot, so that those after the lock see what was committed before it. No two appends
-- are to one stream or about one scraper. The arrays after the news hold their events in
-- the order of the appends; request is the number of theirs, from 1.
--
-- An append is refused if its stream is not at the expected version, if the guard is not
-- the expected one, or if the log has an id of an append that is asked for. refused lists
-- those with the version that their stream has, and is NULL if there are none.
-- last_position and last_recorded_at are those of the event before.
--
-- The columns of a guard are listed here and in append_decide. An expected guard and the
-- news are the texts of all columns after the key, with the separators below. moves has
-- four sets of 16 bits, one bit for a column: columns that get their value of news; that
-- get it if the run of the events is the open one; if it is the lost one; and those that
-- get it only if it is greater than their own.
-- +goose StatementBegin
CREATE FUNCTION append_to_log(
  streams text[], expected bigint[], asked boolean[], scrapers text[], runs uuid[], guards text[], moves bigint[], news text[],
  request bigint[], versions bigint[], ids uuid[], types text[], times bigint[], datas json[], metadatas json[],
  OUT last_position bigint, OUT last_recorded_at bigint, OUT refused jsonb
) LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
  heads bigint[];
  known bigint[] := '{}';
  accepted boolean[] := array_fill(true, ARRAY[cardinality(streams)]);
BEGIN
  PERFORM pg_advisory_xact_lock(8314615099879156839);

  SELECT coalesce(l.position, 0), coalesce(l.recorded_at, 0),
    ARRAY(SELECT coalesce((SELECT max(e.version) FROM events e WHERE e.stream = s.stream), 0) FROM unnest(streams) AS s (stream))
  INTO last_position, last_recorded_at, heads
  FROM (SELECT) AS one LEFT JOIN (SELECT e.position, e.recorded_at FROM events e ORDER BY e.position DESC LIMIT 1) AS l ON true;

  IF heads <> expected OR true = ANY (asked) OR '' <> ANY (guards) THEN
    IF true = ANY (asked) THEN
      known := ARRAY(SELECT i.request FROM unnest(request, ids) AS i (request, id)
        WHERE asked[i.request] AND (SELECT e.position FROM events e WHERE e.id = i.id) IS NOT NULL);
    END IF;
    SELECT array_agg(d.accepted ORDER BY d.number),
      jsonb_agg(jsonb_build_object('request', d.number, 'version', heads[d.number]) ORDER BY d.number) FILTER (WHERE NOT d.accepted)
    INTO accepted, refused
    FROM (
      SELECT r.number, heads[r.number] = r.expected AND r.number <> ALL (known) AND (r.guard = '' OR r.guard = (
        SELECT array_to_string(ARRAY[g.open_run::text, coalesce(g.instance, ''), g.lost_run::text,
          coalesce(g.restored, false)::text, coalesce(g.paused, false)::text, coalesce(g.removed, false)::text,
          g.last_due::text, coalesce(g.gap, ''), coalesce(g.success_within, 0)::text,
          g.expected_since::text, g.last_success::text, g.overdue_since::text], E'\x1f', E'\x1e')
        FROM (SELECT) AS one LEFT JOIN scraper_guard g ON g.scraper = r.scraper)) AS accepted
      FROM unnest(expected, scrapers, guards) WITH ORDINALITY AS r (expected, scraper, guard, number)) AS d;
  END IF;

  -- The keys lead: whatever the statistics say, each is looked up.
  INSERT INTO scraper_guard (scraper, open_run, instance, lost_run, restored, paused, removed, last_due, gap,
    success_within, expected_since, last_success, overdue_since)
  SELECT m.scraper,
    CASE WHEN m.moves & 1 <> 0 THEN v[1]::uuid ELSE open_run END,
    CASE WHEN m.moves & 2 <> 0 THEN v[2] ELSE coalesce(instance, '') END,
    CASE WHEN m.moves & 4 <> 0 THEN v[3]::uuid ELSE lost_run END,
    CASE WHEN m.moves & 8 <> 0 THEN v[4]::boolean ELSE coalesce(restored, false) END,
    CASE WHEN m.moves & 16 <> 0 THEN v[5]::boolean ELSE coalesce(paused, false) END,
    CASE WHEN m.moves & 32 <> 0 THEN v[6]::boolean ELSE coalesce(removed, false) END,
    CASE WHEN m.moves & 64 <> 0 THEN v[7]::bigint WHEN m.moves >> 48 & 64 <> 0 THEN greatest(last_due, v[7]::bigint) ELSE last_due END,
    CASE WHEN m.moves & 128 <> 0 THEN v[8] ELSE coalesce(gap, '') END,
    CASE WHEN m.moves & 256 <> 0 THEN v[9]::bigint ELSE coalesce(success_within, 0) END,
    CASE WHEN m.moves & 512 <> 0 THEN v[10]::bigint ELSE expected_since END,
    CASE WHEN m.moves & 1024 <> 0 THEN v[11]::bigint ELSE last_success END,
    CASE WHEN m.moves & 2048 <> 0 THEN v[12]::bigint ELSE overdue_since END
  FROM (
    SELECT r.scraper, string_to_array(r.news, E'\x1f', E'\x1e') AS v, g.instance IS NULL AS unknown,
      r.moves
        | CASE WHEN g.open_run = r.run THEN r.moves >> 16 & 65535 ELSE 0 END
        | CASE WHEN g.lost_run = r.run THEN r.moves >> 32 & 65535 ELSE 0 END AS moves,
      g.open_run, g.instance, g.lost_run, g.restored, g.paused, g.removed, g.last_due, g.gap,
      g.success_within, g.expected_since, g.last_success, g.overdue_since
    FROM (SELECT unnest(scrapers) AS scraper, unnest(runs) AS run, unnest(moves) AS moves, unnest(news) AS news, unnest(accepted) AS accepted) AS r
    LEFT JOIN LATERAL (SELECT * FROM scraper_guard s WHERE s.scraper = r.scraper OFFSET 0) AS g ON true
    WHERE r.accepted AND r.scraper <> '' OFFSET 0) AS m
  WHERE m.unknown OR m.moves & (65535 | (65535::bigint << 48)) <> 0
  ON CONFLICT (scraper) DO UPDATE SET open_run = excluded.open_run, instance = excluded.instance, lost_run = excluded.lost_run,
    restored = excluded.restored, paused = excluded.paused, removed = excluded.removed, last_due = excluded.last_due, gap = excluded.gap,
    success_within = excluded.success_within, expected_since = excluded.expected_since,
    last_success = excluded.last_success, overdue_since = excluded.overdue_since;

  INSERT INTO events (position, stream, version, id, type, recorded_at, data, metadata)
  SELECT last_position + row_number() OVER (), streams[e.request], e.version, e.id, e.type, greatest(e.recorded_at, last_recorded_at), e.data, e.metadata
  FROM (
    SELECT unnest(request) AS request, unnest(versions) AS version, unnest(ids) AS id, unnest(types) AS type,
      unnest(times) AS recorded_at, unnest(datas) AS data, unnest(metadatas) AS metadata) AS e
  WHERE accepted[e.request];
END
$$;
-- +goose StatementEnd

-- Positions come in order, of each type too: a page of these indexes is not written to
-- again when it is full. Ids come almost in order.
ALTER INDEX events_pkey SET (fillfactor = 100);
ALTER INDEX events_by_type SET (fillfactor = 100);
ALTER INDEX events_id_key SET (fillfactor = 95);

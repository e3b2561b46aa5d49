-- What makes the table events another one than it seems to be.
WITH log AS (SELECT * FROM pg_class WHERE relnamespace = to_regnamespace(current_schema()) AND relname = 'events' AND relkind = 'r')
SELECT 'events', 'the rule ' || r.rulename || ' changes what statements do: an owner of the database made it; drop it'
FROM pg_rewrite r JOIN log ON r.ev_class = log.oid
UNION ALL
SELECT 'events', 'row security hides rows: an owner of the database enabled it; disable it'
FROM log WHERE relrowsecurity
UNION ALL
SELECT 'events', 'rows of ' || inhrelid::regclass || ' are read as its own: an owner of the database did that; detach that table'
FROM pg_inherits JOIN log ON inhparent = log.oid
UNION ALL
SELECT 'events', 'the column ' || want.name || ' ' || want.type || ' NOT NULL is missing or another one'
FROM (VALUES ('position', 'bigint'), ('stream', 'text'), ('version', 'bigint'), ('id', 'uuid'), ('type', 'text'),
             ('data', 'json'), ('metadata', 'json'), ('recorded_at', 'bigint')) AS want (name, type)
WHERE NOT EXISTS (
  SELECT FROM pg_attribute a JOIN log ON a.attrelid = log.oid
  WHERE a.attname = want.name AND format_type(a.atttypid, a.atttypmod) = want.type AND a.attnotnull AND NOT a.attisdropped)
UNION ALL
SELECT 'events', 'the unique index on ' || want.columns || ' is missing'
FROM (VALUES ('position'), ('id'), ('stream, version')) AS want (columns)
WHERE NOT EXISTS (
  SELECT FROM pg_index i JOIN log ON i.indrelid = log.oid
  WHERE i.indisunique AND i.indisvalid AND i.indpred IS NULL AND want.columns = (
    SELECT string_agg(a.attname, ', ' ORDER BY k.place)
    FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k (number, place) JOIN pg_attribute a ON a.attrelid = log.oid AND a.attnum = k.number))

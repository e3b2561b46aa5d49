-- The triggers of the tables in this schema.
SELECT t.tgname, c.relname, p.proname, t.tgtype, t.tgenabled::text, t.tgqual IS NOT NULL OR t.tgattr::text <> ''
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
WHERE NOT t.tgisinternal AND c.relnamespace = to_regnamespace(current_schema())

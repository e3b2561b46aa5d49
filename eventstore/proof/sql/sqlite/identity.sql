-- The file, as SQLite opened it.
SELECT file, 'sqlite ' || file FROM pragma_database_list WHERE name = 'main'

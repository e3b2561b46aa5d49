-- The cluster, the database and the schema, however they are reached.
SELECT current_database(), concat_ws(' ', 'postgres', system_identifier, current_database(), current_schema())
FROM pg_control_system()

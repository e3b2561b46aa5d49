-- The functions of this schema and their bodies.
SELECT proname, prosrc FROM pg_proc WHERE pronamespace = to_regnamespace(current_schema())

-- Roles other than its owner that may change rows or triggers of the log.
SELECT c.relname, coalesce(nullif(acl.grantee, 0)::regrole::text, 'PUBLIC') || ' may ' || string_agg(acl.privilege_type, ', ' ORDER BY acl.privilege_type)
  || ' there: revoke that'
FROM pg_class c, aclexplode(c.relacl) AS acl
WHERE c.relnamespace = to_regnamespace(current_schema()) AND c.relname = 'events' AND acl.grantee <> c.relowner
  AND acl.privilege_type IN ('UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER')
GROUP BY c.relname, acl.grantee
ORDER BY 1, 2

-- What somebody has hooked to our objects, or was given of them: whatever wasn't there, or wasn't given, by this script.
CREATE FUNCTION ayb_jobs_internal.grants(OUT object text, OUT grantee text, OUT privilege text) RETURNS SETOF record
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT o.object, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END, a.privilege_type
    FROM (SELECT 'SCHEMA ' || n.oid::regnamespace AS object, n.nspowner AS owner, n.oid AS schema, n.nspacl AS acl
          FROM pg_namespace AS n
          UNION ALL
          SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE ' ELSE 'TABLE ' END || c.oid::regclass, c.relowner, c.relnamespace, c.relacl
          FROM pg_class AS c
          UNION ALL
          SELECT 'TABLE ' || c.oid::regclass, c.relowner, c.relnamespace, t.attacl
          FROM pg_class AS c JOIN pg_attribute AS t ON t.attrelid = c.oid
          UNION ALL
          SELECT 'ROUTINE ' || p.oid::regprocedure, p.proowner, p.pronamespace, p.proacl FROM pg_proc AS p
          UNION ALL
          SELECT 'TYPE ' || t.oid::regtype, t.typowner, t.typnamespace, t.typacl FROM pg_type AS t) AS o
    CROSS JOIN aclexplode(o.acl) AS a
    WHERE o.schema IN ('ayb_jobs'::regnamespace, 'ayb_jobs_internal'::regnamespace) AND a.grantee <> o.owner;
END;
COMMENT ON FUNCTION ayb_jobs_internal.grants() IS 'who but the owner has been given what of the extension''s objects';

CREATE FUNCTION ayb_jobs_internal.strangers(OUT what text, OUT remedy text) RETURNS SETOF record
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH ours AS MATERIALIZED (
        SELECT n.oid AS schema, e.oid AS extension, e.extowner AS owner
        FROM pg_extension AS e CROSS JOIN pg_namespace AS n
        WHERE e.extname = 'ayb_jobs' AND n.nspname IN ('ayb_jobs', 'ayb_jobs_internal')
    ), relations AS MATERIALIZED (
        SELECT c.oid, c.relowner, c.relkind, o.owner FROM ours AS o JOIN pg_class AS c ON c.relnamespace = o.schema
    )
    SELECT format('trigger %I stands on %s', t.tgname, r.oid::regclass), format('DROP TRIGGER %I ON %s;', t.tgname, r.oid::regclass)
    FROM relations AS r JOIN pg_trigger AS t ON t.tgrelid = r.oid JOIN pg_proc AS p ON p.oid = t.tgfoid
    WHERE NOT t.tgisinternal AND p.pronamespace <> 'ayb_jobs_internal'::regnamespace
    UNION ALL
    SELECT format('foreign key %I of %s refers to %s', k.conname, k.conrelid::regclass, r.oid::regclass),
           format('ALTER TABLE %s DROP CONSTRAINT %I;', k.conrelid::regclass, k.conname)
    FROM relations AS r JOIN pg_constraint AS k ON k.confrelid = r.oid
    WHERE k.contype = 'f' AND k.conrelid NOT IN (SELECT s.oid FROM relations AS s)
    UNION ALL
    SELECT format('rule %I stands on %s', w.rulename, r.oid::regclass), format('DROP RULE %I ON %s;', w.rulename, r.oid::regclass)
    FROM relations AS r JOIN pg_rewrite AS w ON w.ev_class = r.oid WHERE w.rulename <> '_RETURN'
    UNION ALL
    SELECT format('%s belongs to role %s', r.oid::regclass, r.relowner::regrole),
           format('ALTER TABLE %s OWNER TO %s;', r.oid::regclass, r.owner::regrole)
    FROM relations AS r WHERE r.relkind IN ('r', 'p', 'v') AND r.relowner <> r.owner
    UNION ALL
    SELECT format('function %s is none of the extension''s', p.oid::regprocedure), format('DROP ROUTINE %s;', p.oid::regprocedure)
    FROM ours AS o JOIN pg_proc AS p ON p.pronamespace = o.schema
    WHERE NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.refobjid = o.extension
                                                   AND d.deptype = 'e')
    UNION ALL
    SELECT format('%s has %s on %s', g.grantee, g.privilege, g.object), format('REVOKE %s ON %s FROM %s;', g.privilege, g.object, g.grantee)
    FROM ayb_jobs_internal.grants() AS g
    WHERE g.object ~ '^SCHEMA ' AND g.privilege <> 'USAGE' OR g.object ~ '^TABLE ' AND g.privilege <> 'SELECT'
    UNION ALL
    SELECT format('the extension''s owner, %s, is no superuser', r.rolname), format('ALTER ROLE %I SUPERUSER;', r.rolname)
    FROM pg_extension AS e JOIN pg_roles AS r ON r.oid = e.extowner WHERE e.extname = 'ayb_jobs' AND NOT r.rolsuper;
END;
COMMENT ON FUNCTION ayb_jobs_internal.strangers() IS 'what others have hooked to the extension''s objects or were given of them, and the statements that end it';

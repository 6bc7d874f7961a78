-- Changes of tables, for those who may see them. That a table is enabled is said by its trigger alone, which pg_dump
-- carries, and which goes with the table.
CREATE FUNCTION ayb_jobs_internal.note_row() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'ayb_jobs_note_row';
COMMENT ON FUNCTION ayb_jobs_internal.note_row() IS
    'tells those who listen to a table, at the commit, of a row; its arguments are the columns that they are sent';

CREATE FUNCTION ayb_jobs_internal.note_truncated() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'ayb_jobs_note_truncated';
COMMENT ON FUNCTION ayb_jobs_internal.note_truncated() IS 'has those who listen to a table look at it again';

CREATE FUNCTION ayb_jobs_internal.trigger_arguments(of_trigger oid) RETURNS text[]
    LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'ayb_jobs_trigger_arguments';
COMMENT ON FUNCTION ayb_jobs_internal.trigger_arguments(oid) IS 'what a trigger passes to its function; NULL where it passes nothing';

CREATE FUNCTION ayb_jobs_internal.is_listened(relation oid) RETURNS boolean
    LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'ayb_jobs_is_listened';
COMMENT ON FUNCTION ayb_jobs_internal.is_listened(oid) IS 'whether somebody listens to a table, or did less than a minute ago';

CREATE FUNCTION ayb_jobs_internal.realtime_problem(relation oid) RETURNS text
    LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'ayb_jobs_realtime_problem';
COMMENT ON FUNCTION ayb_jobs_internal.realtime_problem(oid) IS 'why nobody can listen to an enabled table; NULL where everybody may who may see it';

CREATE VIEW ayb_jobs.realtime_tables WITH (security_invoker = true) AS
SELECT t.tgrelid::pg_catalog.regclass AS relation, n.nspname AS schema_name, c.relname AS table_name,
       ARRAY(SELECT a.attname::pg_catalog.text FROM pg_catalog.pg_attribute AS a
             WHERE a.attrelid = t.tgrelid AND a.attnum > 0 AND NOT a.attisdropped
               AND (s.columns IS NULL OR a.attname::pg_catalog.text = ANY (s.columns)) ORDER BY a.attnum) AS columns,
       ARRAY(SELECT a.attname::pg_catalog.text
             FROM pg_catalog.pg_index AS i
             CROSS JOIN LATERAL pg_catalog.unnest(i.indkey::pg_catalog.int2[]) WITH ORDINALITY AS k (attnum, place)
             JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
             WHERE i.indrelid = t.tgrelid AND i.indisprimary AND k.place <= i.indnkeyatts ORDER BY k.place) AS primary_key,
       c.relowner::pg_catalog.regrole AS owner,
       ayb_jobs_internal.is_listened(t.tgrelid) AS listened,
       ayb_jobs_internal.realtime_problem(t.tgrelid) AS problem
FROM pg_catalog.pg_trigger AS t
JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (SELECT ayb_jobs_internal.trigger_arguments(t.oid) AS columns) AS s
WHERE t.tgfoid = 'ayb_jobs_internal.note_row()'::pg_catalog.regprocedure AND t.tgparentid = 0;
COMMENT ON VIEW ayb_jobs.realtime_tables IS 'the tables whose changes can be listened to, and what a record has';

CREATE FUNCTION ayb_jobs.enable_realtime(relation regclass, columns text[] DEFAULT NULL) RETURNS ayb_jobs.realtime_tables
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_enable_realtime';
COMMENT ON FUNCTION ayb_jobs.enable_realtime(regclass, text[]) IS
    'lets changes of a table be listened to, by who may see them; records have these columns, or all';

CREATE FUNCTION ayb_jobs.disable_realtime(relation regclass) RETURNS boolean
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_disable_realtime';
COMMENT ON FUNCTION ayb_jobs.disable_realtime(regclass) IS 'ends what enable_realtime() began; false where it hadn''t';

CREATE FUNCTION ayb_jobs.realtime_changes(since text, as_role name, settings jsonb, relations regclass[], max_rows integer DEFAULT 1000,
                                          OUT action text, OUT relation regclass, OUT record jsonb, OUT reason text,
                                          OUT id text, OUT at timestamptz) RETURNS SETOF record
    LANGUAGE c VOLATILE ROWS 100 AS 'MODULE_PATHNAME', 'ayb_jobs_realtime_changes';
COMMENT ON FUNCTION ayb_jobs.realtime_changes(text, name, jsonb, regclass[], integer) IS
    'what happened to tables after the position since, as a role with these settings may see it; for ayb_jobs_realtime';

CREATE PROCEDURE ayb_jobs_internal.wait_for_realtime(relations regclass[], timeout interval DEFAULT '30 s',
                                                     INOUT seen bigint DEFAULT NULL, INOUT changed oid[] DEFAULT NULL)
    LANGUAGE c AS 'MODULE_PATHNAME', 'ayb_jobs_wait_for_realtime';
COMMENT ON PROCEDURE ayb_jobs_internal.wait_for_realtime(regclass[], interval, bigint, oid[]) IS
    'returns when one of the tables has changes after the number seen, or after the timeout, with which; outside of transaction blocks';

-- The types that come with the extension. Their procedures commit between batches, so they can't have a SET
-- clause: they name everything with its schema, and run as the job's role with that role's rights alone. Operators
-- have no schema written: only those are used that pg_catalog has for exactly these types. For others (a polymorphic
-- one, one that takes an unknown literal or a cast) somebody's own in the role's search path would be preferred.

CREATE FUNCTION ayb_jobs_internal.set_result(result jsonb) RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'ayb_jobs_set_result';
COMMENT ON FUNCTION ayb_jobs_internal.set_result(jsonb) IS 'what the job of a procedure gives back';

CREATE FUNCTION ayb_jobs_internal.plain_tables(parent regclass) RETURNS SETOF regclass
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH RECURSIVE family AS (
        SELECT parent::oid AS member
        UNION
        SELECT i.inhrelid FROM family AS f JOIN pg_inherits AS i ON i.inhparent = f.member
    )
    SELECT f.member::regclass FROM family AS f JOIN pg_class AS c ON c.oid = f.member
    WHERE c.relkind = 'r' ORDER BY f.member;
END;
COMMENT ON FUNCTION ayb_jobs_internal.plain_tables(regclass) IS 'a table, or its partitions and children, as far as they have rows of their own';

-- Finds its rows by one scan, whose result is kept beside when the first batch commits: so neither an old
-- snapshot is held nor dead rows are read again and again. What somebody has locked is left for the next run.
CREATE PROCEDURE ayb_jobs_internal.delete_batches(target regclass, condition text, batch_size integer, rest interval,
                                          INOUT deleted bigint)
    LANGUAGE plpgsql AS $$
DECLARE
    part regclass;
    place tid;
    places tid[];
    gone bigint;
    removal text;
BEGIN
    FOR part IN SELECT p FROM ayb_jobs_internal.plain_tables(target) AS p LOOP
        removal := pg_catalog.format(
            'DELETE FROM ONLY %1$s WHERE ctid = ANY (ARRAY(SELECT ctid FROM ONLY %1$s WHERE ctid = ANY ($1)'
            ' AND (%2$s) FOR UPDATE SKIP LOCKED))', part, condition);
        places := '{}';
        FOR place IN EXECUTE pg_catalog.format('SELECT ctid FROM ONLY %s WHERE %s', part, condition) LOOP
            places := pg_catalog.array_append(places, place);
            CONTINUE WHEN pg_catalog.cardinality(places) < batch_size;
            EXECUTE removal USING places;
            GET DIAGNOSTICS gone = ROW_COUNT;
            COMMIT;
            deleted := deleted + gone;
            places := '{}';
            PERFORM pg_catalog.pg_sleep_for(rest);
        END LOOP;
        EXECUTE removal USING places;
        GET DIAGNOSTICS gone = ROW_COUNT;
        COMMIT;
        deleted := deleted + gone;
    END LOOP;
END
$$;
COMMENT ON PROCEDURE ayb_jobs_internal.delete_batches(regclass, text, integer, interval, bigint) IS
    'deletes rows in batches, each a transaction of its own, and adds their number to deleted';

CREATE FUNCTION ayb_jobs_internal.payload() RETURNS jsonb
    LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT CASE jsonb_typeof(j.payload) WHEN 'object' THEN j.payload ELSE '{}' END
    FROM ayb_jobs.current_job() AS j;
END;
COMMENT ON FUNCTION ayb_jobs_internal.payload() IS 'the payload of the job whose handler asks, if it is an object';

CREATE FUNCTION ayb_jobs_internal.expired_rule(payload jsonb, OUT target regclass, OUT condition text,
                                       OUT batch_size integer, OUT rest interval)
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    stamp name := coalesce(payload ->> 'column', payload ->> 'timestamp_column');
BEGIN
    IF payload ->> 'table' IS NULL OR stamp IS NULL OR payload ->> 'older_than' IS NULL THEN
        RAISE invalid_parameter_value USING
            MESSAGE = 'the payload must have a table, a column and older_than',
            HINT = 'Such as {"table": "public.visits", "column": "seen_at", "older_than": "30 days"}.';
    END IF;
    target := to_regclass(payload ->> 'table');
    IF target IS NULL THEN
        RAISE undefined_table USING MESSAGE = format('table %s does not exist', payload ->> 'table'),
            HINT = 'Name it with its schema.';
    END IF;
    IF NOT EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = target AND a.attname = stamp AND a.attnum > 0
                     AND NOT a.attisdropped AND a.atttypid IN ('timestamptz'::regtype, 'timestamp'::regtype, 'date'::regtype)) THEN
        RAISE undefined_column USING MESSAGE = format('table %s has no timestamp column %I', target, stamp),
            HINT = 'It takes a column of type timestamptz, timestamp or date.';
    END IF;
    IF NOT has_table_privilege(target, 'SELECT') OR NOT has_table_privilege(target, 'DELETE') THEN
        RAISE insufficient_privilege USING MESSAGE = format('role %I may not delete from table %s', current_user, target),
            HINT = format('GRANT SELECT, DELETE ON %s TO %I;', target, current_user);
    END IF;
    IF (payload ->> 'older_than')::interval < '0' THEN
        RAISE invalid_parameter_value USING MESSAGE = 'older_than must not be negative',
            HINT = 'It is how long ago the column''s time must be, such as "30 days".';
    END IF;
    batch_size := coalesce((payload ->> 'batch_size')::integer, 5000);
    rest := coalesce((payload ->> 'pause')::interval, '20 ms');
    IF batch_size NOT BETWEEN 1 AND 100000 THEN
        RAISE invalid_parameter_value USING MESSAGE = 'batch_size must be between 1 and 100000',
            HINT = 'Leave it out for 5000.';
    END IF;
    condition := format('%I < %L::timestamptz', stamp, ayb_jobs_internal.now() - (payload ->> 'older_than')::interval);
END
$$;
COMMENT ON FUNCTION ayb_jobs_internal.expired_rule(jsonb) IS 'what a payload of delete_expired asks for, checked';

-- A superuser's DELETE would fire the triggers of a lesser owner's table with a superuser's rights: there it is the owner's job.
CREATE FUNCTION ayb_jobs_internal.hand_over(target regclass, payload jsonb) RETURNS text
    LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    lesser record;
BEGIN
    IF NOT (SELECT r.rolsuper FROM pg_roles AS r WHERE r.rolname = current_user) THEN
        RETURN NULL;
    END IF;
    SELECT r.rolname, c.oid::regclass AS part, c.oid = target AS is_target INTO lesser
    FROM (SELECT target AS part UNION SELECT p FROM ayb_jobs_internal.plain_tables(target) AS p) AS f
    JOIN pg_class AS c ON c.oid = f.part JOIN pg_roles AS r ON r.oid = c.relowner
    WHERE NOT r.rolsuper ORDER BY c.oid = target DESC LIMIT 1;
    IF lesser.rolname IS NOT NULL AND NOT lesser.is_target THEN
        RAISE insufficient_privilege USING MESSAGE = format('table %s, a part of %s, belongs to role %I', lesser.part, target, lesser.rolname),
            DETAIL = 'Its triggers would run with the rights of a superuser.',
            HINT = format('ALTER TABLE %s OWNER TO %I;', lesser.part, current_user);
    END IF;
    IF lesser.rolname IS NOT NULL THEN
        PERFORM ayb_jobs.enqueue((SELECT j.type FROM ayb_jobs.current_job() AS j), payload, run_as => lesser.rolname);
    END IF;
    RETURN lesser.rolname;
END
$$;
COMMENT ON FUNCTION ayb_jobs_internal.hand_over(regclass, jsonb) IS
    'enqueues the running job for the owner of a table, where a superuser''s job may not touch it; gives back that role';

-- Row-level security shows the owner of a table no more than the policies do, where it is forced: so rows stay, and nothing says
-- so. Who enqueued the job for itself gets to know it; who ordered it for another role meant all rows.
CREATE FUNCTION ayb_jobs_internal.sees_a_part(target regclass) RETURNS boolean
    LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    part regclass := (SELECT p FROM ayb_jobs_internal.plain_tables(target) AS p WHERE row_security_active(p::oid) LIMIT 1);
BEGIN
    IF part IS NOT NULL AND EXISTS (SELECT FROM ayb_jobs.current_job() AS j
                                    WHERE j.enqueued_by <> j.run_as AND pg_has_role(j.enqueued_by::oid, 'ayb_jobs_admin', 'USAGE')) THEN
        RAISE insufficient_privilege USING MESSAGE = format('row-level security of table %s would leave rows that role %I doesn''t see', part, current_user),
            HINT = format('ALTER TABLE %s NO FORCE ROW LEVEL SECURITY; or a policy that shows that role all rows. What it enqueues itself deletes what it sees.', part);
    END IF;
    RETURN part IS NOT NULL;
END
$$;
COMMENT ON FUNCTION ayb_jobs_internal.sees_a_part(regclass) IS
    'whether row-level security may keep rows of a table from the running job, which is refused where an admin ordered it for another role';

CREATE PROCEDURE ayb_jobs_internal.delete_expired()
    LANGUAGE plpgsql AS $$
DECLARE
    rule record;
    deleted bigint := 0;
    heir text;
    sees_a_part boolean;
BEGIN
    SELECT * INTO rule FROM ayb_jobs_internal.expired_rule(ayb_jobs_internal.payload());
    heir := ayb_jobs_internal.hand_over(rule.target, ayb_jobs_internal.payload());
    IF heir IS NOT NULL THEN
        PERFORM ayb_jobs_internal.set_result(pg_catalog.jsonb_build_object('handed_to', heir));
        RETURN;
    END IF;
    sees_a_part := ayb_jobs_internal.sees_a_part(rule.target);
    CALL ayb_jobs_internal.delete_batches(rule.target, rule.condition, rule.batch_size, rule.rest, deleted);
    PERFORM ayb_jobs_internal.set_result(pg_catalog.jsonb_build_object('deleted', deleted)
        || CASE WHEN sees_a_part THEN pg_catalog.jsonb_build_object('row_security', true) ELSE '{}'::jsonb END);
END
$$;
COMMENT ON PROCEDURE ayb_jobs_internal.delete_expired() IS
    'the type delete_expired: deletes rows of a table whose time is longer ago than older_than';

CREATE PROCEDURE ayb_jobs_internal.clean_up(tables text[], conditions text[])
    LANGUAGE plpgsql AS $$
DECLARE
    payload jsonb := ayb_jobs_internal.payload();
    home text := coalesce(pg_catalog.jsonb_extract_path_text(payload, 'schema_name'),
                          pg_catalog.jsonb_extract_path_text(payload, 'schema'), 'public');
    target regclass;
    deleted bigint := 0;
    missing text[] := '{}';
    only_table text := pg_catalog.jsonb_extract_path_text(payload, 'only_table');
    heir text;
    heirs text[] := '{}';
    sees_a_part boolean := false;
BEGIN
    FOR i IN 1 .. pg_catalog.cardinality(tables) LOOP
        CONTINUE WHEN NOT pg_catalog.texteq(coalesce(only_table, tables[i]), tables[i]);
        target := pg_catalog.to_regclass(pg_catalog.format('%I.%I', home, tables[i]));
        IF target IS NULL THEN
            missing := pg_catalog.array_append(missing, tables[i]);
        ELSE
            heir := ayb_jobs_internal.hand_over(target, pg_catalog.jsonb_concat(payload, pg_catalog.jsonb_build_object('only_table', tables[i])));
            IF heir IS NOT NULL THEN
                heirs := pg_catalog.array_append(heirs, heir);
                CONTINUE;
            END IF;
            sees_a_part := ayb_jobs_internal.sees_a_part(target) OR sees_a_part;
            CALL ayb_jobs_internal.delete_batches(target, conditions[i], 5000, '20 ms', deleted);
        END IF;
    END LOOP;
    PERFORM ayb_jobs_internal.set_result(pg_catalog.jsonb_build_object('deleted', deleted)
        || CASE WHEN pg_catalog.cardinality(missing) > 0
                THEN pg_catalog.jsonb_build_object('missing', missing) ELSE '{}'::jsonb END
        || CASE WHEN sees_a_part THEN pg_catalog.jsonb_build_object('row_security', true) ELSE '{}'::jsonb END
        || CASE WHEN pg_catalog.cardinality(heirs) > 0
                THEN pg_catalog.jsonb_build_object('handed_to', heirs) ELSE '{}'::jsonb END);
END
$$;
COMMENT ON PROCEDURE ayb_jobs_internal.clean_up(text[], text[]) IS
    'deletes from each of the tables that are there what its condition names; says which are missing';

CREATE PROCEDURE ayb_jobs_internal.stale_session_cleanup()
    LANGUAGE plpgsql AS $$
BEGIN
    CALL ayb_jobs_internal.clean_up(ARRAY['_ayb_sessions'],
                            ARRAY[pg_catalog.format('expires_at < %L', ayb_jobs_internal.now())]);
END
$$;
COMMENT ON PROCEDURE ayb_jobs_internal.stale_session_cleanup() IS 'the type stale_session_cleanup: sessions that have expired';

CREATE PROCEDURE ayb_jobs_internal.webhook_delivery_prune()
    LANGUAGE plpgsql AS $$
DECLARE
    hours numeric := coalesce(
        pg_catalog.jsonb_extract_path_text(ayb_jobs_internal.payload(), 'retention_hours')::numeric, 168);
BEGIN
    IF hours IS NULL OR hours <= 0::numeric THEN
        RAISE invalid_parameter_value USING MESSAGE = 'retention_hours must be positive',
            HINT = 'Leave it out for 168, a week.';
    END IF;
    CALL ayb_jobs_internal.clean_up(ARRAY['_ayb_webhook_deliveries'], ARRAY[pg_catalog.format(
        'delivered_at < %L', ayb_jobs_internal.now() - pg_catalog.make_interval(secs => (hours * 3600::numeric)::double precision))]);
END
$$;
COMMENT ON PROCEDURE ayb_jobs_internal.webhook_delivery_prune() IS
    'the type webhook_delivery_prune: deliveries older than retention_hours';

CREATE PROCEDURE ayb_jobs_internal.expired_oauth_cleanup()
    LANGUAGE plpgsql AS $$
DECLARE
    yesterday timestamptz := ayb_jobs_internal.now() - interval '1 day';
BEGIN
    CALL ayb_jobs_internal.clean_up(ARRAY['_ayb_oauth_tokens', '_ayb_oauth_authorization_codes'], ARRAY[
        pg_catalog.format('expires_at < %1$L OR revoked_at < %1$L', yesterday),
        pg_catalog.format('expires_at < %1$L OR used_at < %1$L', yesterday)]);
END
$$;
COMMENT ON PROCEDURE ayb_jobs_internal.expired_oauth_cleanup() IS
    'the type expired_oauth_cleanup: tokens and codes that ended more than a day ago';

CREATE PROCEDURE ayb_jobs_internal.expired_auth_cleanup()
    LANGUAGE plpgsql AS $$
DECLARE
    expired text := pg_catalog.format('expires_at < %L', ayb_jobs_internal.now());
BEGIN
    CALL ayb_jobs_internal.clean_up(ARRAY['_ayb_magic_links', '_ayb_password_resets'], ARRAY[expired, expired]);
END
$$;
COMMENT ON PROCEDURE ayb_jobs_internal.expired_auth_cleanup() IS
    'the type expired_auth_cleanup: magic links and password resets that have expired';

CREATE FUNCTION ayb_jobs_internal.install_builtins(only_type text DEFAULT NULL) RETURNS SETOF text
    LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    INSERT INTO ayb_jobs.handlers (type, kind, owner, function_schema, function_name, function_owner, takes_payload, command,
                                   grouped, builtin)
    SELECT b.type, CASE WHEN b.function_name IS NULL THEN 'command' ELSE 'function' END, e.extowner,
           CASE WHEN b.function_name IS NOT NULL THEN 'ayb_jobs_internal' END, b.function_name,
           CASE WHEN b.function_name IS NOT NULL THEN e.extowner END, b.function_name IS NOT NULL, b.command, false, true
    FROM (VALUES ('command', NULL, NULL),
                 ('materialized_view_refresh', 'refresh_job', NULL),
                 ('delete_expired', NULL, 'CALL ayb_jobs_internal.delete_expired()'),
                 ('stale_session_cleanup', NULL, 'CALL ayb_jobs_internal.stale_session_cleanup()'),
                 ('webhook_delivery_prune', NULL, 'CALL ayb_jobs_internal.webhook_delivery_prune()'),
                 ('expired_oauth_cleanup', NULL, 'CALL ayb_jobs_internal.expired_oauth_cleanup()'),
                 ('expired_auth_cleanup', NULL, 'CALL ayb_jobs_internal.expired_auth_cleanup()')) AS b (type, function_name, command)
    CROSS JOIN pg_extension AS e
    WHERE e.extname = 'ayb_jobs' AND (only_type IS NULL OR b.type = only_type)
    RETURNING handlers.kind;
END;
COMMENT ON FUNCTION ayb_jobs_internal.install_builtins(text) IS
    'registers the types that come with the extension, or one whose replacement has gone; gives back their kinds';

-- As a DO block, so that psql shows no result.
DO $$ BEGIN PERFORM ayb_jobs_internal.install_builtins(); END $$;

CREATE FUNCTION ayb_jobs_internal.replace_builtin() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM ayb_jobs.handlers AS h WHERE h.type = NEW.type AND h.builtin;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION ayb_jobs_internal.replace_builtin() IS
    'an admin''s own handler takes the place of a built-in one, when it is registered and when it is restored';

CREATE TRIGGER replace_builtin BEFORE INSERT ON ayb_jobs.handlers
    FOR EACH ROW WHEN (NOT NEW.builtin) EXECUTE FUNCTION ayb_jobs_internal.replace_builtin();
ALTER TABLE ayb_jobs.handlers ENABLE ALWAYS TRIGGER replace_builtin;
COMMENT ON TRIGGER replace_builtin ON ayb_jobs.handlers IS 'a type has one handler';

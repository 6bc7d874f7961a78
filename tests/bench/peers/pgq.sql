-- PgQ: `jobs` events, a tick each 5,000, and a consumer that calls the handler trivial(jsonb) for each event of a batch, and
-- keeps no state of it. Prints how many events a second went through.
SELECT pgq.create_queue('bench') \g /dev/null
SELECT pgq.set_queue_config('bench', 'ticker_max_count', '5000') \g /dev/null
SELECT pgq.register_consumer('bench', 'bench') \g /dev/null
SELECT set_config('bench.jobs', :'jobs', false), set_config('bench.payload', :'payload', false) \g /dev/null

DO $$
BEGIN
    FOR i IN 1 .. current_setting('bench.jobs')::int / 5000 LOOP
        PERFORM pgq.insert_event('bench', 'job', current_setting('bench.payload')) FROM generate_series(1, 5000);
        COMMIT;
        PERFORM pgq.ticker('bench');
        COMMIT;
    END LOOP;
END $$;
VACUUM ANALYZE;
CHECKPOINT;

DO $$
DECLARE
    began timestamptz := clock_timestamp();
    batch bigint;
    handled int := 0;
    events int;
BEGIN
    LOOP
        batch := pgq.next_batch('bench', 'bench');
        EXIT WHEN batch IS NULL;
        SELECT count(trivial(e.ev_data::jsonb)::text) INTO events FROM pgq.get_batch_events(batch) AS e;
        PERFORM pgq.finish_batch(batch);
        COMMIT;
        handled := handled + events;
    END LOOP;
    IF handled <> current_setting('bench.jobs')::int THEN
        RAISE 'PgQ gave % events', handled;
    END IF;
    PERFORM set_config('bench.rate', (handled / extract(epoch FROM clock_timestamp() - began))::text, false);
END $$;
SELECT current_setting('bench.rate');
SELECT pgq.unregister_consumer('bench', 'bench'), pgq.drop_queue('bench') \g /dev/null

-- What tests/figures/run has the demo do: jobs that are quick, that wait and that fail; limits, schedules, views.
CREATE FUNCTION quick(jsonb) RETURNS void LANGUAGE sql AS 'SELECT';
CREATE FUNCTION slow(jsonb) RETURNS void LANGUAGE sql AS 'SELECT pg_sleep(0.2)';
CREATE FUNCTION bad(jsonb) RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'bad'; END $$;
SELECT ayb_jobs.register_handler('quick', 'quick'), ayb_jobs.register_handler('slow', 'slow'),
       ayb_jobs.register_handler('bad', 'bad', max_attempts => 1),
       ayb_jobs.register_handler('outside', kind => 'external');
SELECT ayb_jobs.set_limit('slow', running => 2, starts => 40, per => '10 s');
SELECT ayb_jobs.create_schedule('good', 'quick', '*/5 * * * * *'), ayb_jobs.create_schedule('failing', 'bad', '*/5 * * * * *');
SELECT ayb_jobs.create_schedule('refresh', 'materialized_view_refresh', '*/10 * * * * *',
                                payload => '{"view_name": "greetings_counted"}');

CREATE FUNCTION load() RETURNS void LANGUAGE sql AS $$
    SELECT ayb_jobs.enqueue_many('quick', array_fill('{}'::jsonb, '{200}'));
    SELECT ayb_jobs.enqueue_many('slow', array_fill('{}'::jsonb, '{10}'));
    SELECT ayb_jobs.enqueue('bad'), ayb_jobs.enqueue('outside'), ayb_jobs.enqueue('quick', delay => '1 hour');
$$;

CREATE FUNCTION many_types(types integer) RETURNS void LANGUAGE sql AS $$
    SELECT count(ayb_jobs.register_handler('type ' || n, 'quick')) FROM generate_series(1, types) AS n;
    SELECT count(ayb_jobs.enqueue('type ' || n)) FROM generate_series(1, types) AS n;
$$;

SET client_min_messages = warning;

CREATE TABLE IF NOT EXISTS public.greetings (
    said_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    greeting text NOT NULL
);

CREATE OR REPLACE FUNCTION public.greet(payload jsonb) RETURNS jsonb
LANGUAGE sql AS $$
    INSERT INTO public.greetings (greeting)
    VALUES (format('Hello, %s!', payload ->> 'name'))
    RETURNING to_jsonb(greeting)
$$;

CREATE MATERIALIZED VIEW IF NOT EXISTS public.greetings_counted AS
    SELECT greeting, count(*) AS times FROM public.greetings GROUP BY greeting;

SELECT type FROM ayb_jobs.register_handler('greet', 'public.greet(jsonb)');

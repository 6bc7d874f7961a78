-- A small shop at work, for pictures and tests: job types of its own, a day behind it, views, schedules, and jobs that
-- run now, wait, and have failed.
\o /dev/null
SET client_min_messages = warning;
CREATE ROLE shop LOGIN;
GRANT shop TO sidecar;
CREATE SCHEMA shop AUTHORIZATION shop;
SELECT ayb_jobs.allow_types('shop');
SET ROLE shop;

CREATE FUNCTION shop.quick(payload jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_sleep(0.002 + random() * 0.02);
    RETURN jsonb_build_object('ok', true, 'took_ms', round((random() * 20)::numeric, 1));
END $$;
CREATE FUNCTION shop.failing(payload jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'connection to %:% refused', coalesce(payload ->> 'host', 'mail.shop.example'), 587
        USING HINT = 'Is the mail server up?';
END $$;
CREATE FUNCTION shop.long(payload jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN coalesce((payload ->> 'from')::int, 1) .. 100 LOOP
        PERFORM ayb_jobs.set_progress(i, format('page %s of 100', i));
        PERFORM pg_sleep(20);
    END LOOP;
    RETURN NULL;
END $$;

SELECT (ayb_jobs.register_handler(type, 'shop.quick(jsonb)')).type
FROM unnest('{orders.confirm,images.resize,search.index,invoices.render,stock.sync}'::text[]) AS type;
SELECT type FROM ayb_jobs.register_handler('mail.send', 'shop.failing(jsonb)', max_attempts => 2, backoff => '{1h}');
SELECT type FROM ayb_jobs.register_handler('mail.welcome', 'shop.failing(jsonb)', max_attempts => 1);
SELECT type FROM ayb_jobs.register_handler('reports.monthly', 'shop.long(jsonb)', max_attempts => 3, timeout => '1 h');
SELECT type FROM ayb_jobs.register_handler('video.encode', kind => 'external', handler => NULL);

CREATE TABLE shop.orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer int NOT NULL, placed_at timestamptz NOT NULL, total numeric NOT NULL);
INSERT INTO shop.orders (customer, placed_at, total)
SELECT n % 700, now() - n * interval '7 minutes', 5 + n % 200 FROM generate_series(1, 20000) AS n;
CREATE MATERIALIZED VIEW shop.sales_by_day AS SELECT placed_at::date AS day, count(*) AS orders, sum(total) AS total FROM shop.orders GROUP BY 1;
CREATE UNIQUE INDEX ON shop.sales_by_day (day);
CREATE MATERIALIZED VIEW shop.sales_by_month AS SELECT date_trunc('month', day) AS month, sum(total) AS total FROM shop.sales_by_day GROUP BY 1;
CREATE MATERIALIZED VIEW shop.customers_ranked AS SELECT customer, sum(total) AS total, rank() OVER (ORDER BY sum(total) DESC) FROM shop.orders GROUP BY 1;
CREATE MATERIALIZED VIEW shop.dashboard AS SELECT (SELECT max(total) FROM shop.sales_by_month) AS best_month, (SELECT count(*) FROM shop.customers_ranked) AS customers;
CREATE MATERIALIZED VIEW shop.broken_rates AS SELECT 1 / (total - total)::int AS rate FROM shop.orders WITH NO DATA;
CREATE MATERIALIZED VIEW shop.suggestions AS SELECT customer, min(id) AS first FROM shop.orders GROUP BY 1;
RESET ROLE;

SELECT ayb_jobs.register_matview('sales_by_day', 'shop', 'concurrent');
SELECT ayb_jobs.register_matview(view, 'shop') FROM unnest('{sales_by_month,customers_ranked,dashboard,broken_rates}'::text[]) AS view;
SELECT ayb_jobs.refresh_now(m.id) FROM ayb_jobs.matview_refreshes AS m, generate_series(1, 12) AS n ORDER BY n, m.view_name <> 'sales_by_day';
INSERT INTO shop.orders (customer, placed_at, total) SELECT 1, now(), 10 FROM generate_series(1, 340);

SET ROLE shop;
SELECT ayb_jobs.create_schedule('reports monthly', 'reports.monthly', '0 6 1 * *', 'Europe/Berlin', '{"format": "pdf"}', enabled => false);
SELECT ayb_jobs.create_schedule('search index', 'search.index', '*/5 * * * *', payload => '{"scope": "changed"}');
SELECT ayb_jobs.create_schedule('stock sync', 'stock.sync', '*/20 * * * * *', 'America/New_York');
SELECT ayb_jobs.create_schedule('sales by day', 'materialized_view_refresh', '15 2 * * *', 'Europe/Berlin',
                                '{"schema": "shop", "view_name": "sales_by_day"}', missed => 'skip');
RESET ROLE;

-- What goes on while somebody looks.
CREATE FUNCTION shop.second_of_work() RETURNS bigint LANGUAGE sql AS $$
    SELECT count(ayb_jobs.enqueue(w.type, jsonb_build_object('order', 4711 + (random() * 9000)::int, 'customer', jsonb_build_object('id', n, 'name', 'Ada Lovelace')),
                                  clock_timestamp() + random() * interval '1 s', run_as => 'shop'))
    FROM (VALUES ('orders.confirm', 4), ('images.resize', 2), ('search.index', 7), ('invoices.render', 1)) AS w (type, jobs), generate_series(1, w.jobs) AS n
$$;

-- The last day: more by day than by night, a wave of failures in the afternoon.
CREATE FUNCTION pg_temp.histogram(jobs int, middle int) RETURNS bigint[] LANGUAGE sql AS $$
    SELECT array_agg(round(jobs * exp(-0.5 * ((n - middle) / 2.4) ^ 2) / 6.0)::bigint ORDER BY n) FROM generate_series(0, 63) AS n
$$;
INSERT INTO ayb_jobs.job_minutes
SELECT m.minute, 'shop'::regrole, t.type, (t.jobs * CASE m.ago WHEN 0 THEN extract(second FROM now()) / 60 ELSE 1 END)::bigint, CASE WHEN t.type = 'mail.send' AND m.ago BETWEEN 18 AND 31 THEN t.jobs / 3 ELSE 0 END,
       CASE WHEN m.ago % 37 = 0 THEN t.jobs / 9 ELSE t.jobs / 60 END, 0, 0,
       pg_temp.histogram(t.jobs, 27 + (m.ago / 50) % 4), pg_temp.histogram(t.jobs, t.middle)
FROM (SELECT date_trunc('minute', now()) - n * interval '1 minute' AS minute, n AS ago FROM generate_series(0, 1440) AS n) AS m
CROSS JOIN LATERAL (
    SELECT x.type, x.middle, round(x.jobs * (1 + 0.55 * sin((m.ago + 200) / 229.0) + 0.18 * sin(m.ago / 3.7 + x.middle)))::int AS jobs
    FROM (VALUES ('orders.confirm', 260, 28), ('images.resize', 150, 30), ('search.index', 420, 26), ('invoices.render', 70, 31),
                 ('mail.send', 60, 29)) AS x (type, jobs, middle)) AS t;

-- How deep the queue was: it fills towards noon, and is behind after the wave.
INSERT INTO ayb_jobs.job_depths
SELECT date_trunc('minute', now()) - n * interval '1 minute', 'shop'::regrole, (560 + 210 * sin((n + 200) / 229.0) + 40 * sin(n / 6.0))::bigint,
       (3 + sin(n / 9.0))::bigint, CASE WHEN n BETWEEN 14 AND 31 THEN 4 * (32 - n) ELSE 0.05 + 0.04 * sin(n / 3.0) END
FROM generate_series(1, 1440) AS n;

-- A flow in the midst of its work, one that stands, and a type that may run twice at a time, once for each label printer.
SELECT ayb_jobs.register_handler('labels.print', kind => 'external');
SELECT ayb_jobs.register_handler('parcel.pick', kind => 'external');
SET ROLE shop;
SELECT ayb_jobs.enqueue_flow('[{"name": "load orders", "type": "orders.confirm"}, {"name": "load stock", "type": "stock.sync"},
    {"name": "check stock", "type": "search.index", "depends_on": ["load orders", "load stock"]},
    {"name": "invoices", "type": "invoices.render", "depends_on": ["load orders"]},
    {"name": "pick parcels", "type": "parcel.pick", "depends_on": ["check stock"]},
    {"name": "labels", "type": "parcel.pick", "depends_on": ["check stock"]},
    {"name": "tell customers", "type": "mail.welcome", "depends_on": ["invoices"]},
    {"name": "hand over", "type": "orders.confirm", "depends_on": ["pick parcels", "labels"]},
    {"name": "report", "type": "invoices.render", "depends_on": ["*"]}]', 'morning round');
SELECT ayb_jobs.enqueue_flow('[{"name": "fetch", "type": "images.resize"}, {"name": "publish", "type": "search.index", "depends_on": ["fetch"]}]', 'new pictures');
SELECT count(ayb_jobs.enqueue('labels.print', jsonb_build_object('parcel', n), partition_key => 'printer ' || n % 5)) FROM generate_series(1, 23) AS n;
RESET ROLE;
SELECT ayb_jobs.set_limit('labels.print', running => 3, running_per_key => 1, starts => 100, per => '1 min');

SELECT count(*) FROM (SELECT ayb_jobs.enqueue(type, jsonb_build_object('order', 4711 + n, 'customer', jsonb_build_object('id', n, 'name', 'Ada Lovelace')), run_as => 'shop')
    FROM unnest('{orders.confirm,images.resize,search.index,invoices.render}'::text[]) AS type, generate_series(1, 60) AS n) AS done;
SELECT count(*) FROM (SELECT ayb_jobs.enqueue('mail.welcome', jsonb_build_object('to', format('customer-%s@shop.example', n)), run_as => 'shop') FROM generate_series(1, 14) AS n) AS done;
SELECT count(*) FROM (SELECT ayb_jobs.enqueue('mail.send', jsonb_build_object('to', format('customer-%s@shop.example', n)), run_as => 'shop') FROM generate_series(1, 36) AS n) AS done;
SELECT count(*) FROM (SELECT ayb_jobs.enqueue('video.encode', jsonb_build_object('clip', n), now() + interval '2 h', run_as => 'shop') FROM generate_series(1, 128) AS n) AS done;
SELECT count(*) FROM (SELECT ayb_jobs.enqueue('invoices.render', jsonb_build_object('order', n), now() + interval '6 h', run_as => 'shop') FROM generate_series(1, 412) AS n) AS done;
SELECT ayb_jobs.enqueue('reports.monthly', '{"month": "2026-10", "from": 41}', run_as => 'shop'), ayb_jobs.enqueue('reports.monthly', '{"month": "2026-09", "from": 77}', run_as => 'shop');
SELECT count(*) FROM (SELECT ayb_jobs.cancel(j.id) FROM ayb_jobs.jobs AS j WHERE j.type = 'video.encode' AND j.state = 'queued' ORDER BY j.id LIMIT 9) AS done;

-- The cron language, through SQL: the checked cases, and what a person asks of a rule.
\getenv regress PG_ABS_SRCDIR
\set cases :regress '/../tests/unit/data/'
CREATE TABLE cases (expr text, tz text, after timestamptz, expected timestamptz, note text);
\set file :cases 'next.tsv'
COPY cases (expr, tz, after, expected) FROM :'file' (FORMAT csv, DELIMITER E'\t', QUOTE E'\b', HEADER);
\set file :cases 'every.tsv'
COPY cases (expr, tz, after, expected) FROM :'file' (FORMAT csv, DELIMITER E'\t', QUOTE E'\b', HEADER);
\set file :cases 'dst.tsv'
COPY cases (expr, tz, after, expected, note) FROM :'file' (FORMAT csv, DELIMITER E'\t', QUOTE E'\b', HEADER);
SELECT count(*) > 650 AS many, count(*) FILTER (WHERE ayb_jobs.cron_next(expr, tz, after) IS DISTINCT FROM expected) AS wrong
FROM cases;
-- a fraction of a second is before the next one
SELECT count(*) AS wrong FROM cases
WHERE expr NOT LIKE '%every%' AND ayb_jobs.cron_next(expr, tz, after + '999999 us') IS DISTINCT FROM expected
  AND expected > after + '1 s';
CREATE TABLE invalid (expr text, why text);
\set file :cases 'invalid.tsv'
COPY invalid FROM :'file' (FORMAT csv, DELIMITER E'\t', QUOTE E'\b', HEADER);
SELECT count(*) > 100 AS many, count(*) FILTER (WHERE answer NOT LIKE '22023: invalid cron expression%DETAIL:%HINT:%') AS wrong
FROM invalid CROSS JOIN LATERAL refused(format('SELECT ayb_jobs.cron_next(%L)', expr)) AS answer;
\pset format unaligned
\pset tuples_only on
-- an error says which field, what it found, and what it would take
SELECT left(expr, 20), refused(format('SELECT ayb_jobs.cron_next(%L)', expr))
FROM unnest(ARRAY['61 * * * *', '* 24 * * *', '* * 0 * *', '* * * 13 *', '* * * * 8', '*/60 * * * *', '5-1 * * * *', '* * * *',
                  '0 0 30 2 *', '', 'Local', '@reboot', '@every 0s', '60 seconds', repeat('*', 257)]) AS expr;
-- zones are PostgreSQL's names, and nothing else
SELECT left(zone, 20), coalesce(split_part(refused(format('SELECT ayb_jobs.cron_next(%L, %L)', '0 0 * * *', zone)), '"', 1), '') AS answer
FROM unnest(ARRAY['UTC', 'Europe/Berlin', 'Etc/GMT+5', 'europe/berlin', 'utc', 'Local', 'CEST', 'PST', 'EST5EDT4', 'UTC+3', '+03:00',
                  '<+03>-3', 'Nowhere/City', '', repeat('x', 300)]) AS zone;
\pset tuples_only off
\pset format aligned
SELECT count(*) AS wrong FROM pg_timezone_names WHERE ayb_jobs.cron_next('0 0 * * *', name) IS NULL;
-- bounds
SELECT ayb_jobs.cron_next('* * * * *', after => 'infinity') IS NULL AS never,
       ayb_jobs.cron_next('0 0 1 1 *', after => '-infinity') AT TIME ZONE 'UTC' AS first,
       ayb_jobs.cron_next('0 0 1 1 *', after => '294276-06-01') IS NULL AS no_further;
SELECT ayb_jobs.cron_next('0 0 29 2 *', after => '2097-01-01 00:00+00') = '2104-02-29 00:00+00' AS leap;
SELECT ayb_jobs.cron_next('* * * * *') > now() AS by_default_from_now;
SELECT refused($$SELECT ayb_jobs.cron_next(NULL)$$), refused($$SELECT ayb_jobs.cron_next('* * * * *', NULL)$$);
-- preview
SET timezone = 'America/New_York';
SELECT * FROM ayb_jobs.cron_preview('30 2 * * *', 'America/New_York', 3, '2024-03-09 03:00-05');
SELECT * FROM ayb_jobs.cron_preview('30 1 * * *', 'America/New_York', 3, '2024-11-02 03:00-04');
RESET timezone;
SELECT count(*) FROM ayb_jobs.cron_preview('* * * * *');
SELECT refused($$SELECT ayb_jobs.cron_preview('* * * * *', count => 0)$$), refused($$SELECT ayb_jobs.cron_preview('* * * * *', count => 1001)$$);
-- plain English
SELECT expr, ayb_jobs.cron_describe(expr, 'Europe/Berlin')
FROM unnest(ARRAY['30 2 * * 1-5', '*/15 * * * *', '@daily', '0 9 L * *', '0 0 * * 5#2', '@every 90s', '0 0 13 * 5', '* * * * * *']) AS expr;
SELECT ayb_jobs.cron_describe('30 2 * * *'), refused($$SELECT ayb_jobs.cron_describe('30 2 * * *', 'Berlin')$$);
DROP TABLE cases, invalid;

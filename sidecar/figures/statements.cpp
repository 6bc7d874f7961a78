#include "figures/statements.hpp"

namespace ayb::figures {

const char *const kFigures = R"sql(
    WITH s AS MATERIALIZED (SELECT * FROM ayb_jobs.stats()),
    l AS MATERIALIZED (SELECT * FROM ayb_jobs.limits ORDER BY set_at, type LIMIT $1::integer)
    SELECT f.metric, f.value::text, f.name, f.of, f.name2, f.of2 FROM (
        SELECT 'ayb_jobs_build_info' AS metric, 1::double precision AS value,
               'extension' AS name, e.extversion AS of,
               'postgresql' AS name2, current_setting('server_version') AS of2
        FROM pg_extension AS e WHERE e.extname = 'ayb_jobs'
        UNION ALL
        SELECT 'ayb_jobs_jobs', c.jobs, 'phase', c.phase, NULL, NULL
        FROM s CROSS JOIN LATERAL (VALUES ('running', s.running), ('completed', s.completed),
            ('failed', s.failed), ('canceled', s.canceled)) AS c (phase, jobs)
        UNION ALL
        SELECT 'ayb_jobs_oldest_due_seconds', greatest(coalesce(s.oldest_due_seconds, 0), 0),
               NULL, NULL, NULL, NULL FROM s
        UNION ALL
        SELECT 'ayb_jobs_workers', count(w.state), 'state', k.state, NULL, NULL
        FROM unnest('{starting,idle,running}'::text[]) AS k (state)
        LEFT JOIN ayb_jobs_internal.inside_workers() AS w ON w.state = k.state GROUP BY k.state
        UNION ALL
        SELECT 'ayb_jobs_workers_limit', current_setting('ayb_jobs.worker_concurrency')::integer,
               NULL, NULL, NULL, NULL
        UNION ALL
        SELECT k.metric, k.value, 'type', l.type, 'kind', k.kind
        FROM l CROSS JOIN LATERAL (VALUES
            ('ayb_jobs_limit', l.running, 'running', l.running),
            ('ayb_jobs_limit', l.running_per_key, 'running_per_key', l.running_per_key),
            ('ayb_jobs_limit', l.starts, 'starts', l.starts),
            ('ayb_jobs_limit', l.starts_per_key, 'starts_per_key', l.starts_per_key),
            ('ayb_jobs_limit_used', l.running_now, 'running', l.running),
            ('ayb_jobs_limit_used', l.started_now, 'starts', l.starts))
            AS k (metric, value, kind, rule)
        WHERE k.rule IS NOT NULL
        UNION ALL
        SELECT k.metric, k.value, 'schedule', o.name, NULL, NULL
        FROM (SELECT * FROM ayb_jobs.schedule_outcomes AS w WHERE w.enabled
              ORDER BY w.id LIMIT $1::integer) AS o
        CROSS JOIN LATERAL (VALUES
            ('ayb_jobs_schedule_failing', (o.failures > 0)::integer),
            ('ayb_jobs_schedule_last_success_timestamp_seconds',
             extract(epoch FROM o.last_success_at))) AS k (metric, value)
        WHERE k.value IS NOT NULL
        UNION ALL
        (SELECT 'ayb_jobs_matview_last_success_timestamp_seconds',
                extract(epoch FROM greatest(m.last_success_at, m.last_skipped_at)),
                'view', m.schema_name || '.' || m.view_name, NULL, NULL
         FROM ayb_jobs.matview_refreshes AS m
         WHERE m.last_success_at IS NOT NULL ORDER BY m.created_at, m.id LIMIT $1::integer)
        UNION ALL
        SELECT 'ayb_jobs_health',
               CASE h.status WHEN 'ok' THEN 0 WHEN 'warning' THEN 1 ELSE 2 END,
               'name', h.name, NULL, NULL
        FROM ayb_jobs.health() AS h
    ) AS f
)sql";

const char *const kPhases = R"sql(
    WITH q AS MATERIALIZED (
        SELECT j.phase, j.type, count(*) AS jobs FROM ayb_jobs.jobs AS j
        WHERE j.state = 'queued' GROUP BY j.phase, j.type)
    SELECT 'ayb_jobs_jobs', sum(coalesce(q.jobs, 0))::text, 'phase', k.phase, NULL, NULL
    FROM unnest('{due,external,waiting,scheduled,retrying}'::text[]) AS k (phase)
    LEFT JOIN q ON q.phase = k.phase GROUP BY k.phase
    UNION ALL
    SELECT 'ayb_jobs_limit_waiting', sum(coalesce(q.jobs, 0))::text, 'type', l.type, NULL, NULL
    FROM (SELECT * FROM ayb_jobs.type_limits ORDER BY set_at, type LIMIT $1::integer) AS l
    LEFT JOIN q ON q.type = l.type AND q.phase = 'waiting' GROUP BY l.type
)sql";

} // namespace ayb::figures

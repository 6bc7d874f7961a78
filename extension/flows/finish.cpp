#include "flows/finish.hpp"

#include "base/arguments.hpp"
#include "memory/kin.hpp"
#include "pg/arrays.hpp"
#include "pg/settings.hpp"

namespace ayb {

namespace {

Sql<UuidArray, JsonArray, At> g_keep_results{R"sql(
    INSERT INTO ayb_jobs.job_outcomes (job_id, state, result, at)
    SELECT u.id, 'completed', u.result, $3
    FROM unnest($1, $2) AS u (id, result)
    WHERE u.result IS NOT NULL
        AND (SELECT e.child FROM ayb_jobs.job_edges AS e WHERE e.parent = u.id LIMIT 1) IS NOT NULL
    ON CONFLICT (job_id) DO NOTHING
)sql"};
// Of a `*` job no parent is named: it may have a million.
Sql<UuidArray, At, At> g_note_parents{R"sql(
    WITH named AS (
        SELECT e.child, jsonb_agg(jsonb_build_object('name', e.name, 'id', e.parent, 'type', e.type,
                'state', coalesce(
                    (SELECT q.state FROM ayb_jobs.job_queue AS q WHERE q.id = e.parent LIMIT 1),
                    (SELECT o.state FROM ayb_jobs.job_outcomes AS o WHERE o.job_id = e.parent),
                    'completed')) ORDER BY e.parent) AS parents
        FROM ayb_jobs.job_edges AS e
        WHERE e.child = ANY ($1) AND e.flow IS NULL
        GROUP BY e.child
    )
    UPDATE ayb_jobs.job_history AS h SET parents = n.parents
    FROM named AS n
    WHERE h.id = n.child AND h.completed_at >= $2 AND h.completed_at <= $3
)sql"};
// With the results that nobody else waits for.
Sql<UuidArray> g_forget_edges{R"sql(
    WITH gone AS (DELETE FROM ayb_jobs.job_edges AS e WHERE e.child = ANY ($1) RETURNING e.parent)
    DELETE FROM ayb_jobs.job_outcomes AS o
    USING (SELECT DISTINCT g.parent FROM gone AS g) AS g
    WHERE o.job_id = g.parent AND o.state = 'completed'
        AND (SELECT e.child FROM ayb_jobs.job_edges AS e
             WHERE e.parent = g.parent AND e.child <> ALL ($1) LIMIT 1) IS NULL
)sql"};

bool has_kin(const core::Uuid &id) {
    Database *database = find_database(MyDatabaseId);
    return may_be_kin(database, Kin::child, id) || may_be_kin(database, Kin::parent, id);
}

} // namespace

void add_completed(CompletedJobs *jobs, const core::Uuid &id, Datum result, bool null) {
    if (!has_kin(id))
        return;
    if (jobs->count == 0)
        *jobs = {new_column(UUIDOID), new_column(JSONBOID), 0};
    add_value(jobs->ids, uuid_datum(id));
    add_value(jobs->results, result, null);
    jobs->count++;
}

void settle_completed(const CompletedJobs &jobs, TimestampTz first, TimestampTz last) {
    if (jobs.count == 0)
        return;
    const UuidArray ids(whole_column(jobs.ids));
    g_keep_results.run(ids, JsonArray(whole_column(jobs.results)), At{last});
    if (settings::retention > 0)
        g_note_parents.run(ids, At{first}, At{last});
    g_forget_edges.run(ids);
}

void settle_completed(const core::Uuid &id, Datum result, bool null, TimestampTz at) {
    CompletedJobs one{};
    add_completed(&one, id, result, null);
    settle_completed(one, at, at);
}

} // namespace ayb

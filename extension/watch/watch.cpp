#include "watch/watch.hpp"

#include "base/arguments.hpp"
#include "base/rights.hpp"
#include "base/rows.hpp"
#include "jobs/order.hpp"
#include "memory/configuration.hpp"
#include "pg/arrays.hpp"
#include "pg/clock.hpp"
#include "pg/settings.hpp"
#include "pg/sql.hpp"

namespace ayb {

namespace {

// Another list of checks forgets what was told of those that are on neither.
Sql<const char *, Oid, std::optional<TextArray>> g_watch{R"sql(
    INSERT INTO ayb_jobs.health_watches AS w (type, run_as, names) VALUES ($1, $2, $3)
    ON CONFLICT (type, run_as) DO UPDATE SET names = excluded.names,
        bad = ARRAY(SELECT b FROM unnest(w.bad) AS b WHERE b = ANY (excluded.names) OR excluded.names IS NULL)
    RETURNING w
)sql"};
Sql<const char *, Oid, bool> g_unwatch{
    "DELETE FROM ayb_jobs.health_watches AS w WHERE w.type = $1 AND (w.run_as = $2 OR $3)"};
Sql<> g_may_look{"SELECT 'ayb_jobs.health()'::regprocedure::oid"};
Sql<TextArray> g_unknown{R"sql(
    SELECT (SELECT u.name FROM unnest($1) AS u (name) WHERE u.name <> ALL (array_agg(h.name)) LIMIT 1),
        string_agg(h.name, ', ')
    FROM ayb_jobs.health() AS h
)sql"};
Sql<> g_any{"SELECT FROM ayb_jobs.health_watches LIMIT 1"};

// Whoever may not look at health() any more isn't told.
Sql<At, int> g_tell{R"sql(
    WITH watches AS MATERIALIZED (
        SELECT w.type, w.run_as, w.names, w.bad
        FROM ayb_jobs.health_watches AS w JOIN pg_roles AS r ON r.oid = w.run_as
        WHERE has_function_privilege(r.oid, 'ayb_jobs.health()', 'EXECUTE')
        FOR UPDATE OF w SKIP LOCKED
    ),
    turned AS MATERIALIZED (
        SELECT w.type, w.run_as, h.name, h.status, h.detail, h.hint
        FROM watches AS w JOIN ayb_jobs.health() AS h ON w.names IS NULL OR h.name = ANY (w.names)
        WHERE (h.status <> 'ok') <> (h.name = ANY (w.bad))
    ),
    told AS (
        UPDATE ayb_jobs.health_watches AS w
        SET bad = ARRAY(SELECT b FROM unnest(w.bad || t.bad) AS b WHERE b <> ALL (t.well) ORDER BY 1)
        FROM (SELECT n.type, n.run_as,
                  coalesce(array_agg(n.name) FILTER (WHERE n.status <> 'ok'), '{}') AS bad,
                  coalesce(array_agg(n.name) FILTER (WHERE n.status = 'ok'), '{}') AS well
              FROM turned AS n GROUP BY 1, 2) AS t
        WHERE w.type = t.type AND w.run_as = t.run_as
    )
    INSERT INTO ayb_jobs.job_queue (type, payload, run_as, enqueued_by, run_at, max_attempts,
        created_at, updated_at, priority)
    SELECT t.type, jsonb_build_object('name', t.name, 'status', t.status, 'detail', t.detail,
                                      'hint', t.hint, 'at', $1),
        t.run_as, t.run_as, $1, coalesce(h.max_attempts, $2), $1, $1, coalesce(h.priority, 0)
    FROM turned AS t LEFT JOIN ayb_jobs.handlers AS h ON h.type = t.type
    WHERE h.builtin IS NOT TRUE
)sql"};

// Its details name others' jobs and sessions.
void check_reader(Oid role) {
    Oid health = InvalidOid;
    in_books([&] {
        g_may_look.run();
        read_row(0, &health);
    });
    if (!may_execute(health, role))
        ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                        errmsg("permission denied for ayb_jobs.health()"),
                        errhint("GRANT ayb_jobs_read TO %s;", quote_identifier(role_name(role)))));
}

// Its jobs are the caller's, by the caller's trust: a definer's would be its owner's.
void check_type(const char *type, Oid role) {
    Order order{};
    order.type = type;
    order.now = clock_now();
    order.run_as = role;
    const Handler *handler = find_handler(type);
    if (handler != nullptr && (handler->builtin || handler->registration))
        refuse_argument("type", psprintf("type \"%s\" can't be told of health()", type),
                        "Name a type of your own that is no definer's.");
    if (!apply_handler(&order, role))
        notice_no_handler(type);
}

void check_names(FunctionCallInfo fcinfo, int number) {
    if (PG_ARGISNULL(number))
        return;
    ArrayType *names = PG_GETARG_ARRAYTYPE_P(number);
    if (ARR_NDIM(names) != 1 || array_contains_nulls(names))
        refuse_argument("names", "names must be a list of checks of health()",
                        "NULL stands for all of them.");
    const char *unknown = nullptr;
    const char *known = nullptr;
    MemoryContext context = CurrentMemoryContext;
    in_books([&] {
        g_unknown.run(TextArray(names));
        read_row(0, &unknown, &known);
        if (unknown != nullptr)
            unknown = MemoryContextStrdup(context, unknown);
        known = MemoryContextStrdup(context, known);
    });
    if (unknown != nullptr)
        refuse_argument("names", psprintf("health() has no check \"%s\"", unknown),
                        psprintf("There are %s.", known));
}

// Told from the configuration, of which the watches are a part: so nobody's watch costs nothing.
bool any_watches() {
    static uint64 known;
    static bool any;
    const uint64 generation = configuration_generation();
    if (known != generation)
        any = in_own_books([] { return g_any.first(); });
    known = generation;
    return any;
}

} // namespace

void tell_watches(TimestampTz now) {
    if (any_watches())
        in_own_books([now] {
            if (g_tell.run(At{now}, settings::max_attempts) > 0)
                ForceSyncCommit(); // what has turned may be what ends the server
        });
}

} // namespace ayb

using namespace ayb;

// watch_health(type, names) → health_watches
AYB_SQL_FUNCTION(ayb_jobs_watch_health) {
    const char *type = type_argument(fcinfo, 0);
    const Oid me = GetUserId();
    check_reader(me);
    check_type(type, me);
    check_names(fcinfo, 1);
    MemoryContext context = CurrentMemoryContext;
    PG_RETURN_DATUM(in_bounded_books([&] {
        g_watch.run(type, me, optional_argument<TextArray>(fcinfo, 1));
        Datum row = 0;
        read_row(0, &row);
        return copy_row(row, context);
    }));
}

// unwatch_health(type) → boolean
AYB_SQL_FUNCTION(ayb_jobs_unwatch_health) {
    const char *type = type_argument(fcinfo, 0);
    const Oid me = GetUserId();
    const bool all = is_admin(me);
    PG_RETURN_BOOL(in_bounded_books([&] { return g_unwatch.run(type, me, all) > 0; }));
}

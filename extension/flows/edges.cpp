#include "flows/edges.hpp"

#include "base/answer.hpp"
#include "base/arguments.hpp"
#include "base/rows.hpp"
#include "hooks/kin.hpp"
#include "memory/my_slot.hpp"
#include "pg/arrays.hpp"

namespace ayb {

namespace {

#define AYB_MAY_SEE(row)                                                                           \
    row ".id = u.id AND ($2 OR " row ".run_as = ANY ($3) OR " row                                  \
        ".enqueued_by = ANY ($3) AND " AYB_ENQUEUER_SEES(row) ")"

// The first that isn't there; then how many there are, and the last that hasn't completed.
Sql<UuidArray, bool, OidArray> g_missing{R"sql(
    SELECT u.id FROM unnest($1) AS u (id)
    WHERE (SELECT q.id FROM ayb_jobs.job_queue AS q WHERE )sql" AYB_MAY_SEE("q") R"sql( LIMIT 1) IS NULL
        AND (SELECT h.id FROM ayb_jobs.job_history AS h WHERE )sql" AYB_MAY_SEE(
    "h") R"sql( LIMIT 1) IS NULL
    LIMIT 1
)sql"};
#undef AYB_MAY_SEE
Sql<UuidArray> g_distinct{R"sql(
    SELECT array_agg(u.id), count(u.id)::integer, (
            SELECT q.id FROM unnest($1) AS o (id) JOIN ayb_jobs.job_queue AS q ON q.id = o.id
            ORDER BY q.id DESC LIMIT 1)
    FROM (SELECT DISTINCT a.id FROM unnest($1) AS a (id)) AS u
)sql"};
Sql<core::Uuid, UuidArray, OnParentFailure, std::optional<core::Uuid>> g_add{R"sql(
    INSERT INTO ayb_jobs.job_edges (child, parent, type, on_parent_failure, watched)
    SELECT $1, u.id, coalesce(
            (SELECT q.type FROM ayb_jobs.job_queue AS q WHERE q.id = u.id LIMIT 1),
            (SELECT h.type FROM ayb_jobs.job_history AS h WHERE h.id = u.id LIMIT 1)),
        $3, u.id IS NOT DISTINCT FROM $4
    FROM unnest($2) AS u (id)
)sql"};
// What has completed already has left its result to the history alone, which may forget it before.
Sql<UuidArray> g_keep_results{R"sql(
    INSERT INTO ayb_jobs.job_outcomes (job_id, state, result, at)
    SELECT h.id, 'completed', h.result, h.completed_at
    FROM unnest($1) AS u (id) CROSS JOIN LATERAL (
        SELECT j.id, j.result, j.completed_at FROM ayb_jobs.job_history AS j WHERE j.id = u.id LIMIT 1
    ) AS h
    WHERE h.result IS NOT NULL
    ON CONFLICT (job_id) DO NOTHING
)sql"};
Sql<UuidArray, UuidArray, TextArray, TextArray, TextArray, Raw<BOOLARRAYOID>> g_write{R"sql(
    INSERT INTO ayb_jobs.job_edges (child, parent, name, type, on_parent_failure, watched)
    SELECT * FROM unnest($1, $2, $3, $4, $5, $6)
)sql"};
Sql<core::Uuid, core::Uuid, OnParentFailure> g_add_star{R"sql(
    INSERT INTO ayb_jobs.job_edges (child, flow, on_parent_failure, watched)
    VALUES ($1, $2, $3, true)
)sql"};
// What waits for the job that runs here. Locked, so that nobody lets it go meanwhile.
Sql<UuidArray, core::Uuid> g_lock_children{R"sql(
    SELECT q.id FROM ayb_jobs.job_queue AS q
    WHERE q.id = ANY ($1) AND q.state = 'queued' AND q.waits_for = 'jobs'
        AND (SELECT e.child FROM ayb_jobs.job_edges AS e WHERE e.child = q.id AND e.parent = $2
                AND e.flow IS NULL) IS NOT NULL
    ORDER BY q.id
    FOR UPDATE OF q
)sql"};
// A parent with a higher id than the watched one is watched instead.
Sql<UuidArray, core::Uuid> g_unwatch{R"sql(
    UPDATE ayb_jobs.job_edges AS e SET watched = false
    WHERE e.child = ANY ($1) AND e.watched AND e.parent < $2
)sql"};
Sql<UuidArray, core::Uuid, core::Uuid, const char *> g_add_to_children{R"sql(
    INSERT INTO ayb_jobs.job_edges (child, parent, type, on_parent_failure, watched)
    SELECT e.child, $2, $4, e.on_parent_failure, NOT EXISTS (
            SELECT FROM ayb_jobs.job_edges AS w WHERE w.child = e.child AND w.watched)
    FROM ayb_jobs.job_edges AS e
    WHERE e.child = ANY ($1) AND e.parent = $3
)sql"};
Sql<core::Uuid, const char *, Oid, At, Json> g_write_flow{R"sql(
    INSERT INTO ayb_jobs.job_flows (id, name, enqueued_by, created_at, steps)
    VALUES ($1, $2, $3, $4, $5)
)sql"};
Sql<core::Uuid, bool, OidArray> g_flow{R"sql(
    SELECT f.xmin FROM ayb_jobs.job_flows AS f
    WHERE f.id = $1 AND ($2 OR f.enqueued_by = ANY ($3))
)sql"};
Sql<core::Uuid, core::Uuid> g_is_member{R"sql(
    SELECT q.id FROM ayb_jobs.job_queue AS q WHERE q.id = $1 AND q.flow = $2
)sql"};

ArrayType *ids_of(Datum ids, const char *argument) {
    ArrayType *array = DatumGetArrayTypeP(ids);
    if (ARR_NDIM(array) > 1)
        ereport(ERROR, (errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
                        errmsg("%s must have one dimension, not %d", argument, ARR_NDIM(array)),
                        err_generic_string(PG_DIAG_COLUMN_NAME, argument),
                        errhint("It takes the ids of jobs.")));
    if (array_contains_nulls(array))
        ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
                        errmsg("%s must not contain nulls", argument),
                        err_generic_string(PG_DIAG_COLUMN_NAME, argument),
                        errhint("It takes the ids of jobs.")));
    return array;
}

[[noreturn]] void refuse_unknown(const core::Uuid &id, const char *argument) {
    ereport(ERROR, (errcode(ERRCODE_NO_DATA_FOUND), errmsg("job %s not found", uuid_text(id)),
                    err_generic_string(PG_DIAG_COLUMN_NAME, argument),
                    errhint("A parent is a job that you may see: ayb_jobs.jobs shows which; "
                            "completed ones are kept for ayb_jobs.retention.")));
    pg_unreachable();
}

// Once each, and which of them to watch.
Parents without_repeats(Datum ids, MemoryContext context) {
    Parents parents{};
    std::optional<core::Uuid> watched;
    g_distinct.run(UuidArray(ids));
    read_row(0, &parents.ids, &parents.count, &watched);
    parents.waits = watched.has_value();
    if (watched)
        parents.watched = *watched;
    MemoryContext before = MemoryContextSwitchTo(context);
    if (parents.ids != 0)
        parents.ids = PointerGetDatum(DatumGetArrayTypePCopy(parents.ids));
    MemoryContextSwitchTo(before);
    return parents;
}

void mark_parents(Datum ids) {
    ArrayIterator each = array_create_iterator(DatumGetArrayTypeP(ids), 0, nullptr);
    Datum id;
    bool null;
    while (array_iterate(each, &id, &null))
        mark_kin(Kin::parent, uuid_value(id));
    array_free_iterator(each);
}

Datum refuse_children() {
    ereport(
        ERROR,
        (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
         errmsg("a job can be added before those alone that wait for the running one"),
         err_generic_string(PG_DIAG_COLUMN_NAME, "required_by"),
         errhint("Leave it out of required_by, or enqueue it by the flow that makes the job.")));
    pg_unreachable();
}

} // namespace

Parents find_parents(Datum ids, const char *argument) {
    const Datum array = PointerGetDatum(ids_of(ids, argument));
    if (ArrayGetNItems(ARR_NDIM(DatumGetArrayTypeP(array)), ARR_DIMS(DatumGetArrayTypeP(array))) ==
        0)
        return Parents{};
    const Viewer me = viewer(Right::read);
    MemoryContext context = CurrentMemoryContext;
    return in_books([&] {
        if (g_missing.run(UuidArray(array), me.all, OidArray(me.array)) > 0) {
            core::Uuid id;
            read_row(0, &id);
            refuse_unknown(id, argument);
        }
        return without_repeats(array, context);
    });
}

void add_parents(const core::Uuid &child, const Parents &parents, OnParentFailure policy) {
    mark_parents(parents.ids);
    if (parents.waits)
        mark_kin(Kin::watched, parents.watched);
    mark_kin(Kin::child, child);
    note_look({child, true});
    in_books([&] {
        g_add.run(child, UuidArray(parents.ids), policy,
                  parents.waits ? std::make_optional(parents.watched) : std::nullopt);
        g_keep_results.run(UuidArray(parents.ids));
    });
}

Edges new_edges() {
    return {new_column(UUIDOID),
            new_column(UUIDOID),
            new_column(TEXTOID),
            new_column(TEXTOID),
            new_column(TEXTOID),
            new_column(BOOLOID),
            0};
}

void add_edge(Edges *edges, const Edge &edge) {
    add_value(edges->children, uuid_datum(edge.child));
    add_value(edges->parents, uuid_datum(edge.parent));
    add_text(edges->names, edge.name);
    add_text(edges->types, edge.type);
    add_text(edges->policies, core::word_of(edge.policy));
    add_value(edges->watched, BoolGetDatum(edge.watched));
    edges->count++;
    mark_kin(Kin::parent, edge.parent);
    mark_kin(Kin::child, edge.child);
    if (edge.watched)
        mark_kin(Kin::watched, edge.parent);
}

void write_edges(const Edges &edges) {
    if (edges.count == 0)
        return;
    in_books([&] {
        g_write.run(UuidArray(whole_column(edges.children)), UuidArray(whole_column(edges.parents)),
                    TextArray(whole_column(edges.names)), TextArray(whole_column(edges.types)),
                    TextArray(whole_column(edges.policies)),
                    Raw<BOOLARRAYOID>(whole_column(edges.watched)));
    });
}

void add_star(const core::Uuid &child, const core::Uuid &flow, OnParentFailure policy) {
    mark_stars();
    mark_kin(Kin::child, child);
    note_look({child, false}); // which finds whom it watches; none of them can have ended yet
    in_books([&] { g_add_star.run(child, flow, policy); });
}

void add_to_children(Datum ids, const core::Uuid &parent, const char *type) {
    const core::Uuid current = job_of_handler(
        "required_by", "Pass depends_on when the later job is enqueued.", "required_by");
    const Datum array = PointerGetDatum(ids_of(ids, "required_by"));
    const int count =
        ArrayGetNItems(ARR_NDIM(DatumGetArrayTypeP(array)), ARR_DIMS(DatumGetArrayTypeP(array)));
    mark_kin(Kin::parent, parent);
    mark_kin(Kin::watched, parent);
    in_bounded_books([&] {
        if (g_lock_children.run(UuidArray(array), current) != static_cast<uint64>(count))
            refuse_children();
        g_unwatch.run(UuidArray(array), parent);
        g_add_to_children.run(UuidArray(array), parent, current, type);
    });
}

void write_flow(const core::Uuid &id, const char *name, Oid enqueued_by, TimestampTz now,
                Datum steps) {
    in_books([&] { g_write_flow.run(id, name, enqueued_by, At{now}, Json(steps)); });
}

void require_open_flow(const core::Uuid &id) {
    const Viewer me = viewer(Right::admin);
    const core::Uuid *running = my_job();
    const bool open = in_books([&] {
        if (g_flow.run(id, me.all, OidArray(me.array)) == 0)
            ereport(ERROR,
                    (errcode(ERRCODE_NO_DATA_FOUND), errmsg("flow %s not found", uuid_text(id)),
                     err_generic_string(PG_DIAG_COLUMN_NAME, "flow"),
                     errhint("ayb_jobs.flows shows those of your roles.")));
        Datum xmin = 0;
        read_row(0, &xmin);
        return TransactionIdIsCurrentTransactionId(DatumGetTransactionId(xmin)) ||
               (running != nullptr && g_is_member.run(*running, id) > 0);
    });
    if (!open)
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("flow %s takes no more jobs", uuid_text(id)),
                        err_generic_string(PG_DIAG_COLUMN_NAME, "flow"),
                        errhint("Jobs are added in the transaction that makes the flow, or by a "
                                "running job of it.")));
}

} // namespace ayb

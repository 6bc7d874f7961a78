// set_limit() and clear_limit(): how many jobs of a type, and of each key, run at once, and how
// many start in a time, and whether those of a key go in order.
#include "base/arguments.hpp"
#include "base/rows.hpp"
#include "handlers/handlers.hpp"
#include "handlers/right.hpp"
#include "hooks/changes.hpp"
#include "pg/clock.hpp"
#include "pg/sql.hpp"
#include "pg/tuples.hpp"

namespace ayb {

namespace {

constexpr int64 kLongest = 3600000; // milliseconds

using Most = std::optional<int>;
Sql<const char *, Most, Most, Most, Most, std::optional<Span>, bool, Oid, At> g_set{R"sql(
    INSERT INTO ayb_jobs.type_limits AS l (type, running, running_per_key, starts, starts_per_key,
        per, ordered, set_by, set_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    ON CONFLICT (type) DO UPDATE
    SET running = excluded.running, running_per_key = excluded.running_per_key,
        starts = excluded.starts, starts_per_key = excluded.starts_per_key, per = excluded.per,
        ordered = excluded.ordered, set_by = excluded.set_by, set_at = excluded.set_at
    RETURNING l
)sql"};
Sql<const char *> g_known{"SELECT WHERE ayb_jobs_internal.is_known_type($1)"};
Sql<const char *> g_clear{"DELETE FROM ayb_jobs.type_limits WHERE type = $1"};

// The arguments.
enum { kRunning = 1, kRunningPerKey, kStarts, kStartsPerKey, kPer, kOrdered };
constexpr const char *kNames[] = {"type",   "running",        "running_per_key",
                                  "starts", "starts_per_key", "per"};

bool is_ordered(FunctionCallInfo fcinfo) {
    return !PG_ARGISNULL(kOrdered) && PG_GETARG_BOOL(kOrdered);
}

void check_rule(FunctionCallInfo fcinfo) {
    bool any = false;
    for (int number = kRunning; number <= kStartsPerKey; number++) {
        any = any || !PG_ARGISNULL(number);
        if (!PG_ARGISNULL(number) && PG_GETARG_INT32(number) < 1)
            refuse_argument(kNames[number], psprintf("%s must be at least 1", kNames[number]),
                            "ayb_jobs.pause(type) lets none start; NULL is no such limit.");
    }
    if (is_ordered(fcinfo) && !PG_ARGISNULL(kRunningPerKey) && PG_GETARG_INT32(kRunningPerKey) != 1)
        refuse_argument("running_per_key", "of an ordered key one job runs at once",
                        "Leave running_per_key out, or ordered.");
    if (!any && !is_ordered(fcinfo))
        refuse_argument("running", "no limit is given",
                        "ayb_jobs.clear_limit(type) takes it away.");
    const bool starts = !PG_ARGISNULL(kStarts) || !PG_ARGISNULL(kStartsPerKey);
    if (starts == PG_ARGISNULL(kPer))
        refuse_argument(starts ? "per" : "starts", "starts and per belong together",
                        "starts => 100, per => '10 s' lets 100 start in any ten seconds.");
    if (duration_argument(fcinfo, kPer, "per", 1) > kLongest)
        refuse_argument("per", "per must be at most an hour", "A schedule starts jobs by the day.");
}

// A limit of a misspelt type would limit nothing, and look as if it did. One whose jobs wait for
// its handler, or that had one, may be limited before it gets it.
void check_known(const char *type) {
    if (in_books([type] { return g_known.run(type) > 0; }))
        return;
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
                    errmsg("no handler is registered for type \"%s\"", type),
                    errdetail("It has no jobs in the queue, no limit and no pause either."),
                    errhint("Register it first with ayb_jobs.register_handler(), an external type "
                            "with kind => 'external'."),
                    err_generic_string(PG_DIAG_COLUMN_NAME, "type")));
}

// What a rule had that the new one hasn't.
void notice_removed(const char *type, FunctionCallInfo fcinfo) {
    const LimitRule *before = find_rule(type);
    if (before == nullptr)
        return;
    const bool one_of_key = before->ordered || is_ordered(fcinfo);
    const int had[] = {0, before->running, one_of_key ? 0 : before->running_per_key, before->starts,
                       before->starts_per_key};
    const char *removed = before->ordered && !is_ordered(fcinfo) ? "ordered" : "";
    for (int number = kRunning; number <= kStartsPerKey; number++)
        if (had[number] > 0 && PG_ARGISNULL(number))
            removed = psprintf("%s%s%s", removed, removed[0] == '\0' ? "" : ", ", kNames[number]);
    if (removed[0] != '\0')
        ereport(NOTICE, (errmsg("the limit of type \"%s\" has no %s any more", type, removed),
                         errhint("set_limit() gives the whole rule: pass it again to keep it.")));
}

} // namespace

} // namespace ayb

using namespace ayb;

// set_limit(type, running, running_per_key, starts, starts_per_key, per, ordered) → type_limits
AYB_SQL_FUNCTION(ayb_jobs_set_limit) {
    const char *type = type_argument(fcinfo, 0);
    check_right(type, Right::admin);
    check_rule(fcinfo);
    check_known(type);
    notice_removed(type, fcinfo);
    const Oid me = GetUserId();
    MemoryContext context = CurrentMemoryContext;
    PG_RETURN_DATUM(in_bounded_books([&] {
        Datum row = 0;
        g_set.run(type, optional_argument<int>(fcinfo, kRunning),
                  optional_argument<int>(fcinfo, kRunningPerKey),
                  optional_argument<int>(fcinfo, kStarts),
                  optional_argument<int>(fcinfo, kStartsPerKey),
                  optional_argument<Span>(fcinfo, kPer), is_ordered(fcinfo), me, At{clock_now()});
        read_row(0, &row);
        return copy_row(row, context);
    }));
}

// clear_limit(type) → boolean
AYB_SQL_FUNCTION(ayb_jobs_clear_limit) {
    const char *type = type_argument(fcinfo, 0);
    check_right(type, Right::admin);
    PG_RETURN_BOOL(in_bounded_books([type] { return g_clear.run(type) > 0; }));
}

// The row trigger of type_limits.
AYB_SQL_FUNCTION(ayb_jobs_note_limit) {
    if (!CALLED_AS_TRIGGER(fcinfo))
        ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                        errmsg("note_limit() is called by its trigger only")));
    const auto *data = reinterpret_cast<TriggerData *>(fcinfo->context);
    const bool update = TRIGGER_FIRED_BY_UPDATE(data->tg_event);
    HeapTuple row = update ? data->tg_newtuple : data->tg_trigtuple;
    if (preloaded())
        note_limit(TextDatumGetCString(value_of(row, RelationGetDescr(data->tg_relation), 1)));
    return PointerGetDatum(row);
}

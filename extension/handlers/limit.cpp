// set_limit() and clear_limit(): how many jobs of a type run at once, and how many start in a time.
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

Sql<const char *, std::optional<int>, std::optional<int>, std::optional<Span>, Oid, At> g_set{R"sql(
    INSERT INTO ayb_jobs.type_limits AS l (type, running, starts, per, set_by, set_at)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (type) DO UPDATE
    SET running = excluded.running, starts = excluded.starts, per = excluded.per,
        set_by = excluded.set_by, set_at = excluded.set_at
    RETURNING l
)sql"};
Sql<const char *> g_clear{"DELETE FROM ayb_jobs.type_limits WHERE type = $1"};

[[noreturn]] void refuse(const char *argument, const char *fact, const char *hint) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s", fact),
                    err_generic_string(PG_DIAG_COLUMN_NAME, argument), errhint("%s", hint)));
    pg_unreachable();
}

void check_count(FunctionCallInfo fcinfo, int number, const char *name) {
    if (!PG_ARGISNULL(number) && PG_GETARG_INT32(number) < 1)
        refuse(name, psprintf("%s must be at least 1", name),
               "ayb_jobs.pause(type) lets none start; NULL is no such limit.");
}

void check_rule(FunctionCallInfo fcinfo) {
    check_count(fcinfo, 1, "running");
    check_count(fcinfo, 2, "starts");
    if (PG_ARGISNULL(1) && PG_ARGISNULL(2))
        refuse("running", "no limit is given", "ayb_jobs.clear_limit(type) takes it away.");
    if (PG_ARGISNULL(2) != PG_ARGISNULL(3))
        refuse(PG_ARGISNULL(2) ? "starts" : "per", "starts and per belong together",
               "starts => 100, per => '10 s' lets 100 start in any ten seconds.");
    if (duration_argument(fcinfo, 3, "per", 1) > kLongest)
        refuse("per", "per must be at most an hour", "A schedule starts jobs by the day.");
}

// What a rule had that the new one hasn't.
void notice_removed(const char *type, FunctionCallInfo fcinfo) {
    const LimitRule *before = find_rule(type);
    if (before == nullptr)
        return;
    const bool running = before->running > 0 && PG_ARGISNULL(1);
    const bool starts = before->starts > 0 && PG_ARGISNULL(2);
    if (running || starts)
        ereport(NOTICE, (errmsg("type \"%s\" has no limit of %s any more", type,
                                running ? "running" : "starts"),
                         errhint("set_limit() gives the whole rule: pass it again to keep it.")));
}

} // namespace

} // namespace ayb

using namespace ayb;

// set_limit(type, running, starts, per) → type_limits
AYB_SQL_FUNCTION(ayb_jobs_set_limit) {
    const char *type = type_argument(fcinfo, 0);
    check_right(type, Right::admin);
    check_rule(fcinfo);
    notice_removed(type, fcinfo);
    const Oid me = GetUserId();
    MemoryContext context = CurrentMemoryContext;
    PG_RETURN_DATUM(in_bounded_books([&] {
        Datum row = 0;
        g_set.run(type, optional_argument<int>(fcinfo, 1), optional_argument<int>(fcinfo, 2),
                  optional_argument<Span>(fcinfo, 3), me, At{clock_now()});
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

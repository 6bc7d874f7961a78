#include "hand/by_hand.hpp"

#include "base/arguments.hpp"
#include "base/rights.hpp"
#include "hand/keys.hpp"
#include "pg/arrays.hpp"
#include "pg/clock.hpp"
#include "pg/settings.hpp"

namespace ayb {

namespace {

// Who did it, by which role and for whom: one row for each job that was changed.
Sql<core::Uuid, At, const char *, Oid, const char *> g_note{R"sql(
    INSERT INTO ayb_jobs.job_actions (job_id, run_as, at, action, done_by, actor)
    SELECT q.id, q.run_as, $2, $3, $4::regrole, $5 FROM ayb_jobs.job_queue AS q WHERE q.id = $1
)sql"};

// The ids in the last result.
UuidArray ids_of(uint64 rows) {
    ArrayBuildState *ids = new_column(UUIDOID);
    for (uint64 row = 0; row < rows; row++) {
        core::Uuid id;
        read_row(row, &id);
        add_value(ids, uuid_datum(id));
    }
    return UuidArray(whole_column(ids));
}

template <typename... Which>
int64 change(ChangeOf<Which...> *statement, ChangeOf<Which...> *keyed, const Which &...which) {
    const At now{clock_now()};
    const Viewer me = viewer(Right::operate);
    const OidArray mine(me.array);
    const Oid caller = GetUserId();
    const char *whom = actor();
    int64 changed = 0;
    int64 there = 0;
    in_bounded_books([&] {
        const uint64 rows =
            keyed != nullptr ? keyed->run(now, me.all, mine, caller, whom, which...) : 0;
        if (rows > 0)
            take_keys_again(ids_of(rows));
        statement->run(now, me.all, mine, caller, whom, which...);
        read_row(0, &changed, &there);
    });
    if (changed < there)
        ereport(NOTICE, (errmsg(INT64_FORMAT " jobs are locked by other sessions, and left out",
                                there - changed),
                         errhint("Call it again when those have ended.")));
    return changed;
}

// Raises 22023 where there is no such phase.
Sql<const char *> g_check_phase{"SELECT ayb_jobs_internal.state_of_phase($1)"};

} // namespace

Caller caller(Whose whose, Right right) {
    return {GetUserId(), right,   has_right(GetUserId(), right),
            whose,       actor(), CurrentMemoryContext};
}

Found find_held(const core::Uuid &id, const Caller &me) {
    const Found job = find_job(id, me.role, me.all, me.whose, true);
    if (!job.exists)
        refuse_job(id, me.role, me.right);
    return job;
}

void refuse_state(const core::Uuid &id, const Found &job, const char *wanted, const char *hint) {
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("job %s is %s, not %s", uuid_text(id), core::word_of(job.state), wanted),
                    err_generic_string(PG_DIAG_COLUMN_NAME, "state"), errhint("%s", hint)));
    pg_unreachable();
}

void note_action(const core::Uuid &id, const char *action, const Caller &me) {
    g_note.run(id, At{clock_now()}, action, me.role, me.actor);
}

Matching matching_arguments(FunctionCallInfo fcinfo) {
    Matching matching{};
    matching.type = PG_ARGISNULL(0) ? nullptr : type_argument(fcinfo, 0);
    matching.since = optional_argument<At>(fcinfo, 1);
    matching.until = optional_argument<At>(fcinfo, 2);
    matching.phase = text_argument(fcinfo, 3);
    if (matching.phase != nullptr)
        in_books([&] { g_check_phase.run(matching.phase); });
    return matching;
}

Datum change_matching(FunctionCallInfo fcinfo, ChangeMatching *statement, ChangeMatching *keyed) {
    const Matching which = matching_arguments(fcinfo);
    return Int64GetDatum(
        change(statement, keyed, which.type, which.since, which.until, which.phase));
}

Datum change_those(ChangeOf<core::Uuid> *statement, const core::Uuid &flow) {
    ChangeOf<core::Uuid> *none = nullptr;
    return Int64GetDatum(change(statement, none, flow));
}

Datum change_many(FunctionCallInfo fcinfo, ChangeMany *statement, ChangeMany *keyed) {
    require_argument(fcinfo, 0, "ids");
    return Int64GetDatum(change(statement, keyed, UuidArray(PG_GETARG_DATUM(0))));
}

} // namespace ayb

#pragma once
// What all verbs by which people change jobs have in common: whose jobs they may touch, that the
// row is locked, and that a row of job_actions says who did what.
#include "base/answer.hpp"
#include "base/rows.hpp"
#include "pg/sql.hpp"

namespace ayb {

// Who changes something by hand, and the memory that outlives the books.
struct Caller {
    Oid role;
    Right right;       // that it takes to touch everybody's
    bool all;          // whether they have it
    Whose whose;       // jobs, if not
    const char *actor; // for whom, or null
    MemoryContext context;
};

Caller caller(Whose whose = Whose::own, Right right = Right::operate);

// The job, its row locked. Inside the books. Raises P0002, and 42501 for one that may only be seen.
Found find_held(const core::Uuid &id, const Caller &me);

// Raises 55000, and names the state that was found.
[[noreturn]] void refuse_state(const core::Uuid &id, const Found &job, const char *wanted,
                               const char *hint);

// Inside the books, after the change.
void note_action(const core::Uuid &id, const char *action, const Caller &me);

// Changes one job by `change(const Found &)`, which may refuse it; gives back its row.
template <typename Change>
Datum change_one(const core::Uuid &id, const char *action, const Caller &me, Change change) {
    return in_bounded_books([&] {
        change(find_held(id, me));
        note_action(id, action, me);
        return copy_row(job_row(id), me.context);
    });
}

// Of many jobs: when, whose the caller may touch, and who that is; then which.
template <typename... Which> using ChangeOf = Sql<At, bool, OidArray, Oid, const char *, Which...>;
using ChangeMatching = ChangeOf<const char *, std::optional<At>, std::optional<At>, const char *>;
using ChangeMany = ChangeOf<UuidArray>;

// What somebody has locked is left out. Gives back how many were changed, and how many were there.
#define AYB_OWN "q.run_as = ANY ($3)"
#define AYB_OWN_OR_ENQUEUED                                                                        \
    "(q.run_as = ANY ($3) OR q.enqueued_by = ANY ($3) AND " AYB_ENQUEUER_SEES("q") ")"
#define AYB_CHANGE(action, wanted, whose, which, change)                                           \
    "WITH wanted AS MATERIALIZED (SELECT q.id FROM ayb_jobs.job_queue AS q WHERE " wanted          \
    " AND ($2 OR " whose ")" which                                                                 \
    " FOR UPDATE SKIP LOCKED), changed AS (UPDATE ayb_jobs.job_queue AS q SET " change             \
    ", updated_at = $1 FROM wanted AS w WHERE q.id = w.id RETURNING q.id, q.run_as), noted AS ("   \
    "INSERT INTO ayb_jobs.job_actions (job_id, run_as, at, action, done_by, actor)"                \
    " SELECT c.id, c.run_as, $1, '" action "', $4::regrole, $5 FROM changed AS c)"                 \
    " SELECT (SELECT count(*) FROM changed), (SELECT count(*) FROM ayb_jobs.job_queue AS q"        \
    " WHERE " wanted " AND ($2 OR " whose ")" which ")"
#define AYB_OF_SPAN                                                                                \
    " AND ($6 IS NULL OR q.type = $6) AND ($7 IS NULL OR q.created_at >= $7)"                      \
    " AND ($8 IS NULL OR q.created_at < $8)"
#define AYB_MATCHING                                                                               \
    AYB_OF_SPAN                                                                                    \
    " AND ($9 IS NULL OR ayb_jobs_internal.phase(q.id, q.state, q.waits_for, q.run_at, q.runs,"    \
    " q.type, q.run_as, q.partition_key) = $9)"
#define AYB_OF_THESE " AND q.id = ANY ($6)"

// Queued ones are canceled.
#define AYB_CANCEL(which)                                                                          \
    AYB_CHANGE("cancel", "q.state = 'queued'", AYB_OWN_OR_ENQUEUED, which,                         \
               "state = 'canceled', canceled_at = $1")

// A failed job begins again, with all its attempts.
#define AYB_RETRIED "state = 'queued', attempts = 0, last_error = NULL, waits_for = NULL"
#define AYB_RETRY(which)                                                                           \
    AYB_CHANGE("retry", "q.state = 'failed' AND q.run_as <> 0::oid", AYB_OWN, which,               \
               AYB_RETRIED ", run_at = $1")

// The arguments (type, since, until, phase); 22023 for a phase that there isn't.
struct Matching {
    const char *type;
    std::optional<At> since;
    std::optional<At> until;
    const char *phase;
};
Matching matching_arguments(FunctionCallInfo fcinfo);

// (type, since, until, phase) → how many were changed. Before, in the same transaction, those that
// `keyed` finds, canceled ones with a key, take these again.
Datum change_matching(FunctionCallInfo fcinfo, ChangeMatching *statement,
                      ChangeMatching *keyed = nullptr);

// Those that the statement names by `flow` → how many were changed.
Datum change_those(ChangeOf<core::Uuid> *statement, const core::Uuid &flow);

// (ids) → how many were changed.
Datum change_many(FunctionCallInfo fcinfo, ChangeMany *statement, ChangeMany *keyed = nullptr);

} // namespace ayb

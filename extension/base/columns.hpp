#pragma once
// What columns.def says, as enumerations and as pieces of SQL.
#include <optional>

#include "base/columns.def"
#include "memory/state.hpp"

namespace ayb {

#define AYB_NO_COLUMN(name, id, type, when)
#define AYB_ENUMERATOR(name, id, type, when) k##id,
#define AYB_HISTORY_ENUMERATOR(name, id, type, when) kHistory##id,

// Numbered from 1, for who reads or writes rows without SQL.
enum QueueColumn {
    kBeforeQueueColumns,
    AYB_JOB_COLUMNS(AYB_ENUMERATOR, AYB_ENUMERATOR, AYB_ENUMERATOR, AYB_NO_COLUMN) kAfterQueue
};
inline constexpr int kQueueColumns = kAfterQueue - 1;

enum HistoryColumn {
    kBeforeHistoryColumns,
    AYB_JOB_COLUMNS(AYB_HISTORY_ENUMERATOR, AYB_HISTORY_ENUMERATOR, AYB_NO_COLUMN,
                    AYB_HISTORY_ENUMERATOR) kAfterHistory
};
inline constexpr int kHistoryColumns = kAfterHistory - 1;

// A queued, running, failed or canceled job's state by its first letter, which no two of these
// share; nothing for what the table's CHECK refuses.
inline std::optional<State> state_value(Datum value) {
    const text *word = DatumGetTextPP(value);
    switch (VARSIZE_ANY_EXHDR(word) > 0 ? VARDATA_ANY(word)[0] : '\0') {
    case 'q':
        return State::queued;
    case 'r':
        return State::running;
    case 'f':
        return State::failed;
    case 'c':
        return State::canceled;
    default:
        return std::nullopt;
    }
}

#undef AYB_HISTORY_ENUMERATOR
#undef AYB_ENUMERATOR

// Literals that begin with a comma: ", id, type, …".
#define AYB_TAKEN_COLUMNS(column)                                                                  \
    AYB_JOB_COLUMNS(column, AYB_NO_COLUMN, AYB_NO_COLUMN, AYB_NO_COLUMN)
#define AYB_COLUMN_NAME(name, id, type, when) ", " #name
#define AYB_QUEUE_COLUMN(name, id, type, when) ", q." #name
#define AYB_DONE_COLUMN(name, id, type, when) ", d." #name

// What a CTE `done` returns of a row of the queue, `q`, that moves into the history: no more, as
// each column of each row costs.
#define AYB_LEAVING "q.payload" AYB_TAKEN_COLUMNS(AYB_QUEUE_COLUMN)

// Moves the rows of that CTE into the history, which is given what it returns beside: `worker`,
// `attempt`, `run`, `started_at`, `result`, `ended_at`, `log`.
#define AYB_INTO_HISTORY                                                                           \
    " INSERT INTO ayb_jobs.job_history (payload, worker_id, attempts, runs, last_run_at,"          \
    " result, completed_at, log" AYB_TAKEN_COLUMNS(                                                \
        AYB_COLUMN_NAME) ") SELECT d.payload, d.worker, d.attempt, d.run, d.started_at, d.result," \
                         " d.ended_at, d.log" AYB_TAKEN_COLUMNS(AYB_DONE_COLUMN) " FROM done AS d"

// Whether nobody has a key by this job, the one of its row in job_keys: it is canceled, or gone
// (its day was dropped a moment ago). No EXISTS, which the planner may take for a hash table of all
// ids.
#define AYB_NOBODY_HAS(job)                                                                        \
    "(SELECT q.id FROM ayb_jobs.job_queue AS q WHERE q.id = " job                                  \
    " AND q.canceled_at IS NULL LIMIT 1) IS NULL"                                                  \
    " AND (SELECT h.id FROM ayb_jobs.job_history AS h WHERE h.id = " job " LIMIT 1) IS NULL"

// Frees the idempotency keys of jobs that are gone: of rows `g` of `gone`, which have these columns
// at least. A further condition may follow.
#define AYB_KEY_COLUMNS(row) row ".id, " row ".run_as, " row ".enqueued_by, " row ".idempotency_key"
#define AYB_FREE_KEYS(gone)                                                                        \
    "DELETE FROM ayb_jobs.job_keys AS k USING " gone " AS g"                                       \
    " WHERE k.run_as = ANY (ARRAY[g.run_as, g.enqueued_by])"                                       \
    " AND k.idempotency_key = g.idempotency_key AND k.job_id = g.id"

// What waits for such jobs is told by this, and what they waited for is forgotten: CTEs, the last
// one without a comma. `completed` is a condition for those that were; they leave a result, no
// more.
#define AYB_END_EDGES(gone, completed, at)                                                         \
    "unwaited AS (DELETE FROM ayb_jobs.job_edges AS e USING " gone                                 \
    " AS g WHERE e.child = g.id), blanked AS (UPDATE ayb_jobs.job_outcomes AS o SET result = NULL" \
    " FROM " gone " AS g WHERE o.job_id = g.id), dead AS (INSERT INTO ayb_jobs.job_outcomes"       \
    " (job_id, state, flow, at) SELECT g.id, 'deleted', g.flow, " at " FROM " gone                 \
    " AS g WHERE NOT " completed " ON CONFLICT (job_id) DO NOTHING)"

} // namespace ayb

#pragma once
// What columns.def says, as enumerations and as pieces of SQL.
#include "base/columns.def"

namespace ayb {

#define AYB_NO_COLUMN(name, id, type, when)
#define AYB_ENUMERATOR(name, id, type, when) k##id,
#define AYB_HISTORY_ENUMERATOR(name, id, type, when) kHistory##id,

// Numbered from 1, for who reads or writes rows without SQL.
enum QueueColumn {
    kBeforeQueueColumns,
    AYB_JOB_COLUMNS(AYB_ENUMERATOR, AYB_ENUMERATOR, AYB_ENUMERATOR, AYB_NO_COLUMN) kAfterQueue
};
constexpr int kQueueColumns = kAfterQueue - 1;

enum HistoryColumn {
    kBeforeHistoryColumns,
    AYB_JOB_COLUMNS(AYB_HISTORY_ENUMERATOR, AYB_HISTORY_ENUMERATOR, AYB_NO_COLUMN,
                    AYB_HISTORY_ENUMERATOR) kAfterHistory
};
constexpr int kHistoryColumns = kAfterHistory - 1;

#undef AYB_HISTORY_ENUMERATOR
#undef AYB_ENUMERATOR

// Literals that begin with a comma: ", id, type, …".
#define AYB_COLUMN_NAME(name, id, type, when) ", " #name
#define AYB_DONE_COLUMN(name, id, type, when) ", d." #name

// Moves the rows of a CTE `done` into the history: rows of the queue, and with them what the
// history is given: `worker`, `attempt`, `run`, `started_at`, `result`, `ended_at`.
#define AYB_INTO_HISTORY                                                                           \
    " INSERT INTO ayb_jobs.job_history (payload, worker_id, attempts, runs, last_run_at,"          \
    " result, completed_at" AYB_JOB_COLUMNS(                                                       \
        AYB_COLUMN_NAME, AYB_NO_COLUMN, AYB_NO_COLUMN,                                             \
        AYB_NO_COLUMN) ") SELECT d.payload, d.worker, d.attempt, d.run, d.started_at, "            \
                       "d.result, d.ended_at" AYB_JOB_COLUMNS(AYB_DONE_COLUMN, AYB_NO_COLUMN,      \
                                                              AYB_NO_COLUMN,                       \
                                                              AYB_NO_COLUMN) " FROM done AS d"

} // namespace ayb

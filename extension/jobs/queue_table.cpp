#include "jobs/queue_table.hpp"

#include "base/columns.hpp"

namespace ayb {

namespace {

#define AYB_RAW_COLUMN(name, id, type, when) {#name, type, RawFilled::when},
constexpr RawColumn kColumns[kQueueColumns] = {
    AYB_JOB_COLUMNS(AYB_RAW_COLUMN, AYB_RAW_COLUMN, AYB_RAW_COLUMN, AYB_NO_COLUMN)};
#undef AYB_RAW_COLUMN

// What the first one notes is noted by who writes; the second is for jobs of a schedule.
constexpr const char *kTriggers[] = {"note_job", "expect_schedule", nullptr};

RawTable g_queue{"job_queue", kTriggers, kColumns, kQueueColumns};

} // namespace

RawTable *queue_table() { return &g_queue; }

} // namespace ayb

#include "jobs/queue_table.hpp"

#include "base/columns.hpp"

namespace ayb {

namespace {

constexpr RawColumn kColumns[kQueueColumns] = {{"id", UUIDOID, true},
                                               {"type", TEXTOID, true},
                                               {"payload", JSONBOID, true},
                                               {"state", TEXTOID, true},
                                               {"waits_for", TEXTOID, true},
                                               {"run_as", REGROLEOID, true},
                                               {"run_at", TIMESTAMPTZOID, true},
                                               {"lease_until", TIMESTAMPTZOID, false},
                                               {"worker_id", TEXTOID, false},
                                               {"attempts", INT4OID, true},
                                               {"max_attempts", INT4OID, true},
                                               {"last_error", TEXTOID, false},
                                               {"last_run_at", TIMESTAMPTZOID, false},
                                               {"idempotency_key", TEXTOID, true},
                                               {"schedule_id", UUIDOID, false},
                                               {"scheduled_at", TIMESTAMPTZOID, false},
                                               {"created_at", TIMESTAMPTZOID, true},
                                               {"updated_at", TIMESTAMPTZOID, true},
                                               {"canceled_at", TIMESTAMPTZOID, false}};

// What the first one notes is noted by who writes; the second is for jobs of a schedule.
constexpr const char *kTriggers[] = {"note_job", "expect_schedule", nullptr};

RawTable g_queue{"job_queue", kTriggers, kColumns, kQueueColumns};

} // namespace

RawTable *queue_table() { return &g_queue; }

} // namespace ayb

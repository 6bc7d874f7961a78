#pragma once
// The columns of job_queue, in the order of its definition, for who reads rows without SQL.

namespace ayb {

enum QueueColumn {
    kId = 1,
    kType,
    kPayload,
    kState,
    kWaitsFor,
    kRunAs,
    kRunAt,
    kLeaseUntil,
    kWorkerId,
    kAttempts,
    kMaxAttempts,
    kLastError,
    kLastRunAt,
    kIdempotencyKey,
    kScheduleId,
    kScheduledAt,
    kCreatedAt,
};

} // namespace ayb

#pragma once
// The columns of job_queue, numbered from 1 in the order of its definition, for who reads or writes
// rows without SQL.

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
    kUpdatedAt,
    kCanceledAt,
};
constexpr int kQueueColumns = kCanceledAt;

} // namespace ayb

#pragma once
// The columns of job_queue and of job_history, numbered from 1 in the order of their definitions,
// for who reads or writes rows without SQL.

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

enum HistoryColumn {
    kHistoryId = 1,
    kHistoryType,
    kHistoryPayload,
    kHistoryRunAs,
    kHistoryRunAt,
    kHistoryWorkerId,
    kHistoryAttempts,
    kHistoryMaxAttempts,
    kHistoryLastError,
    kHistoryLastRunAt,
    kHistoryIdempotencyKey,
    kHistoryScheduleId,
    kHistoryScheduledAt,
    kHistoryResult,
    kHistoryCreatedAt,
    kHistoryCompletedAt,
};
constexpr int kHistoryColumns = kHistoryCompletedAt;

} // namespace ayb

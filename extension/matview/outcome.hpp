#pragma once
// What became of a refresh, as SQL gets it: ayb_jobs.refresh_outcome.
#include "pg/postgres.hpp"
#include "core/uuid7.hpp"
#include "core/words.hpp"

namespace ayb {

// success: the view is new. error: it is not, `sqlstate` and `error` say why. skipped: it was not
// tried; `error` says why, null where nothing had changed.
enum class RefreshStatus { success, error, skipped };

// Why it is not new, for programs: `failed` by what PostgreSQL raised, `source_failed` where a view
// that it reads is not new itself.
enum class RefreshReason {
    none,
    view_gone,
    in_progress,
    not_populated,
    no_unique_index,
    failed,
    unchanged,
    source_failed
};

namespace core {
template <> struct Words<RefreshStatus> {
    static constexpr const char *kWords[] = {"success", "error", "skipped"};
};
template <> struct Words<RefreshReason> {
    static constexpr const char *kWords[] = {nullptr,         "view_gone",       "in_progress",
                                             "not_populated", "no_unique_index", "failed",
                                             "unchanged",     "source_failed"};
};
} // namespace core

struct RefreshOutcome {
    core::Uuid id;
    const char *schema;
    const char *view;
    RefreshStatus status;
    RefreshReason reason;
    int64 duration_ms;   // -1 where the statement was not run
    int64 rows;          // -1 likewise, and for an error
    const char *error;   // null for none
    char sqlstate[6];    // empty for none
    const char *hint;    // null for none
    const char *written; // as last_refresh_error has it; null where nothing is written
};

inline constexpr int kOutcomeColumns = 10;

// The outcome's columns.
void outcome_columns(const RefreshOutcome &outcome, Datum *values, bool *nulls);

// The result of a function that returns refresh_outcome.
Datum outcome_datum(FunctionCallInfo fcinfo, const RefreshOutcome &outcome);

} // namespace ayb

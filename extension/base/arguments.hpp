#pragma once
// Checks of what callers pass, each with its error, SQLSTATE and hint.
#include <optional>

#include "pg/postgres.hpp"
#include "base/job.hpp"

namespace ayb {

inline constexpr int kMaxNameCharacters = 100; // of types and schedules
inline constexpr int kMaxKeyBytes = 255;
inline constexpr Size kMaxPayloadBytes = 16 * 1024 * 1024;
inline constexpr Size kMaxMetaBytes = 8192;

// Raises 22023 about an argument, or a key of one.
[[noreturn]] void refuse_argument(const char *argument, const char *fact, const char *hint);

// The job whose handler calls this; `what` is what it asks for. Raises 55000 elsewhere, with
// `hint`, about an argument where one is named.
const core::Uuid &job_of_handler(const char *what, const char *hint,
                                 const char *argument = nullptr);

// Raises 22004 where argument `number` (from 0) is NULL.
void require_argument(FunctionCallInfo fcinfo, int number, const char *name);

// A name in argument `number`: not NULL, not empty, at most 100 characters; 22004, 22023 with
// `hint`. Palloc'd.
const char *name_argument(FunctionCallInfo fcinfo, int number, const char *name, const char *hint);

// The type in argument `number`: not NULL, not empty, at most 100 characters. Palloc'd.
const char *type_argument(FunctionCallInfo fcinfo, int number, const char *name = "type");

// Text that may be NULL.
const char *text_argument(FunctionCallInfo fcinfo, int number);

// An id; raises 22004 for NULL.
core::Uuid id_argument(FunctionCallInfo fcinfo, int number);

// The role in argument `number`, InvalidOid where it is NULL or the function has no such argument;
// 42704. The second one raises 22004 for NULL.
Oid role_argument(FunctionCallInfo fcinfo, int number, const char *name);
Oid required_role_argument(FunctionCallInfo fcinfo, int number, const char *name);

// Refuses JSON of more than 16 MiB without unpacking it. 54000.
void check_json_size(Datum value, const char *what);

// The last instant at which a job may be ordered to run.
TimestampTz latest_run_at();

// Refuses infinities, and instants before 2000 or after 9999, that `argument` names or leads to.
// 22008.
void check_run_at(TimestampTz run_at, const char *argument = "run_at");

// max_attempts, at least 1, or 0 where it is NULL or the function has no such argument. 22023.
int max_attempts_argument(FunctionCallInfo fcinfo, int number);

// priority, from -4 to 4, or none where it is NULL or the function has no such argument. 22023.
std::optional<int> priority_argument(FunctionCallInfo fcinfo, int number);

// A length of time in milliseconds, which must be positive; 22023.
int64 duration_argument(FunctionCallInfo fcinfo, int number, const char *name, int64 otherwise_ms);

// A length of time in milliseconds, or -1 where it is NULL; 22023 for a negative one, with `hint`.
int64 delay_argument(FunctionCallInfo fcinfo, int number, const char *name, const char *hint);

// When a job is due: at the instant in argument `run_at`, or the time in argument `delay` after
// `now`, or `now` where both are NULL. Raises 22023 for both, and for a negative delay; 22008.
TimestampTz due_argument(FunctionCallInfo fcinfo, int run_at, int delay, TimestampTz now);

// A delay, "0" at least, and a payload, which may be NULL. 22004, 22023, 22008, 54000.
Snooze snooze_arguments(FunctionCallInfo fcinfo, int delay, int payload, TimestampTz now);

inline Datum uuid_datum(const core::Uuid &id) {
    auto *copy = reinterpret_cast<core::Uuid *>(palloc(sizeof(core::Uuid)));
    *copy = id;
    return PointerGetDatum(copy);
}

// The value must not be NULL: callers look at columns that can't be, or have looked before.
inline core::Uuid uuid_value(Datum value) {
    // NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker)
    return *reinterpret_cast<const core::Uuid *>(DatumGetPointer(value));
}

// Writes the id as text, and its end, to `text`.
inline constexpr int kUuidCharacters = 36;
void write_uuid(const core::Uuid &id, char *text);

// The id as text, palloc'd.
const char *uuid_text(const core::Uuid &id);

// A new id for a job that is created at `at`.
core::Uuid new_job_id(TimestampTz at);

// The millisecond in which an id was made; DT_NOBEGIN where it doesn't say.
TimestampTz made_at(const core::Uuid &id);

} // namespace ayb

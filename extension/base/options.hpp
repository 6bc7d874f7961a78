#pragma once
// The argument options of enqueue() and its forms for many: what few jobs need. A key that is added
// belongs into the table of options.cpp.
#include <optional>

#include "pg/postgres.hpp"
#include "core/uuid7.hpp"
#include "core/words.hpp"

namespace ayb {

// What becomes of a job whose unique key another one has that waits for its first start.
enum class OnConflict { keep, replace, debounce };

// What becomes of a job when one that it waits for fails. With run it goes on whatever becomes of
// that; else it is canceled when that is canceled or deleted.
enum class OnParentFailure { wait, run, cancel };

namespace core {
template <> struct Words<OnConflict> {
    static constexpr const char *kWords[] = {"keep", "replace", "debounce"};
};
template <> struct Words<OnParentFailure> {
    static constexpr const char *kWords[] = {"wait", "run", "cancel"};
};
} // namespace core

struct Options {
    std::optional<TimestampTz> expires_at;
    Datum meta; // a jsonb object, with what the setting ayb_jobs.meta has; 0 for none
    std::optional<OnConflict> on_conflict;
    std::optional<int64> max_delay_ms; // for debounce alone
    std::optional<OnParentFailure> on_parent_failure;
    std::optional<core::Uuid> flow;
    Datum required_by; // uuid[]; 0 for none
};

// The options in argument `number`, which may be NULL. 22023 for an unknown key, by its name;
// 22008; 54000.
Options options_argument(FunctionCallInfo fcinfo, int number);

// What ayb_jobs.meta has for each job that the session enqueues; 0 for nothing. 22P02, 22023;
// 54000.
Datum meta_of_session();

// An array of JSON, or none for NULL and null, whose strings are ids, as uuid[]; 0 for none. 22023,
// 22P02.
Datum ids_of_json(const NullableDatum &value, const char *argument);

// One of wait, run and cancel. 22023.
OnParentFailure read_on_parent_failure(Datum value);

// Declares ayb_jobs.meta. Called once, by _PG_init, before all other settings.
void define_meta();

} // namespace ayb

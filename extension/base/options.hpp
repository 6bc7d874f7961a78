#pragma once
// The argument options of enqueue() and its forms for many: what few jobs need. A key that is added
// belongs into the table of options.cpp.
#include <optional>

#include "pg/postgres.hpp"
#include "core/words.hpp"

namespace ayb {

// What becomes of a job whose unique key another one has that waits for its first start.
enum class OnConflict { keep, replace, debounce };

namespace core {
template <> struct Words<OnConflict> {
    static constexpr const char *kWords[] = {"keep", "replace", "debounce"};
};
} // namespace core

struct Options {
    std::optional<TimestampTz> expires_at;
    Datum meta; // a jsonb object, with what the setting ayb_jobs.meta has; 0 for none
    std::optional<OnConflict> on_conflict;
    std::optional<int64> max_delay_ms; // for debounce alone
};

// The options in argument `number`, which may be NULL. 22023 for an unknown key, by its name;
// 22008; 54000.
Options options_argument(FunctionCallInfo fcinfo, int number);

// What ayb_jobs.meta has for each job that the session enqueues; 0 for nothing. 22P02, 22023;
// 54000.
Datum meta_of_session();

// Declares ayb_jobs.meta. Called once, by _PG_init, before all other settings.
void define_meta();

} // namespace ayb

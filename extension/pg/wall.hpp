#pragma once
// The one wall between C++ exceptions and PostgreSQL's errors (docs/decisions/001-cpp-wall.md).
//
// What may throw runs inside within_wall(), which lets nothing out and keeps the failure as plain
// bytes; raise_failure() reports it once the catch has closed.
#include <new>
#include <type_traits>

#include "pg/postgres.hpp"
#include "core/error.hpp"

namespace ayb {

struct CoreFailure {
    char sqlstate[6];
    char message[128];
    char detail[512]; // empty for none
    char hint[256];   // empty for none
};
static_assert(std::is_trivially_copyable_v<CoreFailure>);

void keep_failure(CoreFailure *failure, const char *sqlstate, const char *message,
                  const char *detail, const char *hint) noexcept;

// Runs `call`, which must not call PostgreSQL. False where it threw; then `*failure` says what.
template <typename Call> bool within_wall(CoreFailure *failure, const Call &call) noexcept {
    try {
        call();
        return true;
    } catch (const core::Error &error) {
        keep_failure(failure, error.sqlstate.c_str(), error.message.c_str(), error.detail.c_str(),
                     error.hint.c_str());
    } catch (const std::bad_alloc &) {
        keep_failure(failure, "53200", "out of memory", "", "");
    } catch (const std::exception &error) {
        keep_failure(failure, "XX000", error.what(), "", "");
    } catch (...) {
        keep_failure(failure, "XX000", "unknown exception", "", "");
    }
    return false;
}

// `argument`: what of the caller's it is about.
[[noreturn]] void raise_failure(const CoreFailure &failure, const char *argument);

} // namespace ayb

#pragma once

#include <string>
#include <vector>

#include "core/zone.hpp"

namespace ayb::test {

/* "Mm.w.d/time", "Jn/time" or "n/time" of a POSIX TZ string; time is local seconds. */
struct PosixDate {
    char form = 'M'; /* M, J or 0 */
    int month = 0, week = 0, day = 0;
    int time = 7200;
};

/* The rule in a TZif file's footer, which holds behind the last transition of its table. */
struct PosixRule {
    bool known = false;
    bool has_dst = false;
    int standard = 0, summer = 0; /* seconds east of UTC */
    PosixDate begin, end;
};

/*
 * A zone read from the system's TZif files: for tests only (it allocates, and throws
 * std::runtime_error from load). Copyable; fit for threads once loaded.
 */
class TzifZone final : public core::Zone {
  public:
    /* `name` under /usr/share/zoneinfo, or under $TZDIR. */
    static TzifZone load(const std::string &name);

    std::int32_t offset_at(std::int64_t instant) const noexcept override;
    bool next_transition(std::int64_t after, core::Transition *next) const noexcept override;

  private:
    std::vector<std::int64_t> instants_;
    std::vector<std::int32_t> offsets_; /* offsets_[i] holds from instants_[i] on */
    std::int32_t first_offset_ = 0;
    PosixRule rule_;
};

} // namespace ayb::test

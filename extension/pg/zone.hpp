#pragma once
// PostgreSQL's time zones, as the cron engine asks for them.
#include "pg/postgres.hpp"
#include "core/zone.hpp"

namespace ayb {

// The zone of that name, in any case, in pg_timezone_names, or null: abbreviations and POSIX
// strings are none. Stays for the life of the process.
pg_tz *find_zone(const char *name);

// The name as pg_timezone_names spells it; `name` itself where it is none.
const char *zone_spelling(const char *name);

// As find_zone(), but raises 22023.
pg_tz *require_zone(const char *name);

class PgZone final : public core::Zone {
  public:
    explicit PgZone(pg_tz *zone) : zone_(zone) {}
    std::int32_t offset_at(std::int64_t instant) const noexcept override;
    bool next_transition(std::int64_t after, core::Transition *next) const noexcept override;

  private:
    pg_tz *zone_;
};

// Whole seconds since 1970, rounded down.
inline std::int64_t unix_seconds(TimestampTz at) {
    const std::int64_t seconds =
        at >= 0 ? at / USECS_PER_SEC : -((-at + USECS_PER_SEC - 1) / USECS_PER_SEC);
    return seconds +
           static_cast<std::int64_t>(POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY;
}

inline TimestampTz from_unix_seconds(std::int64_t seconds) {
    return (seconds -
            static_cast<std::int64_t>(POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY) *
           USECS_PER_SEC;
}

} // namespace ayb

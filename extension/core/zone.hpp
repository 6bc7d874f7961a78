#pragma once

#include <cstdint>

namespace ayb::core {

/* One change of a zone's offset. Offsets are seconds east of UTC; `instant` is Unix seconds. */
struct Transition {
    std::int64_t instant; /* the first second at which `after` holds */
    std::int32_t before;
    std::int32_t
        after; /* may equal `before`: some databases report a change of the DST flag alone */
};

/*
 * A time zone as the cron engine needs it: plain arithmetic, no allocation, no failure.
 *
 * Instants are Unix seconds, from three days before kFirstInstant to three days after kEndInstant
 * (cron.hpp). Offsets lie within 16 hours of UTC, and one zone answers the same for ever.
 *
 * Over PostgreSQL's pg_tz: offset_at is pg_localtime(&t, tz)->tm_gmtoff; next_transition is
 * pg_next_dst_boundary(), whose result 1 means found. It answers 0 once too often, exactly at the
 * last instant of the zone's table (and every 400 years after it): an implementation should ask
 * again from `after + 1` before it believes a 0.
 *
 * The destructor is protected and trivial, so that an implementation may live on the stack across
 * a call that leaves by longjmp.
 */
class Zone {
  public:
    /* The offset that holds at `instant`. */
    virtual std::int32_t offset_at(std::int64_t instant) const noexcept = 0;

    /* The first transition strictly after `after`; false (and *next untouched) when none is left.
     */
    virtual bool next_transition(std::int64_t after, Transition *next) const noexcept = 0;

  protected:
    ~Zone() = default;
};

/* UTC, and any other zone that never changes. */
class FixedZone final : public Zone {
  public:
    explicit FixedZone(std::int32_t offset = 0) noexcept : offset_(offset) {}
    std::int32_t offset_at(std::int64_t) const noexcept override { return offset_; }
    bool next_transition(std::int64_t, Transition *) const noexcept override { return false; }

  private:
    std::int32_t offset_;
};

} // namespace ayb::core

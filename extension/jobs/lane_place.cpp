#include "jobs/lane_place.hpp"

#include "base/arguments.hpp"

namespace ayb {

namespace {

// From the top: the role, the hash, the priority.
constexpr int kTypeBits = 28;
constexpr int kPriorityBits = 4;

// What all of these needn't have in common, by Past; all is told apart.
constexpr uint64 kFree[] = {0, (UINT64CONST(1) << kPriorityBits) - 1,
                            (UINT64CONST(1) << (kTypeBits + kPriorityBits)) - 1};

constexpr uint64 kKeyedNumber = (1 << kPriorityBits) - 1;

// Never 0, nor that of those with a key.
uint64 number_of(int priority) {
    static_assert(kMostPriority - kLeastPriority + 1 < static_cast<int>(kKeyedNumber));
    return priority == kKeyed ? kKeyedNumber : static_cast<uint64>(priority - kLeastPriority + 1);
}

LanePlace masked(LanePlace place, Past these, bool set) {
    const uint64 bits = kFree[static_cast<int>(these)];
    const auto number = static_cast<uint64>(place);
    return static_cast<LanePlace>(set ? number | bits : number & ~bits);
}

} // namespace

LanePlace lane_place(Oid role, const char *type, int priority) {
    const uint64 hash = hash_of_type(type) >> (64 - kTypeBits);
    return static_cast<LanePlace>(static_cast<uint64>(role) << (kTypeBits + kPriorityBits) |
                                  hash << kPriorityBits | number_of(priority));
}

LanePlace place_of(const LanePick &lane) { return lane_place(lane.role, lane.type, lane.priority); }

LanePlace before(LanePlace place, Past these) {
    return these == Past::all ? PG_INT64_MIN : masked(place, these, false);
}

LanePlace after(LanePlace place, Past these) {
    return these == Past::all ? PG_INT64_MAX : masked(place, these, true);
}

bool is_keyed(LanePlace place) {
    return (static_cast<uint64>(place) & kKeyedNumber) == kKeyedNumber;
}

} // namespace ayb

using namespace ayb;

// lane(run_as, type, priority, partition_key) → bigint; NULL for what the table's constraints
// refuse
AYB_SQL_FUNCTION(ayb_jobs_lane) {
    if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2))
        PG_RETURN_NULL();
    const int priority = PG_ARGISNULL(3) ? PG_GETARG_INT16(2) : kKeyed;
    PG_RETURN_INT64(
        lane_place(PG_GETARG_OID(0), TextDatumGetCString(PG_GETARG_DATUM(1)), priority));
}

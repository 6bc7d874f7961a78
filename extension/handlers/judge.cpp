#include "handlers/judge.hpp"

#include "base/arguments.hpp"
#include "memory/state.hpp"
#include "pg/clock.hpp"
#include "pg/transaction.hpp"
#include "records/type_stats.hpp"

namespace ayb {

namespace {

constexpr int kAtOnce = 256; // lanes that are judged by one look

void judge(const LanePick &lane, uint64 generation) {
    const bool slow = run_average(MyDatabaseId, lane.role, lane.type) > kSlow;
    if (find_handler(lane.type) == nullptr)
        remove_unserved_lane(lane.key(), generation);
    else
        judge_lane(lane.key(), generation, server_of(lane.type, lane.role), slow,
                   find_limit(lane.type));
}

// Picks, or judges lanes first where that has to be done, in a transaction of its own; whether it
// had, and nothing is picked then.
bool pick_or_judge(Oid role, bool quick_only, Picks *picks) {
    pick_lanes({MyDatabaseId, role}, clock_now(), quick_only, picks);
    if (picks->unjudged)
        in_transaction([role] { judge_lanes(role); });
    return picks->unjudged;
}

} // namespace

Server server_of(const char *type, Oid role) {
    const Handler *handler = find_handler(type);
    if (handler == nullptr)
        return Server::nobody;
    const Server server = handler->kind == Kind::external ? Server::outside : Server::ours;
    if (OidIsValid(role) && doubt_of(*handler, role) != Doubt::none)
        return Server::untrusted;
    // A limit that nobody has entered can't be kept.
    const bool unkept = find_rule(type) != nullptr && find_limit(type) == nullptr;
    return unkept || is_paused(type) ? Server::nobody : server;
}

void judge_lanes(Oid role) {
    auto *lanes = static_cast<LanePick *>(palloc(kAtOnce * sizeof(LanePick)));
    int count = kAtOnce;
    while (count == kAtOnce) {
        const uint64 generation = handlers_generation();
        count =
            generation == 0 ? 0 : unjudged_lanes({MyDatabaseId, role}, generation, lanes, kAtOnce);
        expect_handlers(count);
        for (int i = 0; i < count; i++)
            judge(lanes[i], generation);
    }
    pfree(lanes);
}

void judge_anew(Oid role) {
    const uint64 generation = handlers_generation();
    int count = 0;
    const LanePick *lanes = copy_lanes(MyDatabaseId, &count);
    expect_handlers(count);
    for (int i = 0; i < count && generation != 0; i++)
        if (!OidIsValid(role) || lanes[i].role == role)
            judge(lanes[i], generation);
}

bool judge_due(Oid role) {
    static LanePick lanes[kMostPicks];
    Picks picks{lanes, 0, false, false, 0};
    return pick_or_judge(role, false, &picks);
}

Picks pick_served(Oid role, bool quick_only, int keys, LanePick *lanes) {
    Picks picks{lanes, 0, false, false, 0};
    if (pick_or_judge(role, quick_only, &picks))
        pick_lanes({MyDatabaseId, role}, clock_now(), quick_only, &picks);
    if (keys > 0)
        take_lane_turns(&picks, keys);
    return picks;
}

} // namespace ayb

using namespace ayb;

// taken_by(type) → text
AYB_SQL_FUNCTION(ayb_jobs_taken_by) {
    const Handler *handler = find_handler(text_to_cstring(PG_GETARG_TEXT_PP(0)));
    if (handler == nullptr)
        PG_RETURN_TEXT_P(cstring_to_text("handler"));
    if (handler->kind != Kind::external)
        PG_RETURN_NULL();
    PG_RETURN_TEXT_P(cstring_to_text("external"));
}

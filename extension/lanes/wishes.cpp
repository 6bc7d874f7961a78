#include "lanes/wishes.hpp"

#include "memory/slots.hpp"
#include "pg/clock.hpp"

namespace ayb {

namespace {

Asker asker() { return my_slot() != nullptr ? Asker::worker : Asker::passing; }

void tell_some(const Wishes &wishes, bool ends_only) {
    Opened opened{};
    for (int i = 0; i < wishes.count; i++) {
        const auto &met = wishes.met[i];
        if (!ends_only || !met.wants)
            note_wish(met.limit, met.role, met.wants, asker(), &opened);
    }
    tell_asked(opened);
}

} // namespace

bool Wishes::add(const Limit *limit, Oid role, bool wants, bool waits) {
    int place = 0;
    while (place < count && (met[place].limit != limit || met[place].role != role))
        place++;
    if (place == kMostWishes)
        return false;
    if (place == count)
        met[count++] = {limit, role, false, false};
    met[place].wants = met[place].wants || wants;
    met[place].waits = met[place].waits || waits;
    return true;
}

void Wishes::tell() const { tell_some(*this, false); }

void Wishes::tell_ends() const { tell_some(*this, true); }

TimestampTz Wishes::ask() const {
    TimestampTz look = DT_NOEND;
    Opened opened{};
    for (int i = 0; i < count; i++)
        if (met[i].waits)
            look = Min(look, ask_for_turn(met[i].limit, met[i].role, asker(), &opened));
    tell_asked(opened);
    return look;
}

} // namespace ayb

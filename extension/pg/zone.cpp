#include "pg/zone.hpp"

namespace ayb {

namespace {

struct ZoneName {
    char name[TZ_STRLEN_MAX + 1]; // must be first: the key
};

HTAB *g_names_with_digits;

// Every zone's file is read for this, which takes some 50 ms: once a process, and only for those
// who ask for a name with a digit in it.
void read_names() {
    HASHCTL shape{};
    shape.keysize = shape.entrysize = sizeof(ZoneName);
    shape.hcxt = TopMemoryContext;
    HTAB *names =
        hash_create("ayb_jobs zone names", 128, &shape, HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
    pg_tzenum *all = pg_tzenumerate_start();
    while (pg_tz *zone = pg_tzenumerate_next(all)) {
        const char *name = pg_get_timezone_name(zone);
        if (strpbrk(name, "0123456789") != nullptr)
            hash_search(names, name, HASH_ENTER, nullptr);
    }
    pg_tzenumerate_end(all);
    g_names_with_digits = names;
}

// A POSIX string gives an offset, so it has a digit: what was found without one is a file's name.
bool names_a_file(const char *name) {
    if (strpbrk(name, "0123456789") == nullptr)
        return true;
    if (g_names_with_digits == nullptr)
        read_names();
    return hash_search(g_names_with_digits, name, HASH_FIND, nullptr) != nullptr;
}

} // namespace

pg_tz *find_zone(const char *name) {
    if (strlen(name) > TZ_STRLEN_MAX)
        return nullptr;
    pg_tz *zone = pg_tzset(name);
    if (zone == nullptr || !pg_tz_acceptable(zone))
        return nullptr;
    const char *known = pg_get_timezone_name(zone);
    return pg_strcasecmp(known, name) == 0 && names_a_file(known) ? zone : nullptr;
}

const char *zone_spelling(const char *name) {
    pg_tz *zone = find_zone(name);
    return zone != nullptr ? pg_get_timezone_name(zone) : name;
}

pg_tz *require_zone(const char *name) {
    pg_tz *zone = find_zone(name);
    if (zone == nullptr)
        ereport(ERROR,
                (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("invalid timezone \"%s\"", name),
                 err_generic_string(PG_DIAG_COLUMN_NAME, "timezone"),
                 errhint("Use a name as pg_timezone_names has it, such as Europe/Berlin;"
                         " abbreviations and offsets are not taken.")));
    return zone;
}

std::int32_t PgZone::offset_at(std::int64_t instant) const noexcept {
    const pg_time_t at = instant;
    const pg_tm *local = pg_localtime(&at, zone_);
    return local == nullptr ? 0 : static_cast<std::int32_t>(local->tm_gmtoff);
}

bool PgZone::next_transition(std::int64_t after, core::Transition *next) const noexcept {
    // It finds nothing once too often, at the last instant of the zone's table: asked again.
    for (pg_time_t from = after; from <= after + 1; from++) {
        long before;
        long behind;
        int before_dst;
        int behind_dst;
        pg_time_t boundary;
        if (pg_next_dst_boundary(&from, &before, &before_dst, &boundary, &behind, &behind_dst,
                                 zone_) != 1)
            continue;
        *next = {boundary, static_cast<std::int32_t>(before), static_cast<std::int32_t>(behind)};
        return true;
    }
    return false;
}

} // namespace ayb

#include "tzif_zone.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "core/civil.hpp"

namespace ayb::test {
namespace {

using core::kSecondsPerDay;

/* Big-endian reader over the file's bytes; reading past the end throws. */
struct Reader {
    const std::string &bytes;
    std::size_t at = 0;

    std::int64_t number(int width) {
        if (at + static_cast<std::size_t>(width) > bytes.size())
            throw std::runtime_error("TZif file is cut short");
        std::uint64_t value = 0;
        for (int i = 0; i < width; ++i)
            value = value << 8 | static_cast<unsigned char>(bytes[at++]);
        if (width == 4)
            return static_cast<std::int32_t>(value);
        return static_cast<std::int64_t>(value);
    }
    int byte() { return static_cast<int>(number(1)); }
};

struct Header {
    std::size_t isut, isstd, leap, time, type, chars;
};

Header read_header(Reader &in) {
    if (in.bytes.compare(in.at, 4, "TZif") != 0)
        throw std::runtime_error("no TZif file");
    in.at += 20;
    auto count = [&in] { return static_cast<std::size_t>(in.number(4)); };
    Header h{};
    h.isut = count();
    h.isstd = count();
    h.leap = count();
    h.time = count();
    h.type = count();
    h.chars = count();
    return h;
}

void skip_abbreviation(const std::string &s, std::size_t &at) {
    if (at < s.size() && s[at] == '<') {
        at = s.find('>', at) + 1;
        return;
    }
    while (at < s.size() && std::isalpha(static_cast<unsigned char>(s[at])))
        ++at;
}

int read_int(const std::string &s, std::size_t &at) {
    int value = 0;
    while (at < s.size() && std::isdigit(static_cast<unsigned char>(s[at])))
        value = value * 10 + (s[at++] - '0');
    return value;
}

/* [+-]hh[:mm[:ss]] */
int read_time(const std::string &s, std::size_t &at) {
    const int sign = at < s.size() && s[at] == '-' ? -1 : 1;
    if (at < s.size() && (s[at] == '-' || s[at] == '+'))
        ++at;
    int seconds = read_int(s, at) * 3600;
    for (int unit = 60; unit >= 1 && at < s.size() && s[at] == ':'; unit /= 60)
        seconds += read_int(s, ++at) * unit;
    return sign * seconds;
}

PosixDate read_date(const std::string &s, std::size_t &at) {
    PosixDate date;
    ++at; /* the comma */
    if (s[at] == 'M') {
        date.month = read_int(s, ++at);
        date.week = read_int(s, ++at);
        date.day = read_int(s, ++at);
    } else {
        date.form = s[at] == 'J' ? 'J' : '0';
        at += date.form == 'J' ? 1 : 0;
        date.day = read_int(s, at);
    }
    if (at < s.size() && s[at] == '/')
        date.time = read_time(s, ++at);
    return date;
}

PosixRule read_footer(const std::string &s) {
    PosixRule rule;
    if (s.empty())
        return rule;
    std::size_t at = 0;
    skip_abbreviation(s, at);
    rule.known = true;
    rule.standard = rule.summer = -read_time(s, at);
    if (at >= s.size())
        return rule;
    skip_abbreviation(s, at);
    rule.has_dst = true;
    rule.summer = at < s.size() && s[at] != ',' ? -read_time(s, at) : rule.standard + 3600;
    rule.begin = read_date(s, at);
    rule.end = read_date(s, at);
    return rule;
}

/* The local instant, in the offset before it, at which the date's change falls in that year. */
std::int64_t local_instant(const PosixDate &date, std::int64_t year) {
    std::int64_t days = core::days_from_civil(year, 1, 1);
    if (date.form == 'M') {
        const std::int64_t first = core::days_from_civil(year, date.month, 1);
        const int length = core::days_in_month(year, date.month);
        int day = 1 + (date.day - core::weekday_from_days(first) + 7) % 7 + (date.week - 1) * 7;
        while (day > length)
            day -= 7;
        days = first + day - 1;
    } else if (date.form == 'J') {
        days += date.day - 1 + (core::is_leap(year) && date.day > 59 ? 1 : 0);
    } else {
        days += date.day;
    }
    return days * kSecondsPerDay + date.time;
}

/* The rule's first transition after `after`. */
core::Transition rule_transition(const PosixRule &rule, std::int64_t after) {
    const std::int64_t year = core::civil_from_days(core::floor_div(after, kSecondsPerDay)).year;
    core::Transition best{INT64_MAX, 0, 0};
    for (std::int64_t y = year - 1; y <= year + 1; ++y) {
        const std::int64_t on = local_instant(rule.begin, y) - rule.standard;
        const std::int64_t off = local_instant(rule.end, y) - rule.summer;
        if (on > after && on < best.instant)
            best = {on, rule.standard, rule.summer};
        if (off > after && off < best.instant)
            best = {off, rule.summer, rule.standard};
    }
    return best;
}

std::string read_file(const std::string &name) {
    const char *dir = std::getenv("TZDIR");
    std::ifstream in(std::string(dir != nullptr ? dir : "/usr/share/zoneinfo") + "/" + name,
                     std::ios::binary);
    if (!in)
        throw std::runtime_error("no zone " + name);
    return {std::istreambuf_iterator<char>(in), {}};
}

} // namespace

TzifZone TzifZone::load(const std::string &name) {
    const std::string bytes = read_file(name);
    Reader in{bytes};
    Header h = read_header(in);
    /* The first block has 32-bit instants; the second, of 64 bits, is the one to read. */
    in.at += h.time * 5 + h.type * 6 + h.chars + h.leap * 8 + h.isstd + h.isut;
    h = read_header(in);

    TzifZone zone;
    for (std::size_t i = 0; i < h.time; ++i)
        zone.instants_.push_back(in.number(8));
    std::vector<std::size_t> types;
    for (std::size_t i = 0; i < h.time; ++i)
        types.push_back(static_cast<std::size_t>(in.byte()));
    std::vector<std::int32_t> type_offsets;
    for (std::size_t i = 0; i < h.type; ++i) {
        type_offsets.push_back(static_cast<std::int32_t>(in.number(4)));
        in.at += 2;
    }
    zone.first_offset_ = type_offsets.at(0);
    for (const std::size_t type : types)
        zone.offsets_.push_back(type_offsets.at(type));
    in.at += h.chars + h.leap * 12 + h.isstd + h.isut + 1;
    zone.rule_ = read_footer(bytes.substr(in.at, bytes.find('\n', in.at) - in.at));
    return zone;
}

std::int32_t TzifZone::offset_at(std::int64_t instant) const noexcept {
    const auto it = std::upper_bound(instants_.begin(), instants_.end(), instant);
    if (it == instants_.end() && rule_.known)
        return rule_.has_dst ? rule_transition(rule_, instant).before : rule_.standard;
    if (it == instants_.begin())
        return first_offset_;
    return offsets_[static_cast<std::size_t>(it - instants_.begin()) - 1];
}

bool TzifZone::next_transition(std::int64_t after, core::Transition *next) const noexcept {
    const auto it = std::upper_bound(instants_.begin(), instants_.end(), after);
    if (it != instants_.end()) {
        *next = {*it, offset_at(after), offsets_[static_cast<std::size_t>(it - instants_.begin())]};
        return true;
    }
    if (!rule_.has_dst)
        return false;
    *next = rule_transition(rule_, after);
    return true;
}

} // namespace ayb::test

#include "figures/totals.hpp"

#include <array>
#include <cmath>

namespace ayb::figures {

const char *const kTotals =
    "SELECT t.place, t.type, t.completed, t.failed, t.retried, t.lost, t.canceled, t.snoozed, "
    "t.wait_time,"
    " t.run_time, t.wait_sum, t.run_sum FROM ayb_jobs_internal.totals() AS t ORDER BY t.place";

namespace {

constexpr int kOutcomes = 6;
constexpr std::array<const char *, kOutcomes> kWords = {"completed", "failed",   "retried",
                                                        "lost",      "canceled", "snoozed"};
// As the database counts times: two buckets to an octave, from one microsecond on.
constexpr std::size_t kBuckets = 64;
// Every second octave from 64 us to 18 minutes is a bound of ours.
constexpr int kFirstOctave = 6, kLastOctave = 30, kStep = 2;

struct Times {
    std::array<unsigned long long, kBuckets> buckets{};
    unsigned long long sum = 0; // microseconds
};

struct Counts {
    std::array<unsigned long long, kOutcomes> outcomes{};
    Times wait;
    Times run;
};

unsigned long long number(const std::string &text) { return std::stoull(text); }

// "{1,2,…}"
void add_times(Times &times, const std::string &array, const std::string &sum) {
    times.sum += number(sum);
    std::size_t begin = 1;
    for (std::size_t i = 0; i < kBuckets && begin < array.size(); i++) {
        times.buckets[i] += number(array.substr(begin, array.find_first_of(",}", begin) - begin));
        begin = array.find_first_of(",}", begin) + 1;
    }
}

void add_row(Counts &counts, const db::Result &totals, int row) {
    for (int i = 0; i < kOutcomes; i++)
        counts.outcomes[static_cast<std::size_t>(i)] += number(totals.at(row, 2 + i).value());
    const auto column = [&](int place) { return totals.at(row, 2 + kOutcomes + place).value(); };
    add_times(counts.wait, column(0), column(2));
    add_times(counts.run, column(1), column(3));
}

Buckets in_seconds(const Times &times) {
    Buckets buckets{{}, {}, static_cast<double>(times.sum) / 1e6};
    for (int octave = kFirstOctave; octave <= kLastOctave; octave += kStep)
        buckets.bounds.push_back(std::ldexp(1.0, octave) / 1e6);
    buckets.counts.resize(buckets.bounds.size() + 1);
    for (std::size_t i = 0; i < kBuckets; i++) {
        std::size_t into = 0;
        while (into < buckets.bounds.size() &&
               static_cast<int>(i) >= 2 * (kFirstOctave + kStep * static_cast<int>(into)))
            into++;
        buckets.counts[into] += times.buckets[i];
    }
    return buckets;
}

void add_type(Page &page, const std::string &database, const std::string &type,
              const Counts &counts) {
    const std::string labels = both(database, label("type", type));
    for (std::size_t i = 0; i < kOutcomes; i++)
        page.add("ayb_jobs_attempts_total", both(labels, label("outcome", kWords[i])),
                 std::to_string(counts.outcomes[i]));
    page.add("ayb_jobs_wait_seconds", labels, in_seconds(counts.wait));
    page.add("ayb_jobs_run_seconds", labels, in_seconds(counts.run));
}

} // namespace

void add_totals(Page &page, const std::string &database, const db::Result &totals, int own) {
    Counts others;
    bool has_others = false;
    for (int row = 0; row < totals.rows(); row++) {
        const int place = std::stoi(totals.at(row, 0).value());
        if (place > 0 && place <= own) {
            Counts counts;
            add_row(counts, totals, row);
            add_type(page, database, totals.at(row, 1).value(), counts);
        } else {
            add_row(others, totals, row);
            has_others = true;
        }
    }
    if (has_others)
        add_type(page, database, "", others);
}

} // namespace ayb::figures

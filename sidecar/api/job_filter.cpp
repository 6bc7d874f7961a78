#include "api/job_filter.hpp"

#include "route/values.hpp"

#include <algorithm>

namespace ayb::api {

namespace {

// Ids of ours sort by when they were made and lie between these two (2024, 2039). Imported ones may
// be of any kind, and nearly all lie outside.
constexpr const char *kFirstOurs = "'01900000-0000-7000-8000-000000000000'::uuid";
constexpr const char *kEndOurs = "'01ffffff-ffff-7fff-bfff-ffffffffffff'::uuid";

// Text is not looked for in payloads that are stored in more bytes than this.
constexpr const char *kSearchedPayload = "65536";

// The lowest id of an instant; `slack` is for jobs that say another time than their id.
std::string id_at(const std::string &instant, const char *slack) {
    const std::string hex = "lpad(to_hex((least(greatest(extract(epoch FROM " + instant + " " +
                            slack + "), 0), 281474976710) * 1000)::bigint), 12, '0')";
    return "overlay(" + hex + " || '-0000-0000-000000000000' PLACING '-' FROM 9 FOR 0)::uuid";
}

std::string conjunction(const std::vector<std::string> &conditions) {
    std::string out;
    for (const std::string &condition : conditions)
        out += (out.empty() ? " WHERE " : " AND ") + condition;
    return out;
}

std::string newest(const std::string &jobs, const std::string &page) {
    return "SELECT c.* FROM (" + jobs + ") AS c ORDER BY c.id DESC " + page;
}

} // namespace

JobFilter::JobFilter(const http::Query &query) {
    require("j.type = $?", query["type"]);
    if (const auto since = time_of(query, "since")) {
        looked_.push_back(fill("j.created_at >= $?::timestamptz", *since));
        first_id_ = id_at(fill("$?::timestamptz", *since), "- interval '1 minute'");
    }
    if (const auto until = time_of(query, "until")) {
        looked_.push_back(fill("j.created_at < $?::timestamptz", *until));
        end_id_ = id_at(fill("$?::timestamptz", *until), "+ interval '1 minute'");
    }
    if (!query["phase"].empty())
        require_phase(query["phase"]);
    if (!query["q"].empty())
        search(query["q"]);
}

// Those of queued jobs are worked out row by row; of any other it is the state.
void JobFilter::require_phase(const std::string &phase) {
    const auto *const found = std::find(std::begin(kPhases), std::end(kPhases), phase);
    if (found == std::end(kPhases)) {
        std::string all;
        for (const std::string_view one : kPhases)
            all.append(all.empty() ? "one of: " : ", ").append(one);
        throw invalid("phase", all);
    }
    const bool queued = found - std::begin(kPhases) < kPhasesOfQueued;
    require("j.state = $?", queued ? "queued" : phase);
    if (queued)
        looked_.push_back(fill("j.phase = $?", phase));
}

void JobFilter::search(const std::string &text) {
    if (is_uuid(text))
        exact_ = fill("j.id = $?::uuid", text);
    looked_.push_back(fill(std::string("(strpos(lower(j.last_error), lower($?)) > 0"
                                       " OR strpos(lower(j.idempotency_key), lower($?)) > 0"
                                       " OR CASE WHEN pg_column_size(j.payload) <= ") +
                               kSearchedPayload +
                               " THEN strpos(lower(j.payload::text), lower($?)) > 0 END)",
                           text));
}

std::string JobFilter::fill(const std::string &condition, const std::string &value) {
    parameters_.emplace_back(value);
    const std::string number = "$" + std::to_string(parameters_.size());
    std::string filled = condition;
    for (std::size_t at; (at = filled.find("$?")) != std::string::npos;)
        filled.replace(at, 2, number);
    return filled;
}

void JobFilter::require(const std::string &condition, const std::string &value) {
    if (!value.empty())
        indexed_.push_back(fill(condition, value));
}

std::string JobFilter::with() const {
    return exact_.empty()
               ? ""
               : "WITH exact AS MATERIALIZED (SELECT j.* FROM ayb_jobs.jobs AS j WHERE " + exact_ +
                     ") ";
}

std::string JobFilter::where(const char *state, const std::string &more) const {
    std::vector<std::string> conditions = indexed_;
    if (state != nullptr)
        conditions.push_back(std::string("j.state = '") + state + "'");
    if (!more.empty())
        conditions.push_back(more);
    return conjunction(conditions);
}

// With a time, three walks along the index instead of one, none of which comes by what is outside.
std::string JobFilter::candidates(const char *state) const {
    const std::string all = "SELECT j.* FROM ayb_jobs.jobs AS j";
    if (first_id_.empty() && end_id_.empty())
        return all + where(state);
    const std::string first =
        first_id_.empty() ? kFirstOurs : "greatest(" + first_id_ + ", " + kFirstOurs + ")";
    const std::string end = end_id_.empty() ? kEndOurs : "least(" + end_id_ + ", " + kEndOurs + ")";
    return all + where(state, std::string("j.id >= ") + kEndOurs) + " UNION ALL " + all +
           where(state, "j.id >= " + first + " AND j.id < " + end) + " UNION ALL " + all +
           where(state, std::string("j.id < ") + kFirstOurs);
}

std::string JobFilter::jobs(const char *state) const {
    if (looked_.empty())
        return candidates(state);
    std::string found = "SELECT j.* FROM (" +
                        newest(candidates(state), "LIMIT " + std::to_string(kLongestLook)) +
                        ") AS j" + conjunction(looked_);
    if (exact_.empty())
        return found;
    return "SELECT j.* FROM exact AS j" + where(state) + " UNION ALL " + found +
           " AND NOT EXISTS (SELECT FROM exact)";
}

std::string JobFilter::stopped_at(const char *state) const {
    if (looked_.empty())
        return "NULL::uuid";
    const std::string last = newest("SELECT i.id FROM (" + candidates(state) + ") AS i",
                                    "OFFSET " + std::to_string(kLongestLook - 1) + " LIMIT 1");
    return exact_.empty() ? "(" + last + ")"
                          : "(SELECT (" + last + ") WHERE NOT EXISTS (SELECT FROM exact))";
}

} // namespace ayb::api

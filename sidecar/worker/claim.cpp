#include "worker/claim.hpp"

#include "db/bell.hpp"
#include "route/wait.hpp"

namespace ayb::worker {

namespace {

constexpr long long kMost = 1000;           // jobs at once
constexpr std::size_t kLongestWorker = 128; // behind a token's name, whose longest is 64
constexpr std::size_t kMostTypes = 100;

std::vector<std::string> types_of(const json::Object &body) {
    const auto list = body.raw("types");
    std::vector<std::string> types;
    try {
        for (const std::string_view type : json::elements(list.value_or("")))
            types.push_back(json::unquote(type));
    } catch (const json::Error &) {
        throw api::invalid("types", "not a list of names");
    }
    if (types.empty() || types.size() > kMostTypes)
        throw api::invalid("types", "from 1 to " + std::to_string(kMostTypes) + " names");
    return types;
}

const std::string &claim_sql() {
    static const std::string sql = api::guarded(api::list(
        api::object({{"id", "j.id"},
                     {"type", "j.type"},
                     {"payload", "j.payload"},
                     {"attempt", "j.attempt"},
                     {"maxAttempts", "j.max_attempts"},
                     {"runAt", "j.run_at"},
                     {"leaseUntil", "j.lease_until"},
                     {"partitionKey", "j.partition_key"},
                     {"meta", "j.meta"}}),
        "ayb_jobs.claim($1, $2::text[], $3::integer, $4::interval) AS j", "j.run_at, j.id"));
    return sql;
}

} // namespace

std::string worker_id(const api::Call &call, const json::Object &body) {
    const std::string worker = body.text("worker").value_or("");
    if (worker.size() > kLongestWorker)
        throw api::invalid("worker", "at most " + std::to_string(kLongestWorker) + " bytes");
    return call.database().actor() + (worker.empty() ? "" : "." + worker);
}

Claim read_claim(const api::Call &call) {
    const json::Object body = call.body();
    api::require_known(body, {"worker", "types", "max", "lease"});
    Claim claim;
    claim.worker = worker_id(call, body);
    claim.types = types_of(body);
    claim.most = body.integer("max").value_or(1);
    if (claim.most < 1 || claim.most > kMost)
        throw api::invalid("max", "from 1 to " + std::to_string(kMost));
    claim.lease = body.text("lease");
    claim.wait = api::wait_of(call.query());
    return claim;
}

Claimed run(const Claim &claim, const api::Database &database) {
    Claimed claimed{};
    claimed.json = database
                       .ask(claim_sql(), {claim.worker, db::array_of(claim.types),
                                          std::to_string(claim.most), claim.lease})
                       .value_or("");
    claimed.any = json::Object(claimed.json).integer("count").value_or(0) > 0;
    return claimed;
}

void give_back(const Claim &claim, const api::Database &database, const Claimed &claimed) noexcept {
    static const std::string sql =
        "SELECT count(s) FROM json_to_recordset($2::json -> 'items') AS j (id uuid, attempt "
        "integer),"
        " LATERAL ayb_jobs.snooze(j.id, $1, j.attempt, interval '0') AS s";
    try {
        database.run({{sql, db::Parameters{claim.worker, claimed.json}}});
    } catch (...) { // nobody is there to be told
        return;
    }
}

} // namespace ayb::worker

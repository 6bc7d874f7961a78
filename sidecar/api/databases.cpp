#include "api/databases.hpp"

#include "jobs/jobs.hpp"

#include <future>

namespace ayb::api {

namespace {

std::string about() {
    return "SELECT " + object({{"database", "current_database()"},
                               {"host", "host(inet_server_addr())"},
                               {"port", "current_setting('port')::integer"},
                               {"serverVersion", "current_setting('server_version')"},
                               {"extensionVersion", "(SELECT e.extversion FROM pg_extension AS e"
                                                    " WHERE e.extname = 'ayb_jobs')"},
                               {"isStandby", "pg_is_in_recovery()"}});
}

// What is in its queue and its history; nothing where it hasn't the extension.
std::string counted_by(db::Pool &pool) {
    static const std::string sql = stats_statement();
    try {
        return ",\"stats\":" + Database(pool, kReader).ask(sql, {"false"}).value_or("{}");
    } catch (const std::exception &) {
        return {};
    }
}

// Members that follow others.
std::string said_by(db::Pool &pool, bool counted) {
    static const std::string sql = about();
    try {
        std::string facts = Database(pool).ask(sql).value_or("{}");
        facts.pop_back();
        return ",\"status\":\"ok\"," + facts.substr(1) + (counted ? counted_by(pool) : "") + "}";
    } catch (const std::exception &error) {
        return ",\"status\":\"unavailable\",\"error\":" + json::quote(error.what()) + "}";
    }
}

// All at once: so one that is slow to say no costs no more than itself.
http::Response list_databases(const Databases &databases, bool counted) {
    std::vector<std::future<std::string>> facts;
    for (const NamedPool &one : databases.all())
        facts.push_back(std::async(std::launch::async,
                                   [&pool = one.pool, counted] { return said_by(pool, counted); }));
    std::string items;
    for (std::size_t place = 0; place < facts.size(); place++)
        items += (place == 0 ? "{\"name\":" : ",{\"name\":") +
                 json::quote(databases.all()[place].name) +
                 ",\"default\":" + (place == 0 ? "true" : "false") + facts[place].get();
    return json_response("{\"items\":[" + items + "],\"count\":" + std::to_string(facts.size()) +
                         "}");
}

} // namespace

std::vector<Route> database_routes(const Databases &databases) {
    return {{"GET", "/api/admin/databases", Access::read, [&databases](const Call &call) {
                 return list_databases(databases, flag_of(call.query(), "stats"));
             }}};
}

} // namespace ayb::api
